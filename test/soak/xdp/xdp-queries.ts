import { queryMessage } from '../../../lib/wire/query-message.js'
import type { NetworkSide } from '../../support/network-namespaces.js'
import type { FrameParts } from '../../transport/xdp/raw-frames.js'
import { OURS } from './fuzzed-frames.js'

/** Who asks whom, as it goes from one process to another. */
export interface XdpQueries {
  readonly clientMac: readonly number[]
  readonly serverMac: readonly number[]
  readonly client: NetworkSide
  readonly server: NetworkSide
  readonly clientPort: number
  readonly serverPort: number
}

const TYPE_A = 1

/** A query over IPv4, and one over IPv6. */
export function queriesOf(queries: XdpQueries): readonly [FrameParts, FrameParts] {
  const { client, clientMac, clientPort, server, serverMac, serverPort } = queries
  const parts = (family: 'ipv4' | 'ipv6'): FrameParts => ({
    ...{ destinationMac: Uint8Array.from(serverMac), sourceMac: Uint8Array.from(clientMac) },
    ...{ source: client[family], destination: server[family], sourcePort: clientPort, destinationPort: serverPort },
    payload: queryMessage('www.example.org', TYPE_A, OURS),
  })
  return [parts('ipv4'), parts('ipv6')]
}
