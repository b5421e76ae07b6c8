import { startTestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { UdpClient } from '../support/udp-client.js'
import { always, Forwarding } from './forwarding.js'

// What many clients, or a few with bad luck, must not do to an upstream.

const GOOD = '192.0.2.1'

describe('one query of a client', () => {
  it('is three upstream queries at most, however many upstreams are silent', async () => {
    const upstreams = await Promise.all(Array.from({ length: 6 }, () => startTestUpstream({ answer: () => 'drop' })))
    await using forwarding = await Forwarding.start(upstreams, { policy: 'random' })
    expect((await forwarding.ask('www.example.org')).rcode).toBe(2)
    const asked = upstreams.reduce((total, upstream) => total + upstream.count('www.example.org'), 0)
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThanOrEqual(3)
    await Promise.all(upstreams.map((upstream) => upstream.close()))
  })

  it('opens four connections at most to one that truncates its answer and then closes', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    upstream.fault('truncate')
    upstream.fault('closeConnection')
    await using forwarding = await Forwarding.start([upstream])
    // Those of probes are not the client's.
    const before = upstream.connectionCount
    for (let i = 1; i <= 10; i++) {
      expect((await forwarding.ask(`n${i}.example.org`)).rcode).toBe(2)
      expect(upstream.connectionCount - before).toBeLessThanOrEqual(4 * i + 2)
    }
  })

  it('opens four connections at most to one that closes each of them, and two seconds later none', async () => {
    await using upstream = await startTestUpstream({ answer: always(GOOD) })
    upstream.fault('closeConnection')
    const upstreams = [`tcp://${upstream.host}:${upstream.port}`]
    await using forwarding = await Forwarding.start([], { upstreams })
    expect((await forwarding.ask('first.example.org')).rcode).toBe(2)
    expect(upstream.connectionCount).toBeLessThanOrEqual(4)
    const from = performance.now()
    for (let i = 0; performance.now() - from < 2_000; i++) await forwarding.ask(`n${i}.example.org`)
    // The breaker is open: nobody but a probe gets through.
    const before = upstream.connectionCount
    for (let i = 0; i < 50; i++) expect((await forwarding.ask(`late${i}.example.org`)).rcode).toBe(2)
    expect(upstream.connectionCount - before).toBeLessThanOrEqual(10)
  })
})

describe('ten thousand queries for one name while its upstream holds the answer back', () => {
  it('are one upstream query; each is accounted for, and no more answers than the limit go out when it comes (row 13)', async () => {
    const [queries, perSecond] = [10_000, 500]
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using upstream = await startTestUpstream({
      answer: async (query) => {
        await held
        return always(GOOD)(query)
      },
    })
    const rateLimit = { responsesPerSecond: perSecond, slip: 0 }
    await using forwarding = await Forwarding.start(
      [upstream],
      { attempts: 1, tryTimeoutMs: 5_000, timeoutMs: 30_000 },
      { rateLimit },
    )
    await using client = await UdpClient.open(forwarding.place)
    client.isRecursionDesired = true
    const counters = () => forwarding.dns.stats().counters
    for (let sent = 0; sent < queries; ) {
      // No faster than they are read, or the kernel would drop some.
      for (let i = 0; i < 250; i++) client.send('www.example.org', 'A', sent++)
      await eventually(() => expect(counters().queries).toBe(sent))
    }
    expect(upstream.count('www.example.org')).toBe(1)
    const from = performance.now()
    release()
    const outcome = () => {
      const { responses, responsesLimited } = counters()
      return responses + responsesLimited
    }
    await eventually(() => expect(outcome()).toBe(queries))
    const seconds = (performance.now() - from) / 1000
    const { responses, cacheMisses, forwardFull } = counters()
    expect(cacheMisses + forwardFull).toBe(queries)
    expect(upstream.count('www.example.org')).toBe(1)
    expect(responses).toBeGreaterThan(0)
    // A second's worth at once, and as many in each second that it took; failures for want of room have a limit of their own.
    expect(responses).toBeLessThanOrEqual(2 * perSecond * (seconds + 2))
    expect(responses).toBeLessThan(queries / 2)
  }, 60_000)
})
