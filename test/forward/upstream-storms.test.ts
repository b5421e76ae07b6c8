import { startTestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { concurrently } from '../support/udp-asker.js'
import { always, Forwarding } from './forwarding.js'

// Issue 5: rows 11 to 13 of field.md §3.2: what many clients, or a few with bad luck, must not do to an upstream.

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

describe('many clients with one question', () => {
  it('are one upstream query while it is open, and all are answered when its answer comes', async () => {
    const clients = 10_000
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
    await using forwarding = await Forwarding.start([upstream], { tryTimeoutMs: 5_000, timeoutMs: 30_000 })
    let answered = 0
    let failed = 0
    const asking = concurrently(Array.from({ length: clients }), clients, async () => {
      const { rcode } = await forwarding.ask('www.example.org').catch(() => ({ rcode: -1 }))
      if (rcode === 0) answered++
      else failed++
    })
    await eventually(() => upstream.count('www.example.org') === 1)
    release()
    await asking
    expect(upstream.count('www.example.org')).toBe(1)
    // The ring between the threads is bounded, and what finds it full is told so at once.
    expect(answered).toBeGreaterThan(0)
    expect(answered + failed).toBe(clients)
  }, 60_000)
})
