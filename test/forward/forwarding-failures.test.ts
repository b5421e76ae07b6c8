import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestUpstream, type TestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { moduleOf } from '../hooks/hooked-server.js'
import { buildQuery } from '../support/build-query.js'
import { eventually } from '../support/eventually.js'
import { overTcp } from '../support/exchange.js'
import { describeResponse } from '../support/expect-response.js'
import { concurrently } from '../support/udp-asker.js'
import { ask, EDNS, placeOf, startForwarding, ZONE } from './forwarding-server.js'

const FAST = { tryTimeoutMs: 100, timeoutMs: 300, attempts: 1 }

describe.each(['batch', 'dgram'] as const)('over %s, while no upstream answers,', (transport) => {
  it('what is asked for fails in time, our own names are answered, and all is well soon after one is back', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    upstream.fault('drop')
    await using server = await startForwarding(upstream, { transport, forward: FAST })
    const names = Array.from({ length: 50 }, (_, i) => `n${i}.any.forwarded.example`)
    const failing = names.map((name) => ask(server, name, 'A', EDNS))
    expect((await ask(server, 'a.ours.test')).rcode).toBe('NOERROR')
    for (const response of await Promise.all(failing)) {
      expect(response).toMatchObject({ rcode: 'SERVFAIL', flags: 'QR RD RA', opt: '1232 v0 EDE22' })
    }
    expect(describeResponse(await overTcp(server, buildQuery('other.any.forwarded.example'))).rcode).toBe('SERVFAIL')
    await upstream.clearFaults()
    await eventually(async () => expect((await ask(server, `${unique()}.any.forwarded.example`)).rcode).toBe('NOERROR'))
    await eventually(() => expect(server.stats().forward!.inFlight).toEqual({ questions: 0, queries: 0 }))
  })

  it('a failure is remembered for a second or so, and not for longer', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const fault = upstream.fault('servfail', { name: 'www.forwarded.example' })
    await using server = await startForwarding(upstream, { transport, forward: FAST })
    const name = 'www.forwarded.example'
    expect(await ask(server, name, 'A', EDNS)).toMatchObject({ rcode: 'SERVFAIL' })
    const tries = fault.hits
    expect(await ask(server, name, 'A', EDNS)).toMatchObject({ rcode: 'SERVFAIL', opt: '1232 v0 EDE13' })
    expect(fault.hits).toBe(tries)
    await fault.remove()
    await eventually(async () => expect((await ask(server, name)).rcode).toBe('NOERROR'))
  })

  it('what there was is given, and said to be stale, and upstreams are left alone for a while', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, { transport, forward: FAST })
    const name = 'brief.forwarded.example'
    await ask(server, name)
    await upstream.close()
    const stale = { rcode: 'NOERROR', answer: [`${name}. 30 A 192.0.2.3`], opt: '1232 v0 EDE3' }
    await eventually(async () => expect(await ask(server, name, 'A', EDNS)).toMatchObject(stale))
    await eventually(() => expect(server.stats().counters.cacheStale).toBeGreaterThanOrEqual(1))
    const { forwarded } = server.stats().counters
    expect(await ask(server, name, 'A', EDNS)).toMatchObject({ rcode: 'NOERROR', opt: '1232 v0 EDE3' })
    await eventually(() => expect(server.stats().counters.cacheStale).toBeGreaterThanOrEqual(2))
    expect(server.stats().counters.forwarded).toBe(forwarded)
    expect((await ask(server, 'www.forwarded.example')).rcode).toBe('SERVFAIL')
  })

  it('nothing stale is given where that is not wanted', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, { transport, forward: { ...FAST, cache: { serveStale: 0 } } })
    const name = 'brief.forwarded.example'
    await ask(server, name)
    await upstream.close()
    await eventually(async () => expect((await ask(server, name)).rcode).toBe('SERVFAIL'))
  })
})

