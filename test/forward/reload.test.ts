import { createContainerDns, type ReloadableOptions } from 'containerdns'
import { startTestUpstream, type TestUpstream } from 'containerdns/testing'
import { describe, expect, it } from 'vitest'
import { moduleOf } from '../hooks/hooked-server.js'
import { eventually } from '../support/eventually.js'
import { always, brief, Forwarding } from './forwarding.js'

const OLD = '192.0.2.1'
const NEW = '192.0.2.2'

function upstreamWith(address: string, ttl?: number): Promise<TestUpstream> {
  return startTestUpstream({ answer: always(address, ttl) })
}

function placeOf({ host, port }: TestUpstream): string {
  return `${host}:${port}`
}

/** As a reload names them: what `Forwarding` starts with has the same times. */
function forwardTo(...upstreams: TestUpstream[]): NonNullable<ReloadableOptions['forward']> {
  return { upstreams: upstreams.map(placeOf), policy: 'sequential', tryTimeoutMs: 400, timeoutMs: 2_000 }
}

describe.each(['batch', 'dgram'] as const)('a reload of upstreams over %s', (transport) => {
  it('has others asked from the moment that it resolves, also for what is in the cache', async () => {
    await using old = await upstreamWith(OLD)
    await using next = await upstreamWith(NEW)
    await using server = await Forwarding.start([old], {}, { transport })
    expect(brief(await server.ask('www.example.org'))).toBe(`0 ${OLD}`)
    await server.dns.reload({ forward: forwardTo(next) })
    expect(brief(await server.ask('www.example.org'))).toBe(`0 ${NEW}`)
    expect(brief(await server.askOverTcp('other.example.org'))).toBe(`0 ${NEW}`)
    const { answer } = await server.dns.query('third.example.org', 'A')
    expect(answer[0]).toMatchObject({ data: NEW })
    expect(old.queries.filter(({ name }) => /other|third/.test(name))).toEqual([])
  })

  it('loses none of 2 000 queries that are asked meanwhile, each answered by the old or by the new', async () => {
    await using old = await upstreamWith(OLD)
    await using next = await upstreamWith(NEW)
    await using server = await Forwarding.start([old], {}, { transport })
    const places = [next, old]
    let asked = 0
    let isReloading = true
    const answers: string[] = []
    const client = async () => {
      while (asked < 2_000 || isReloading) answers.push(brief(await server.ask(`n${asked++}.example.org`)))
    }
    const clients = Array.from({ length: 20 }, client)
    for (let reload = 0; reload < 5; reload++) {
      await server.dns.reload({ forward: forwardTo(places[reload % 2]!) })
      expect(brief(await server.ask(`after-${reload}.example.org`))).toBe(`0 ${reload % 2 === 0 ? NEW : OLD}`)
    }
    isReloading = false
    await Promise.all(clients)
    expect(answers.filter((answer) => answer !== `0 ${OLD}` && answer !== `0 ${NEW}`)).toEqual([])
    expect(server.dns.stats().threads.every(({ restarts }) => restarts === 0)).toBe(true)
  }, 60_000)

  it('has queries that wait for a silent one asked of the one in its place', async () => {
    await using old = await upstreamWith(OLD)
    await using next = await upstreamWith(NEW)
    old.fault('drop')
    await using server = await Forwarding.start([old], {}, { transport })
    const waiting = server.ask('www.example.org')
    await eventually(() => expect(old.count('www.example.org')).toBe(1))
    await server.dns.reload({ forward: forwardTo(next) })
    expect(brief(await waiting)).toBe(`0 ${NEW}`)
  })

  it('keeps nothing of what the old one says after it', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using old = await startTestUpstream({
      answer: async (query) => {
        if (query.name === 'www.example.org') await held
        return always(OLD)(query)
      },
    })
    await using next = await upstreamWith(NEW)
    await using server = await Forwarding.start([old], { tryTimeoutMs: 5_000, timeoutMs: 20_000 }, { transport })
    const waiting = server.ask('www.example.org')
    await eventually(() => expect(old.count('www.example.org')).toBe(1))
    await server.dns.reload({ forward: forwardTo(next) })
    // Who asks now does not wait with the other one.
    expect(brief(await server.ask('www.example.org'))).toBe(`0 ${NEW}`)
    release()
    expect(brief(await waiting)).toBe(`0 ${OLD}`)
    expect(brief(await server.ask('www.example.org'))).toBe(`0 ${NEW}`)
  })
})

