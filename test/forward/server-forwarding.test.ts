import { describe, expect, it } from 'vitest'
import { type ParsedForward, parseForward } from '../../lib/forward/options.js'
import { ServerForwarding } from '../../lib/forward/server-forwarding.js'
import type { DatagramSockets } from '../../lib/transport/datagram-transport.js'
import { errorCode } from '../support/error-code.js'

function parsed(upstreams: string[], corp = '192.0.2.60', allow: string[] = ['127.0.0.0/8']): ParsedForward {
  return parseForward({ upstreams, allow }, [{ zone: 'corp.example', upstreams: [corp] }], 30)!
}

function serverForwarding() {
  return new ServerForwarding({
    forward: parsed(['192.0.2.53']),
    datagrams: { kind: 'dgram', threads: 1, endpoints: () => ({ kind: 'dgram' }) } as unknown as DatagramSockets,
    threads: 2,
    seed: 1,
    listeners: [{ host: '192.0.2.1', port: 53 }],
    onRing() {},
  })
}

describe('other options', () => {
  it('are told to the threads that run, and to those that are run again', () => {
    const forwarding = serverForwarding()
    const next = parsed(['192.0.2.54', '192.0.2.55'], '192.0.2.61', [])
    const told = forwarding.use(next)
    expect(told.forward).toBe(next)
    expect(forwarding.forwarderTask().forward).toBe(next)
    expect(told.policy.allow).toBe(next.allow)
    expect(forwarding.taskFor(0).policy).toEqual(told.policy)
    forwarding.close()
  })

  it('limit nothing that the host asks for itself', () => {
    const forwarding = serverForwarding()
    forwarding.use(parsed(['192.0.2.54'], '192.0.2.61', []))
    expect(forwarding.hostPolicy.allow).toBeUndefined()
    forwarding.close()
  })

  it('are refused where an upstream is this server, and those before stay', () => {
    const forwarding = serverForwarding()
    expect(errorCode(() => forwarding.refuseOwn(parsed(['192.0.2.1'])))).toBe('CDNS_UPSTREAM_INVALID')
    expect(errorCode(() => forwarding.refuseOwn(parsed(['192.0.2.53'], '192.0.2.1')))).toBe('CDNS_UPSTREAM_INVALID')
    expect(forwarding.forwarderTask().forward.upstreams[0]!.host).toBe('192.0.2.53')
    forwarding.close()
  })
})
