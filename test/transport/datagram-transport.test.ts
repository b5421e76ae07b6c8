import { describe } from 'vitest'
import type { TransportKind } from '../../lib/transport/datagram-transport.js'
import { batchObstacle } from '../../lib/transport/libc.js'
import { datagramContract } from './datagram-contract.js'
import { openEchoSocket } from './echo-client.js'

const KINDS: TransportKind[] = batchObstacle() === undefined ? ['batch', 'dgram'] : ['dgram']

describe.each(KINDS)('the %s transport', (kind) => {
  datagramContract({
    kind,
    ipv4: '127.0.0.1',
    ipv4Too: '127.0.0.2',
    ipv6: '::1',
    wildcards: [
      ['0.0.0.0', '127.0.0.1'],
      ['::', '::1'],
    ],
    openSocket: openEchoSocket,
  })
})
