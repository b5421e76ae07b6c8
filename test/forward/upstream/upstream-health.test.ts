import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../lib/clock.js'
import { parseForward } from '../../../lib/forward/options.js'
import { startTestUpstream, type TestUpstream } from '../../../lib/testing/upstream/test-upstream.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { openUpstreams } from '../../support/ask-upstreams.js'
import { eventually } from '../../support/eventually.js'

const GOOD = { kind: 'reply' }
const at = (server: TestUpstream): string => `127.0.0.1:${server.port}`
const FAST = { tryTimeoutMs: 100, timeoutMs: 300 }
/** Names that are one label of 128 bits. */
const LOOP_TEST = /^[0-9a-f]{32}(\.|$)/i

/** Time that can be pushed, and goes on by itself until it is stopped. */
class PushedClock implements Clock {
  pushedMs = 0
  #stoppedMs: number | undefined
  stop(): void {
    this.#stoppedMs = performance.now()
  }
  monotonicMs(): number {
    return (this.#stoppedMs ?? performance.now()) + this.pushedMs
  }
  wallMs(): number {
    return Date.now() + this.pushedMs
  }
}

const states = (forward: ReturnType<typeof openUpstreams>) => forward.upstreams.stats().map(({ state }) => state)

describe.each(['servfail', 'refused'] as const)('an upstream that answers with nothing but %s', (fault) => {
  it('is asked after others once it has done so ten times, and as before when it gives an answer', async () => {
    await using server = await startTestUpstream()
    await using other = await startTestUpstream()
    const errors = server.fault(fault)
    const clock = new PushedClock()
    clock.stop()
    await using forward = openUpstreams({ upstreams: [at(server), at(other)], policy: 'sequential' }, { clock })
    const askBoth = async () => expect(await forward.ask('www.example')).toMatchObject({ ...GOOD, rcode: 3 })
    for (let i = 0; i < 10; i++) await askBoth()
    expect(server.count('www.example')).toBe(10)
    expect(states(forward)).toEqual(['erring', 'up'])
    for (let i = 0; i < 10; i++) await askBoth()
    expect(server.count('www.example')).toBe(10)
    // A little more: sums of fractions are rounded.
    clock.pushedMs += 5_001
    for (let i = 0; i < 10; i++) await askBoth()
    expect(server.count('www.example')).toBe(11)
    await errors.remove()
    clock.pushedMs += 5_001
    for (let i = 0; i < 10; i++) await askBoth()
    expect(server.count('www.example')).toBe(21)
    expect(states(forward)).toEqual(['up', 'up'])
  })

  it('is asked all the same where the others do no better, and what they say is the answer', async () => {
    await using server = await startTestUpstream()
    await using other = await startTestUpstream()
    for (const each of [server, other]) each.fault(fault)
    await using forward = openUpstreams({ upstreams: [at(server), at(other)], policy: 'sequential' })
    const rcode = fault === 'servfail' ? 2 : 5
    for (let i = 0; i < 30; i++) expect(await forward.ask('www.example')).toMatchObject({ ...GOOD, rcode })
    expect([server, other].map((each) => each.count('www.example'))).toEqual([30, 30])
    expect(states(forward)).toEqual(['erring', 'erring'])
  })

  it('is well when it is one name alone that it cannot answer', async () => {
    await using server = await startTestUpstream()
    server.fault(fault, { name: 'broken.example' })
    await using forward = openUpstreams({ upstreams: [at(server)] })
    for (let i = 0; i < 30; i++) {
      await forward.ask('broken.example')
      await forward.ask('www.example')
    }
    expect(states(forward)).toEqual(['up'])
  })
})

describe('silent upstreams', () => {
  /** Far beyond what a test may take: who waits for it does not get there. */
  const LONG = { timeoutMs: 30_000, tryTimeoutMs: 100, attempts: 1 }

  it('have queries end before their time where these take half of all places, so that there is room for others', async () => {
    await using server = await startTestUpstream()
    server.fault('drop')
    await using forward = openUpstreams({ upstreams: [at(server)], maxInFlight: 32, ...LONG })
    const waiting = Array.from({ length: 32 }, (_, i) => forward.ask(`n${i}.example`))
    expect(await forward.ask('more.example')).toMatchObject({ reason: 'overloaded' })
    let ended = 0
    for (const each of waiting) void each.then(() => ended++)
    await eventually(() => expect(ended).toBeGreaterThan(16))
    expect(states(forward)).toEqual(['down'])
    // With none up, it is that which is told, however many wait; but for one query now and then.
    const told = await Promise.race([forward.ask('next.example'), forward.ask('next.example')])
    expect(told).toMatchObject({ reason: 'allDown' })
  })

  it('have the few that wait get a late answer', async () => {
    await using server = await startTestUpstream()
    const silence = server.fault('drop', { name: 'www.example' })
    server.fault('delay', { ms: 3_000, name: 'late.example' })
    await using forward = openUpstreams({ upstreams: [at(server)], maxInFlight: 32, probeName: 'www.example', ...LONG })
    // What has been answered since a query was sent speaks for the upstream: the test for loops that it begins with.
    await eventually(() => expect(server.queries.some(({ name }) => LOOP_TEST.test(name))).toBe(true))
    await forward.ask('first.example')
    const late = forward.ask('late.example')
    for (let i = 0; i < 4; i++) void forward.ask('www.example')
    await eventually(() => expect(states(forward)).toEqual(['down']))
    expect(await late).toMatchObject(GOOD)
    await silence.remove()
  })

  it('of one forward zone leave room for all other names', async () => {
    await using server = await startTestUpstream()
    await using silent = await startTestUpstream()
    silent.fault('drop')
    await using forward = openUpstreams(
      { upstreams: [at(server)], maxInFlight: 16, ...LONG, tryTimeoutMs: 5_000 },
      { zones: [{ zone: 'silent.example', upstreams: [at(silent)] }] },
    )
    const waiting = Array.from({ length: 20 }, (_, i) => forward.ask(`n${i}.silent.example`, { zone: 0 }))
    const refused = await Promise.all(waiting.slice(12))
    for (const each of refused) expect(each).toMatchObject({ reason: 'overloaded' })
    expect(await forward.ask('www.example')).toMatchObject(GOOD)
  })
})

describe('an upstream that has failed three times', () => {
  it('is left out, while another answers', async () => {
    await using server = await startTestUpstream()
    await using other = await startTestUpstream()
    server.fault('drop')
    await using forward = openUpstreams({ upstreams: [at(server), at(other)], policy: 'sequential', tryTimeoutMs: 100 })
    await eventually(async () => {
      expect(await forward.ask('www.example')).toMatchObject(GOOD)
      expect(states(forward)).toEqual(['down', 'up'])
    })
    const before = server.count('www.example')
    for (let i = 0; i < 20; i++)
      expect(await forward.ask('www.example')).toMatchObject({ upstream: `udp://${at(other)}` })
    expect(server.count('www.example')).toBe(before)
  })

  it('is back once it answers a probe, whatever the answer is', async () => {
    await using server = await startTestUpstream()
    const silence = server.fault('drop')
    await using forward = openUpstreams({ upstreams: [at(server)], probeName: 'alive.example', ...FAST })
    await eventually(async () => {
      await forward.ask('www.example')
      expect(states(forward)).toEqual(['down'])
    })
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed' })
    await silence.remove()
    server.fault('servfail')
    await eventually(() => expect(states(forward)).toEqual(['up']))
    expect(server.queries.filter(({ name }) => name === 'alive.example').map(({ type }) => type)).toContain('NS')
  })

  it('has queries fail at once when there is no other, but for one now and then that finds it back', async () => {
    await using server = await startTestUpstream()
    server.fault('drop')
    const clock = new PushedClock()
    await using forward = openUpstreams({ upstreams: [at(server)], probeName: 'alive.example', ...FAST }, { clock })
    await eventually(async () => {
      await forward.ask('www.example')
      expect(states(forward)).toEqual(['down'])
    })
    await server.clearFaults()
    // A server that answers no probes.
    server.fault('drop', { name: 'alive.example' })
    const reasons = await Promise.all(Array.from({ length: 100 }, () => forward.ask('www.example')))
    expect(reasons.filter((each) => each.kind === 'failed' && each.reason === 'allDown').length).toBeGreaterThanOrEqual(
      99,
    )
    clock.pushedMs += 1_000
    await eventually(async () => expect(await forward.ask('www.example')).toMatchObject(GOOD))
    expect(states(forward)).toEqual(['up'])
  })

  it('is probed at growing intervals, up to ten seconds', async () => {
    await using server = await startTestUpstream()
    await using other = await startTestUpstream()
    server.fault('drop')
    const clock = new PushedClock()
    await using forward = openUpstreams(
      { upstreams: [at(server), at(other)], policy: 'sequential', probeName: 'alive.example', tryTimeoutMs: 100 },
      { clock },
    )
    await eventually(async () => {
      await forward.ask('www.example')
      expect(states(forward)).toEqual(['down', 'up'])
    })
    clock.stop()
    clock.pushedMs += 650
    const probes = () => server.count('alive.example')
    await eventually(() => expect(probes()).toBe(1))
    // Long enough for several looks at what is due.
    other.fault('delay', { ms: 50 })
    // Each is a quarter more or less.
    for (const [i, pauseMs] of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000].entries()) {
      clock.pushedMs += 0.7 * pauseMs
      await forward.ask('www.example')
      expect(probes()).toBe(i + 1)
      clock.pushedMs += 0.6 * pauseMs
      await eventually(() => expect(probes()).toBe(i + 2))
    }
  })

  it('that loses single datagrams while it answers others is left in', async () => {
    await using server = await startTestUpstream()
    server.fault('drop', { name: 'lost.example' })
    await using forward = openUpstreams({ upstreams: [at(server)], ...FAST })
    const lost = Array.from({ length: 20 }, () => forward.ask('lost.example'))
    let isOver = false
    void Promise.all(lost).then(() => {
      isOver = true
    })
    while (!isOver) await forward.ask('www.example')
    expect(states(forward)).toEqual(['up'])
  })

  it.each(['tcp', 'tls'] as const)(
    'by closing every %s connection gets at most four for a query (row 12)',
    async (protocol) => {
      await using server = await startTestUpstream({ tls: true })
      server.fault('closeConnection')
      const place = protocol === 'tcp' ? at(server) : `127.0.0.1:${server.tlsPort}`
      await using forward = openUpstreams({ upstreams: [`${protocol}://${place}`], tls: { ca: server.ca! } })
      await eventually(() => expect(server.connectionCount).toBe(1))
      expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed', reason: 'unreachable' })
      expect(server.connectionCount).toBeLessThanOrEqual(1 + 4)
      await forward.ask('www.example')
      expect(states(forward)).toEqual(['down'])
      const before = server.connectionCount
      await Promise.all(Array.from({ length: 1000 }, () => forward.ask('www.example')))
      expect(server.connectionCount).toBeLessThanOrEqual(before + 4)
    },
  )
})

