import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ContainerDns, type ContainerDnsOptions, createContainerDns, etcdStore, type RRset } from 'containerdns'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { errorCode } from '../../support/error-code.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { dataOf, UdpClient } from '../../support/udp-client.js'

let etcd: Etcd
let folder: string
let snapshotFile: string
const servers: ContainerDns[] = []
beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containerdns-snapshot-'))
  snapshotFile = join(folder, 'snapshot')
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await etcd.restart()
  await etcd.ctl('del', '--prefix', '/containerdns/')
  await rm(folder, { recursive: true, force: true })
})

type StoreOptions = Partial<Parameters<typeof etcdStore>[0]>

async function start(store: StoreOptions = {}, options: ContainerDnsOptions = {}): Promise<ContainerDns> {
  const server = await createContainerDns({
    zones: ['example.org'],
    listen: { port: 0 },
    workers: 1,
    store: etcdStore({ hosts: etcd.host, snapshotFile, ...store }),
    ...options,
  })
  servers.push(server)
  return server
}

const key = (name: string) => `/containerdns/org/example/${name}/1/`
const a = (host: string) => JSON.stringify({ type: 'A', host, ttl: 30 })

async function put(records: Readonly<Record<string, string | undefined>>): Promise<void> {
  const changes = Object.entries(records).map(([name, host]) => [key(name), host && a(host)])
  await etcd.transaction(Object.fromEntries(changes))
}

async function all(server: ContainerDns): Promise<Record<string, unknown[]>> {
  const found: RRset[] = []
  for await (const rrset of server.records.list()) found.push(rrset)
  return Object.fromEntries(found.map(({ name, data }) => [name, data]))
}

/** A server that has lived and left its snapshot. */
async function leaveSnapshot(): Promise<void> {
  await put({ stays: '192.0.2.1', changes: '192.0.2.2', goes: '192.0.2.3' })
  await (await start()).close()
}

