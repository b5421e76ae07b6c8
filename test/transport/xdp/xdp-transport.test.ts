import { describe } from 'vitest'
import { parseXdp } from '../../../lib/transport/xdp/options.js'
import { SERVER_SIDE } from '../../support/network-namespaces.js'
import { datagramContract } from '../datagram-contract.js'
import { cableForTests, hasCable, SERVER_INTERFACE } from './cable.js'

/** More queues than threads, so that one of these has two. */
const QUEUES = 4

describe.runIf(hasCable)('the xdp transport', () => {
  const cable = cableForTests({ queues: QUEUES })
  const { ipv4, ipv4Too, ipv6 } = SERVER_SIDE
  datagramContract({
    kind: 'xdp',
    xdp: parseXdp({ interfaces: [SERVER_INTERFACE] })!,
    ...{ ipv4, ipv4Too, ipv6 },
    wildcards: [
      ['0.0.0.0', ipv4],
      ['0.0.0.0', ipv4Too],
      ['::', ipv6],
    ],
    openSocket: async (host) =>
      cable().openSocket(cable().client, host === ipv6 ? cable().client.ipv6 : cable().client.ipv4),
  })
})
