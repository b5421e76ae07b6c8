import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { EtcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { type EtcdTuning, parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { AskedAllTheTime } from '../../support/asked-all-the-time.js'
import { eventStorm } from '../../support/event-storm.js'
import { eventually } from '../../support/eventually.js'
import { Relay } from '../../support/relay.js'
import { expectSameAsEtcd } from '../../support/same-as-etcd.js'
import { Etcd } from '../../support/start-etcd.js'

/** As the real ones, only sooner. */
const IMPATIENT: Partial<EtcdTuning> = {
  keepaliveTimeMs: 500,
  keepaliveTimeoutMs: 400,
  firstRetryMs: 20,
  longestRetryMs: 200,
  progressIntervalMs: 100,
}

const folder = '/containerdns/org/example'
const KEPT = { [`${folder}/kept/1/`]: a('192.0.2.1') }
/** What a server is behind etcd when nothing is wrong: two rounds of questions on a machine that has other things to do. */
const USUAL_LAG_MS = 3000

function a(host: string, ttl = 30): string {
  return JSON.stringify({ type: 'A', host, ttl })
}

const ending: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of ending.splice(0).reverse()) await each[Symbol.asyncDispose]()
})

async function startEtcd(): Promise<Etcd> {
  const etcd = await Etcd.start()
  ending.push(etcd)
  await etcd.transaction({ ...KEPT, [`${folder}/gone/1/`]: a('192.0.2.2'), [`${folder}/changed/1/`]: a('192.0.2.3') })
  return etcd
}

function makeStore(hosts: string | string[], options: object = {}): EtcdStore {
  return new EtcdStore(
    parseEtcdStoreOptions({ hosts, requestTimeoutMs: 1500, staleAfterMs: 1000, ...options }, IMPATIENT),
  )
}

/** A server over that etcd, asked for `kept` from now on. */
async function serve(hosts: string | string[], options: object = {}): Promise<AskedAllTheTime> {
  const server = await AskedAllTheTime.start(makeStore(hosts, options))
  ending.push(server)
  await server.expect('kept.example.org', '192.0.2.1')
  return server
}

async function change(etcd: Etcd): Promise<void> {
  await etcd.transaction({
    [`${folder}/gone/1/`]: undefined,
    [`${folder}/changed/1/`]: a('192.0.2.4', 60),
    [`${folder}/alias/`]: JSON.stringify({ type: 'CNAME', host: 'kept.example.org', ttl: 5 }),
  })
}

/** How each of these ends. */
async function expectWell(server: AskedAllTheTime, etcd: Etcd): Promise<void> {
  await eventually(() => expectSameAsEtcd(server.dns, etcd), 20_000)
  await eventually(() => expect(server.dns.stats().store).toMatchObject({ connected: true, stale: false }), 20_000)
  await eventually(() => server.dns.stats().store.lagMs < USUAL_LAG_MS, 20_000)
  await server.check()
}