describe('a reload of forwarding', () => {
  it('adds a forward zone, moves it to others and takes it away', async () => {
    await using outside = await upstreamWith(OLD)
    await using corp = await upstreamWith(NEW)
    await using other = await upstreamWith('192.0.2.3')
    await using server = await Forwarding.start([outside])
    const zones = (upstream: TestUpstream) => [{ zone: 'corp.example', upstreams: [placeOf(upstream)] }]
    expect(brief(await server.ask('a.corp.example'))).toBe(`0 ${OLD}`)
    await server.dns.reload({ forwardZones: zones(corp) })
    expect(brief(await server.ask('a.corp.example'))).toBe(`0 ${NEW}`)
    expect(brief(await server.ask('a.example'))).toBe(`0 ${OLD}`)
    await server.dns.reload({ forwardZones: [{ zone: 'x.example', upstreams: [placeOf(corp)] }, ...zones(other)] })
    expect(brief(await server.ask('a.corp.example'))).toBe('0 192.0.2.3')
    await server.dns.reload({ forwardZones: undefined })
    expect(brief(await server.ask('a.corp.example'))).toBe(`0 ${OLD}`)
  })

  it('changes whose queries are forwarded, and for how long answers are kept, and empties no cache for it', async () => {
    await using upstream = await upstreamWith(OLD, 600)
    await using server = await Forwarding.start([upstream])
    await server.ask('kept.example.org')
    await server.dns.reload({ forward: { ...forwardTo(upstream), policy: 'fastest', cache: { maxTtl: 100 } } })
    expect((await server.ask('new.example.org')).answer[0]!.ttl).toBe(100)
    expect((await server.ask('kept.example.org')).answer[0]!.ttl).toBeGreaterThan(100)
    expect(upstream.count('kept.example.org')).toBe(1)
    await server.dns.reload({ forward: { ...forwardTo(upstream), allow: [] } })
    expect((await server.ask('kept.example.org')).rcode).toBe(5)
    expect((await server.dns.query('kept.example.org', 'A')).rcode).toBe('NOERROR')
  })

  it('is known to a forward thread that takes the place of a dead one', async () => {
    await using old = await upstreamWith(OLD)
    await using next = await upstreamWith(NEW)
    const onResponse = moduleOf(
      "export const onResponse = ({ name }) => { if (name === 'die.example.org') process.exit(1) }",
    )
    await using server = await Forwarding.start([old], {}, { hooks: { onResponse } })
    await server.dns.reload({ forward: forwardTo(next) })
    const restarted = new Promise((resolve) => server.dns.once('workerRestart', resolve))
    void server.ask('die.example.org').catch(() => {})
    await restarted
    await eventually(async () => expect(brief(await server.ask('www.example.org'))).toBe(`0 ${NEW}`))
    expect(old.count('www.example.org')).toBe(0)
  })

  it.each<[string, (upstream: TestUpstream, server: Forwarding) => object]>([
    ['CDNS_RESTART_NEEDED', (up) => ({ forward: { ...forwardTo(up), cache: { maxBytes: 2 ** 21 } } })],
    ['CDNS_RESTART_NEEDED', (up) => ({ forward: { ...forwardTo(up), cache: { maxEntries: 77 } } })],
    ['CDNS_RESTART_NEEDED', () => ({ forward: undefined })],
    ['CDNS_UPSTREAM_INVALID', ({ host }, { place }) => ({ forward: { upstreams: [`${host}:${place.port}`] } })],
    ['CDNS_UPSTREAM_INVALID', () => ({ forward: { upstreams: ['dns.example'] } })],
    ['CDNS_OPTION_INVALID', (up) => ({ forward: { ...forwardTo(up), attempts: 4 } })],
    ['CDNS_ZONE_INVALID', (up) => ({ forwardZones: [{ zone: '.', upstreams: [placeOf(up)] }] })],
  ])('changes nothing where it cannot: %s', async (code, changesOf) => {
    await using upstream = await upstreamWith(OLD)
    await using server = await Forwarding.start([upstream])
    const changes = { negativeTtl: 7, ...changesOf(upstream, server) } as ReloadableOptions
    await expect(server.dns.reload(changes)).rejects.toMatchObject({ code })
    expect(brief(await server.ask('www.example.org'))).toBe(`0 ${OLD}`)
    expect((await server.dns.query('no.local.example', 'A')).authority[0]).toMatchObject({ ttl: 30 })
  })

  it('does not begin to forward', async () => {
    await using upstream = await upstreamWith(OLD)
    await using dns = await createContainerDns({ zones: ['local.example'], listen: { port: 0 }, workers: 1 })
    await expect(dns.reload({ forward: forwardTo(upstream) })).rejects.toMatchObject({ code: 'CDNS_RESTART_NEEDED' })
  })
})
