import { ContainerDnsError } from '../errors.js'
import { BatchSockets } from './batch-sockets.js'
import type { DatagramSockets, OpenOptions, TransportKind } from './datagram-transport.js'
import { openDgramSockets } from './dgram-sockets.js'
import { batchObstacle } from './libc.js'

/**
 * Chooses the transport, once, and opens its sockets. Main thread.
 *
 * Rejects with CDNS_PORT_IN_USE, CDNS_ADDRESS_UNAVAILABLE, CDNS_PERMISSION_DENIED or CDNS_SOCKET_FAILED, and then has
 * nothing open; with CDNS_TRANSPORT_UNAVAILABLE where `batch` is asked for and does not work.
 */
export async function openDatagramSockets(options: OpenOptions): Promise<DatagramSockets> {
  const { kind, reason } = chooseTransport(options.kind)
  options.logger.info({ transport: kind, reason }, 'chose the datagram transport')
  if (kind === 'batch') return new BatchSockets(options.addresses, options.threads, reason)
  return openDgramSockets(options.addresses, options.threads, reason)
}

/** The kind and why. `obstacle` says what is in the way of `batch`. */
export function chooseTransport(
  asked: OpenOptions['kind'],
  obstacle: () => string | undefined = batchObstacle,
): { kind: TransportKind; reason: string } {
  if (asked === 'dgram') return { kind: 'dgram', reason: 'it was asked for' }
  const inTheWay = obstacle()
  if (inTheWay === undefined) {
    return { kind: 'batch', reason: asked === 'batch' ? 'it was asked for' : 'recvmmsg and sendmmsg work here' }
  }
  if (asked === 'auto') return { kind: 'dgram', reason: `batch does not work here: ${inTheWay}` }
  throw new ContainerDnsError('CDNS_TRANSPORT_UNAVAILABLE', `transport batch does not work here: ${inTheWay}`)
}