describe('an upstream that leads back to us (row 21)', () => {
  it('is left out and told of once, and not believed to be alive', async () => {
    await using server = await startTestUpstream()
    await using forward = openUpstreams({ upstreams: [at(server)] })
    await eventually(() => expect(server.queryCount).toBe(1))
    // The test was answered by itself, and is over: the same name means nothing any more.
    const [test] = server.queries
    await eventually(() => expect(forward.upstreams.counts.received).toBe(1))
    expect(forward.upstreams.isOwnProbe(nameFromText(test!.name))).toBe(false)
    expect(states(forward)).toEqual(['up'])
    expect(forward.errors).toEqual([])

    server.fault('drop')
    forward.upstreams.setOptions(parseForward({ upstreams: [at(server)] }, undefined, 30)!)
    await eventually(() => expect(server.queryCount).toBe(2))
    const name = server.queries[1]!.name
    expect(name).toMatch(LOOP_TEST)
    expect(name).not.toBe(test!.name)
    expect(forward.upstreams.isOwnProbe(nameFromText(`${'0'.repeat(32)}.`))).toBe(false)
    // It comes back, in another case.
    expect(forward.upstreams.isOwnProbe(nameFromText(name.toUpperCase()))).toBe(true)
    expect(states(forward)).toEqual(['looping'])
    expect(forward.errors.map(({ code }) => code)).toEqual(['CDNS_FORWARD_LOOP'])
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed', reason: 'allDown' })
    // Once: whoever has seen it can do nothing with it.
    expect(forward.upstreams.isOwnProbe(nameFromText(name))).toBe(false)
  })

  it('is taken in again once it no longer does', async () => {
    await using server = await startTestUpstream()
    server.fault('drop', { nth: 1 })
    const clock = new PushedClock()
    await using forward = openUpstreams({ upstreams: [at(server)] }, { clock })
    await eventually(() => expect(server.queryCount).toBe(1))
    expect(forward.upstreams.isOwnProbe(nameFromText(server.queries[0]!.name))).toBe(true)
    clock.pushedMs += 100_000
    await eventually(() => expect(states(forward)).toEqual(['up']))
    expect(forward.errors).toHaveLength(1)
  })

  it('is tested below the zone that it is asked for', async () => {
    await using server = await startTestUpstream()
    await using forward = openUpstreams(undefined, { zones: [{ zone: 'corp.example', upstreams: [at(server)] }] })
    await eventually(() =>
      expect(server.queries.map(({ name }) => name)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.corp\.example$/)]),
    )
    expect(await forward.ask('www.corp.example', { zone: 0 })).toMatchObject(GOOD)
    expect(await forward.ask('www.example')).toMatchObject({ kind: 'failed', reason: 'noUpstreams' })
  })
})