describe('a slow upstream', () => {
  it('has who waits given what there was after 1.8 s, and its answer kept when it comes', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream, {
      forward: { tryTimeoutMs: 5_000, timeoutMs: 8_000, attempts: 1 },
    })
    const name = 'brief.forwarded.example'
    await ask(server, name)
    upstream.fault('delay', { ms: 3_000 })
    await eventually(async () => expect((await ask(server, name, 'A', EDNS)).opt).toBe('1232 v0 EDE3'))
    await eventually(async () => expect((await ask(server, name, 'A', EDNS)).opt).toBe('1232 v0'))
  })
})

describe('an answer that is much asked for', () => {
  it('is renewed before its time is over', async () => {
    await using upstream = await startTestUpstream({
      answer: ({ name }) => ({ answer: [{ name, type: 'A', ttl: 10, data: '192.0.2.1' }] }),
    })
    await using server = await startForwarding(upstream)
    // Asked for all the time, it would be asked of the upstream once in ten seconds otherwise, and somebody would wait for it.
    await eventually(async () => {
      await ask(server, 'popular.example')
      expect(server.stats().counters).toMatchObject({ forwardRenewed: 1, cacheMisses: 1 })
    }, 20_000)
    expect(upstream.count('popular.example')).toBe(2)
  })
})

describe.each(['batch', 'dgram'] as const)('over %s, when the forward thread dies,', (transport) => {
  it('another one goes on, with an empty cache, and answers what the dead one held', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const marker = join(mkdtempSync(join(tmpdir(), 'containerdns-forward-')), 'died')
    const restarts: string[] = []
    await using server = await startForwarding(upstream, { transport, hooks: { onResponse: dyingOnce(marker) } })
    server.on('workerRestart', ({ role }) => restarts.push(role))
    await ask(server, 'www.forwarded.example')
    upstream.fault('delay', { ms: 500, name: 'held.any.forwarded.example' })
    // Its slot is held by the stream thread, in its ring.
    const held = overTcp(server, buildQuery('held.any.forwarded.example'))
    await eventually(() => expect(upstream.count('held.any.forwarded.example')).toBe(1))
    const dying = ask(server, 'die.any.forwarded.example').catch(() => 'no answer')
    await eventually(() => expect(restarts).toContain('forward'))
    expect(describeResponse(await held).rcode).toBe('NOERROR')
    expect((await ask(server, 'www.forwarded.example')).rcode).toBe('NOERROR')
    expect(upstream.count('www.forwarded.example')).toBe(2)
    expect(restarts).toEqual(['forward'])
    await dying
  })

  it('of a query that is still held, no third one dies', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const onResponse = moduleOf(
      `export const onResponse = ({ name }, { rcode }) => { if (name.startsWith('die.') && rcode === 'NOERROR') process.exit(1) }`,
    )
    const restarts: string[] = []
    await using server = await startForwarding(upstream, { transport, hooks: { onResponse } })
    server.on('workerRestart', ({ role }) => restarts.push(role))
    expect(describeResponse(await overTcp(server, buildQuery('die.any.forwarded.example'))).rcode).toBe('SERVFAIL')
    expect(restarts).toEqual(['forward', 'forward'])
    await eventually(async () => expect((await ask(server, 'www.forwarded.example')).rcode).toBe('NOERROR'))
  })

  it('others that die and come back are answered as before', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const onQuery = moduleOf(
      `export const onQuery = (query) => { if (query.name === 'end.ours.test') process.exit(1); return 'continue' }`,
    )
    const restarts: string[] = []
    await using server = await startForwarding(upstream, { transport, hooks: { onQuery } })
    server.on('workerRestart', ({ role }) => restarts.push(role))
    await ask(server, 'www.forwarded.example')
    const dying = ask(server, 'end.ours.test').catch(() => 'no answer')
    await eventually(() => expect(restarts).toEqual(['dns']))
    await eventually(async () => {
      expect(await ask(server, `${unique()}.any.forwarded.example`)).toMatchObject({ rcode: 'NOERROR' })
    })
    await dying
  })
})

