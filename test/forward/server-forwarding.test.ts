import { describe, expect, it } from 'vitest'
import { type ParsedForward, parseForward } from '../../lib/forward/options.js'
import { ServerForwarding } from '../../lib/forward/server-forwarding.js'
import type { DatagramSockets } from '../../lib/transport/datagram-transport.js'
import { errorCode } from '../support/error-code.js'

function parsed(upstreams: string[], corp = '192.0.2.60'): ParsedForward {
  return parseForward({ upstreams }, [{ zone: 'corp.example', upstreams: [corp] }], 30)!
}

function serverForwarding() {
  const told: ParsedForward[] = []
  const forwarding = new ServerForwarding({
    forward: parsed(['192.0.2.53']),
    datagrams: { kind: 'dgram', threads: 1 } as DatagramSockets,
    threads: 2,
    seed: 1,
    listeners: [{ host: '192.0.2.1', port: 53 }],
    onRing() {},
    onUpstreams: (forward) => told.push(forward),
  })
  return { forwarding, told }
}

describe('upstreams that are others now', () => {
  it('are told to the forward thread, and to the one that takes its place', () => {
    const { forwarding, told } = serverForwarding()
    forwarding.setUpstreams(parsed(['192.0.2.54', '192.0.2.55'], '192.0.2.61'))
    for (const { upstreams, zones } of [told[0]!, forwarding.forwarderTask().forward]) {
      expect(upstreams.map(({ host }) => host)).toEqual(['192.0.2.54', '192.0.2.55'])
      expect(zones[0]!.upstreams[0]!.host).toBe('192.0.2.61')
    }
    forwarding.close()
  })

  it('are refused when they are this server, and those before stay', () => {
    const { forwarding, told } = serverForwarding()
    expect(errorCode(() => forwarding.setUpstreams(parsed(['192.0.2.1'])))).toBe('CDNS_UPSTREAM_INVALID')
    expect(told).toEqual([])
    expect(forwarding.forwarderTask().forward.upstreams[0]!.host).toBe('192.0.2.53')
    forwarding.close()
  })

  it('change nothing about which zones there are, whose names threads know', () => {
    const { forwarding, told } = serverForwarding()
    forwarding.setUpstreams(parseForward({ upstreams: ['192.0.2.54'] }, undefined, 30)!)
    expect(told[0]!.zones.map(({ zone, upstreams }) => [zone, upstreams[0]!.host])).toEqual([
      ['corp.example', '192.0.2.60'],
    ])
    forwarding.close()
  })
})