describe('Upstreams', () => {
  it('keeps what it knows of upstreams that stay in a reload, and lets the others go', async () => {
    await using server = await startTestUpstream()
    await using other = await startTestUpstream()
    await using forward = openUpstreams({ upstreams: [at(server)] })
    await forward.ask('www.example')
    forward.upstreams.setOptions(
      parseForward({ upstreams: [at(other), at(server)], policy: 'sequential' }, undefined, 30)!,
    )
    const [, kept] = forward.upstreams.stats()
    expect(kept!.rttMs).toBeGreaterThan(0)
    expect(await forward.ask('www.example')).toMatchObject({ upstream: `udp://${at(other)}` })
    forward.upstreams.setOptions(parseForward({ upstreams: [at(other)] }, undefined, 30)!)
    expect(forward.upstreams.stats().map(({ address }) => address)).toEqual([`udp://${at(other)}`])
  })

  it('asks no more at once than it may', async () => {
    await using server = await startTestUpstream()
    server.fault('drop')
    await using forward = openUpstreams({ upstreams: [at(server)], maxInFlight: 16, ...FAST })
    const results = await Promise.all(Array.from({ length: 40 }, () => forward.ask('www.example')))
    const overloaded = results.filter((each) => each.kind === 'failed' && each.reason === 'overloaded')
    // One of the sixteen is the test for a loop.
    expect(overloaded).toHaveLength(25)
  })

  it('has queries on their way fail when it is closed, and leaves nothing behind', async () => {
    await using server = await startTestUpstream()
    server.fault('drop')
    const before = process.getActiveResourcesInfo().length
    const forward = openUpstreams({ upstreams: [at(server), `tcp://${at(server)}`] })
    const pending = [forward.ask('a.example'), forward.ask('b.example')]
    await forward.upstreams.close()
    for (const result of await Promise.all(pending)) expect(result).toMatchObject({ kind: 'failed', reason: 'closed' })
    expect(await forward.ask('c.example')).toMatchObject({ kind: 'failed', reason: 'closed' })
    await server.close()
    await eventually(() => expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before))
  })
})