describe('the descriptors of a forward thread', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length

  it('are closed when it dies, and when the server is closed', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const marker = join(mkdtempSync(join(tmpdir(), 'containerdns-forward-')), 'died')
    const restarts: string[] = []
    const options = { transport: 'batch', hooks: { onResponse: dyingOnce(marker) } } as const
    const atFirst = descriptors()
    {
      await using server = await startForwarding(upstream, options)
      server.on('workerRestart', ({ role }) => restarts.push(role))
      const before = descriptors()
      const names = Array.from({ length: 500 }, (_, i) => `n${i}.any.forwarded.example`)
      await concurrently(names, 50, async (name) => {
        expect((await ask(server, name)).rcode).toBe('NOERROR')
      })
      // A port for each query but those that were picked twice: 218 of 256 are to be expected.
      expect(descriptors()).toBeGreaterThan(before + 150)
      const dying = ask(server, 'die.any.forwarded.example').catch(() => 'no answer')
      await eventually(() => expect(restarts).toEqual(['forward']))
      await eventually(() => expect(descriptors()).toBeLessThan(before + 50))
      await dying
    }
    await eventually(() => expect(descriptors()).toBeLessThan(atFirst + 20))
  })
})

describe('hooks and forwarding', () => {
  it.each(['batch', 'dgram'] as const)('have their say over forwarded queries, over %s', async (transport) => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const told: string[] = []
    const asked: string[] = []
    await using server = await startForwarding(upstream, {
      transport,
      hookTimeoutMs: 2_000,
      hooks: {
        onQuery: ({ name, protocol }) => {
          asked.push(`${name} ${protocol}`)
          return name.startsWith('refused') ? 'refuse' : 'continue'
        },
        onResponse: ({ name, protocol }, { rcode }) => void told.push(`${name} ${protocol} ${rcode}`),
      },
    })
    const name = 'www.forwarded.example'
    for (let i = 0; i < 2; i++) {
      expect((await ask(server, name)).answer).toHaveLength(1)
      expect(describeResponse(await overTcp(server, buildQuery(name))).answer).toHaveLength(1)
      await server.cache.flush()
    }
    expect((await ask(server, 'refused.forwarded.example')).rcode).toBe('REFUSED')
    expect(upstream.count('refused.forwarded.example')).toBe(0)
    expect((await server.query(name, 'A')).answer).toHaveLength(1)
    const each = [
      `${name} udp`,
      `${name} tcp`,
      `${name} udp`,
      `${name} tcp`,
      'refused.forwarded.example udp',
      `${name} undefined`,
    ]
    expect(asked).toEqual(each)
    await eventually(() =>
      expect([...told].sort()).toEqual(
        each.map((one) => `${one} ${one.startsWith('r') ? 'REFUSED' : 'NOERROR'}`).sort(),
      ),
    )
  })
})

describe('clients with other rights', () => {
  it('have no answer out of the cache that they may not ask for', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    const acl = [
      { clients: ['127.0.0.0/8'], action: 'allow' as const },
      { clients: ['127.0.0.1/32'], action: 'refuse' as const },
    ]
    await using server = await startForwarding(upstream, { acl })
    expect((await server.query('www.forwarded.example', 'A')).rcode).toBe('NOERROR')
    expect(await ask(server, 'www.forwarded.example', 'A', EDNS)).toMatchObject({
      rcode: 'REFUSED',
      opt: '1232 v0 EDE18',
    })
  })

  it('have a word of their upstreams in stats', async () => {
    await using upstream = await startTestUpstream({ zone: ZONE })
    await using server = await startForwarding(upstream)
    await ask(server, 'www.forwarded.example')
    await eventually(() => expect(server.stats().forward).toMatchObject(statsOf(upstream)))
  })
})

function statsOf(upstream: TestUpstream): object {
  return {
    upstreams: [{ address: `udp://${placeOf(upstream)}`, state: 'up' }],
    cache: { entries: 1 },
    inFlight: { questions: 0 },
  }
}

let last = 0

function unique(): string {
  return `u${last++}`
}

/** A module that ends the thread in which it is called, the first time that it is. */
function dyingOnce(marker: string): string {
  return moduleOf(`
    import { existsSync, writeFileSync } from 'node:fs'
    export const onResponse = ({ name }) => {
      if (!name.startsWith('die.') || existsSync('${marker}')) return
      writeFileSync('${marker}', '')
      process.exit(1)
    }`)
}