describe('etcdStore with a snapshot', () => {
  it('answers from it while etcd is down, says so, and is equal to etcd key by key once that is back', async () => {
    await leaveSnapshot()
    await put({ changes: '192.0.2.20', goes: undefined, comes: '192.0.2.4' })
    await etcd.kill()
    const server = await start()
    await using client = await UdpClient.open(server.addresses[0]!)
    expect(dataOf(await client.ask('changes.example.org'))).toEqual(['192.0.2.2'])
    const { store } = server.stats()
    expect(store).toMatchObject({ connected: false, stale: true, loads: 0 })
    expect(store.snapshot!.ageMs).toBeGreaterThanOrEqual(0)
    expect(Date.now() - store.snapshot!.writtenAt).toBeLessThan(60_000)
    const changed: string[] = []
    server.on('change', ({ name }) => changed.push(name))
    await etcd.restart()
    await eventually(
      () => expect(server.stats().store).toMatchObject({ connected: true, stale: false, loads: 1 }),
      20_000,
    )
    expect(await all(server)).toEqual({
      'stays.example.org': ['192.0.2.1'],
      'changes.example.org': ['192.0.2.20'],
      'comes.example.org': ['192.0.2.4'],
    })
    expect(changed.sort()).toEqual(['changes.example.org', 'comes.example.org', 'goes.example.org'])
    expect(dataOf(await client.ask('comes.example.org'))).toEqual(['192.0.2.4'])
    // And followed from there on.
    await put({ stays: '192.0.2.10' })
    await eventually(async () => expect(dataOf(await client.ask('stays.example.org'))).toEqual(['192.0.2.10']))
    await server.records.put({ name: 'stays.example.org', type: 'A', data: ['192.0.2.11'] })
    expect(dataOf(await client.ask('stays.example.org'))).toEqual(['192.0.2.11'])
  })

  it('writes it after the load, after changes, and with the last of them at its close', async () => {
    const server = await start({ snapshotIntervalMs: 1000 })
    const first = await eventually(() => {
      const { snapshot } = server.stats().store
      if (snapshot === undefined) throw new Error('there is no snapshot yet')
      return snapshot
    })
    expect(server.stats().store.stale).toBe(false)
    await put({ one: '192.0.2.1' })
    await eventually(() => server.stats().store.snapshot!.revision > first.revision)
    expect((await stat(snapshotFile)).mode & 0o777).toBe(0o600)
    await put({ two: '192.0.2.2' })
    await eventually(() => expect(server.stats().index.names).toBe(2))
    await server.close()
    await etcd.kill()
    expect(Object.keys(await all(await start())).sort()).toEqual(['one.example.org', 'two.example.org'])
  })

  it('writes it no more often than it was told to, however much changes', async () => {
    const server = await start({ snapshotIntervalMs: 1000 })
    const written = new Set<number>()
    const startedAt = performance.now()
    for (let i = 0; performance.now() - startedAt < 3500; i++) {
      await put({ busy: `192.0.2.${i % 250}` })
      const { snapshot } = server.stats().store
      if (snapshot !== undefined) written.add(snapshot.writtenAt)
    }
    const lasted = performance.now() - startedAt
    expect(written.size).toBeGreaterThanOrEqual(2)
    expect(written.size).toBeLessThanOrEqual(1 + Math.ceil(lasted / 1000))
  })

  it('does not write it again while nothing changes, nor while it has seen nothing of etcd', async () => {
    await leaveSnapshot()
    const before = await stat(snapshotFile)
    await etcd.kill()
    await (await start()).close()
    expect((await stat(snapshotFile)).mtimeMs).toBe(before.mtimeMs)
  })

  it('starts from etcd, and says why, when the snapshot is damaged', async () => {
    await leaveSnapshot()
    await truncate(snapshotFile, 4100)
    const logged: unknown[] = []
    const log = (about: unknown) => void logged.push(about)
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: log }
    const server = await start({}, { logger })
    const message = expect.stringContaining(`${snapshotFile}: `)
    expect(logged).toMatchObject([{ err: { code: 'CDNS_SNAPSHOT_INVALID', message } }])
    expect(server.stats().store).toMatchObject({ connected: true, stale: false, loads: 1 })
    expect(Object.keys(await all(server))).toHaveLength(3)
    // It is replaced by one that is right.
    await eventually(() => server.stats().store.snapshot !== undefined)
    await server.close()
    await etcd.kill()
    expect(Object.keys(await all(await start()))).toHaveLength(3)
  })

  it('uses none that was written for another prefix or default TTL', async () => {
    await leaveSnapshot()
    const before = await readFile(snapshotFile)
    await etcd.kill()
    for (const [store, options] of [
      [{ prefix: '/other/' }, {}],
      [{}, { defaultTtl: 31 }],
    ] as const) {
      const starting = start(store, { ...options, startTimeoutMs: 1500 })
      await expect(starting).rejects.toMatchObject({ code: 'CDNS_START_TIMEOUT' })
    }
    expect((await readFile(snapshotFile)).equals(before)).toBe(true)
  })

  it('serves without one when it cannot be written, and says so', async () => {
    await put({ www: '192.0.2.1' })
    const server = await start({ snapshotFile: join(folder, 'missing', 'snapshot') })
    const errors: Error[] = []
    server.on('error', (error) => errors.push(error))
    await eventually(() => expect(errors).toMatchObject([{ code: 'CDNS_SNAPSHOT_FAILED' }]))
    expect(server.stats().store).toMatchObject({ connected: true, stale: false })
    expect(server.stats().store.snapshot).toBeUndefined()
  })

  it('is closed in no time while it answers from the snapshot', async () => {
    await leaveSnapshot()
    await etcd.kill()
    const server = await start()
    const startedAt = performance.now()
    await server.close()
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  it('refuses options that cannot be meant', async () => {
    const bad = [{ snapshotFile: '' }, { snapshotFile: 7 as never }, { snapshotIntervalMs: 1 }, { snapshotFile: 'a\0' }]
    for (const options of bad) {
      expect(errorCode(() => parseEtcdStoreOptions({ hosts: etcd.host, ...options }))).toBe('CDNS_OPTION_INVALID')
    }
  })
})