describe('A server', () => {
  it('that starts while etcd is down answers once it has come', async () => {
    const etcd = await startEtcd()
    await etcd.kill()
    const starting = AskedAllTheTime.start(makeStore(etcd.host))
    await etcd.restart()
    const server = await starting
    ending.push(server)
    await server.expect('kept.example.org', '192.0.2.1')
    await change(etcd)
    await expectWell(server, etcd)
  })

  it('answers while etcd is killed and comes back', async () => {
    const etcd = await startEtcd()
    const server = await serve(etcd.host)
    await etcd.kill()
    await eventually(() => expect(server.reports).toEqual(['down']))
    await eventually(() => expect(server.dns.stats().store.stale).toBe(true))
    await etcd.restart()
    await change(etcd)
    await expectWell(server, etcd)
    expect(server.reports).toEqual(['down', 'up'])
  })

  it('answers while etcd stands still, says how old that is, and catches up', async () => {
    const etcd = await startEtcd()
    const server = await serve(etcd.host)
    const contactAt = server.dns.stats().store.lastContactAt
    expect(Math.abs(Date.now() - contactAt)).toBeLessThan(10_000)
    etcd.pause()
    await eventually(() => expect(server.dns.stats().store).toMatchObject({ stale: true, connected: false }))
    expect(server.dns.stats().store.lagMs).toBeGreaterThan(1000)
    etcd.resume()
    await eventually(() => change(etcd), 20_000)
    await expectWell(server, etcd)
    expect(server.dns.stats().store.lastContactAt).toBeGreaterThan(contactAt)
  })

  it('finds out that the other end of its connection is gone without a word', async () => {
    const etcd = await startEtcd()
    await using relay = await Relay.start(etcd.host)
    const server = await serve([relay.host])
    relay.swallow()
    await change(etcd)
    await eventually(() => expect(server.reports).toEqual(['down']))
    relay.mend()
    await expectWell(server, etcd)
  })

  it('goes on from what etcd has when the changes meanwhile are compacted', async () => {
    const etcd = await startEtcd()
    await using relay = await Relay.start(etcd.host)
    const server = await serve(relay.host)
    relay.cut()
    await eventually(() => expect(server.reports).toEqual(['down']))
    await change(etcd)
    await etcd.compact()
    relay.mend()
    await expectWell(server, etcd)
  })

  it('takes what is there when the data folder of etcd was wiped', async () => {
    const etcd = await startEtcd()
    for (let i = 0; i < 10; i++) await etcd.ctl('put', `${folder}/changed/1/`, a(`192.0.2.${i}`))
    const server = await serve(etcd.host)
    const before = server.dns.stats().store.revision
    await etcd.wipe()
    await etcd.transaction(KEPT)
    // There may have been a moment without the name, as etcd had it.
    await eventually(() => expectSameAsEtcd(server.dns, etcd), 20_000)
    await eventually(() => expect(server.dns.stats().store).toMatchObject({ connected: true, stale: false }), 20_000)
    expect(server.dns.stats().store.revision).toBeLessThan(before)
  })

  it('goes back with an etcd that was restored from an older backup', async () => {
    const etcd = await startEtcd()
    const backups = await mkdtemp(join(tmpdir(), 'containerdns-backup-'))
    ending.push({ [Symbol.asyncDispose]: () => rm(backups, { recursive: true, force: true }) })
    await etcd.saveBackup(join(backups, 'etcd.db'))
    const server = await serve(etcd.host)
    await change(etcd)
    for (let i = 0; i < 10; i++) await etcd.ctl('put', `${folder}/later${i}/1/`, a('192.0.2.9'))
    await eventually(() => expectSameAsEtcd(server.dns, etcd))
    const before = server.dns.stats().store.revision
    await etcd.restoreBackup(join(backups, 'etcd.db'))
    await expectWell(server, etcd)
    expect(server.dns.stats().store.revision).toBeLessThan(before)
    await server.dns.records.put({ name: 'new.example.org', type: 'A', data: ['192.0.2.10'] })
    await expectWell(server, etcd)
  })

  it('sees one transaction of a thousand puts, deletes and puts of one name as one', async () => {
    const etcd = await Etcd.start({ flags: ['--max-txn-ops', '4000'] })
    ending.push(etcd)
    const leaves = Array.from({ length: 1000 }, (_, i) => `${folder}/big/${i}/`)
    const addresses = (third: number) =>
      Object.fromEntries(leaves.map((key, i) => [key, a(`192.0.${third + (i >> 8)}.${i & 255}`)]))
    await etcd.transaction({ ...KEPT, ...addresses(0) })
    const server = await serve(etcd.host)
    const seen = new Set<number>()
    server.dns.on('change', () => {
      void server.dns.records.get('big.example.org', 'A').then(([rrset]) => seen.add(rrset?.data.length ?? 0))
    })
    const half = Object.fromEntries(
      leaves.map((key, i) => [key, i % 2 === 0 ? undefined : a(`198.51.${i >> 8}.${i & 255}`)]),
    )
    await etcd.transaction(half)
    await expectWell(server, etcd)
    await etcd.transaction(addresses(100))
    await expectWell(server, etcd)
    await etcd.transaction(Object.fromEntries(leaves.map((key) => [key, undefined])))
    await expectWell(server, etcd)
    for (const count of seen) expect([0, 500, 1000]).toContain(count)
  })

  it('lives through the loss of a leader of three, and of the majority', async () => {
    const members = await Etcd.startCluster(3)
    ending.push(...members)
    await members[0]!.transaction(KEPT)
    const led = await Promise.all(members.map((member) => member.isLeader()))
    const leader = members[led.indexOf(true)]!
    const [second, third] = members.filter((member) => member !== leader) as [Etcd, Etcd]
    // Not the second: who follows a member that is killed hears of that, and not of the majority.
    const server = await serve([leader.host, third.host])
    await leader.kill()
    await eventually(() => change(second), 20_000)
    await expectWell(server, second)
    // What is left is one that would go on answering its watches as if nothing were to come.
    await second.kill()
    await eventually(() => expect(server.dns.stats().store.stale).toBe(true), 20_000)
    await eventually(() => expect(server.causes.join()).toContain('no leader'), 20_000)
    await server.check()
    await second.restart()
    await eventually(() => third.transaction({ [`${folder}/later/1/`]: a('192.0.2.8') }), 20_000)
    await expectWell(server, third)
    // Four waits for elections, of which each may take its time where six processes share two cores.
  }, 90_000)
})

describe('A server that compares everything with etcd now and then', () => {
  it('finds nothing wrong while all goes well, and answers nothing else for it', async () => {
    const etcd = await startEtcd()
    await etcd.transaction({
      [`${folder}/bad/1/`]: '{"type":"A","host":"no address"}',
      '/containerdns/monitor/x': '{}',
    })
    const server = await serve(etcd.host, { relistIntervalMs: 1000 })
    const before = server.dns.stats().store
    for (let i = 0; i < 50; i++)
      await etcd.transaction({ [`${folder}/n${i % 7}/1/`]: i % 3 === 0 ? undefined : a('192.0.2.7') })
    await eventually(() => server.dns.stats().store.checks > before.checks + 1)
    expect(server.dns.stats().store).toMatchObject({ discrepancies: 0, loads: before.loads, connected: true })
    expect(server.reports).toEqual([])
    await server.check()
  })
})

describe('A server under ten thousand changes a second', () => {
  it('keeps up, ends with what etcd has, and gives the memory back', async () => {
    const { worstLagMs, worstPutMs, catchUpMs, grownBytes } = await eventStorm(5, 10_000)
    expect(worstLagMs).toBeLessThan(worstPutMs + 5000)
    expect(catchUpMs).toBeLessThan(5000)
    expect(grownBytes).toBeLessThan(16 * 2 ** 20)
  })
})
