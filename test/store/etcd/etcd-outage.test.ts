import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { type EtcdTuning, parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { codeOf } from '../../contract/record-store.contract.js'
import { eventually } from '../../support/eventually.js'
import { Relay } from '../../support/relay.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

/** As the real ones, only sooner. */
const IMPATIENT: Partial<EtcdTuning> = {
  keepaliveTimeMs: 400,
  keepaliveTimeoutMs: 300,
  firstRetryMs: 20,
  longestRetryMs: 200,
}

const folder = '/containerdns/org/example'
const a = (host: string, ttl = 30) => JSON.stringify({ type: 'A', host, ttl })

let etcd: Etcd
let sink: MapSink
const opened: EtcdStore[] = []
const rejections: unknown[] = []
const remember = (reason: unknown) => rejections.push(reason)

beforeEach(async () => {
  process.on('unhandledRejection', remember)
  process.on('uncaughtException', remember)
  etcd = await Etcd.start()
  sink = new MapSink()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await etcd[Symbol.asyncDispose]()
  process.off('unhandledRejection', remember)
  process.off('uncaughtException', remember)
  expect(rejections.splice(0)).toEqual([])
})

function make(options: object = {}): EtcdStore {
  const store = new EtcdStore(
    parseEtcdStoreOptions({ hosts: etcd.host, requestTimeoutMs: 1500, ...options }, IMPATIENT),
  )
  opened.push(store)
  return store
}

async function open(options: object = {}): Promise<EtcdStore> {
  const store = make(options)
  await store.open(sink)
  return store
}

describe('etcdStore, when etcd fails', () => {
  it('serves the last good data while etcd is down, then converges on what it comes back with', async () => {
    await etcd.transaction({
      [`${folder}/kept/1/`]: a('192.0.2.1'),
      [`${folder}/gone/1/`]: a('192.0.2.2'),
      [`${folder}/changed/1/`]: a('192.0.2.3'),
    })
    const store = await open()
    const before = sink.dump()
    sink.writes.length = 0
    await etcd.kill()
    await eventually(() => expect(sink.reports).toEqual(['down']))
    expect(store.status().connected).toBe(false)
    expect(sink.dump()).toEqual(before)
    await etcd.restart()
    await eventually(() => expect(sink.reports).toEqual(['down', 'up']))
    expect(store.status()).toMatchObject({ connected: true, loads: 2 })
    expect(sink.writes).toEqual([])
    await etcd.transaction({ [`${folder}/gone/1/`]: undefined, [`${folder}/changed/1/`]: a('192.0.2.4') })
    await eventually(() =>
      expect(sink.dump()).toEqual({
        'kept.example.org': ['30 A 192.0.2.1'],
        'changed.example.org': ['30 A 192.0.2.4'],
      }),
    )
    expect(sink.reports).toEqual(['down', 'up'])
  })

  it('sees what was changed, deleted, deleted and made again, and compacted away while it was not there', async () => {
    await etcd.transaction({
      [`${folder}/kept/1/`]: a('192.0.2.1'),
      [`${folder}/gone/1/`]: a('192.0.2.2'),
      [`${folder}/half/1/`]: a('192.0.2.3'),
      [`${folder}/half/2/`]: a('192.0.2.4'),
      [`${folder}/again/1/`]: a('192.0.2.5'),
      [`${folder}/type/1/`]: a('192.0.2.6'),
    })
    await using relay = await Relay.start(etcd.host)
    await open({ hosts: relay.host })
    sink.writes.length = 0
    relay.cut()
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await etcd.transaction({
      [`${folder}/gone/1/`]: undefined,
      [`${folder}/half/1/`]: undefined,
      [`${folder}/again/1/`]: undefined,
    })
    await etcd.transaction({ [`${folder}/again/1/`]: a('192.0.2.5', 60), [`${folder}/new/1/`]: a('192.0.2.7') })
    await etcd.ctl('put', `${folder}/type/1/`, '{"type":"CNAME","host":"a.example.net"}')
    await etcd.compact()
    relay.mend()
    await eventually(() => expect(sink.reports).toEqual(['down', 'up']))
    expect(sink.dump()).toEqual({
      '1.type.example.org': ['30 CNAME a.example.net'],
      'again.example.org': ['60 A 192.0.2.5'],
      'half.example.org': ['30 A 192.0.2.4'],
      'kept.example.org': ['30 A 192.0.2.1'],
      'new.example.org': ['30 A 192.0.2.7'],
    })
    expect(sink.writes.map((write) => write.name)).not.toContain('kept.example.org')
  })

  it('notices an etcd that has stopped without a word, and follows it again when it goes on', async () => {
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    await open()
    etcd.pause()
    await eventually(() => expect(sink.reports).toEqual(['down']))
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1'])
    etcd.resume()
    await eventually(() => expect(sink.reports).toEqual(['down', 'up']), 20_000)
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.2'))
    await eventually(() => expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.2']))
  })

  it('reads everything anew when etcd comes back with nothing, and with lower revisions', async () => {
    for (let i = 0; i < 20; i++) await etcd.ctl('put', `${folder}/www/1/`, a(`192.0.2.${i}`))
    await etcd.ctl('put', '/containerdns/monitor/status/192.0.2.1', '{"status":"DOWN"}')
    await etcd.ctl('put', '/containerdns/monitor/status/192.0.2.2', '{"status":"UP"}')
    const store = await open()
    expect(sink.health).toEqual({ '192.0.2.1': 'unhealthy', '192.0.2.2': 'healthy' })
    const before = store.status().revision
    await etcd.wipe()
    await etcd.ctl('put', `${folder}/other/1/`, a('192.0.2.99'))
    await eventually(() => expect(sink.dump()).toEqual({ 'other.example.org': ['30 A 192.0.2.99'] }))
    expect(sink.health).toEqual({})
    expect(store.status().revision).toBeLessThan(before)
    await store.put([{ name: 'www.example.org', type: 'A', data: ['192.0.2.1'] }])
    expect(sink.names()).toEqual(['other.example.org', 'www.example.org'])
  })

  it('waits at its start for an etcd that is down', async () => {
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    await etcd.kill()
    const store = make()
    const opening = store.open(sink)
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await etcd.restart()
    await opening
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.1'] })
    expect(sink.reports).toEqual(['down', 'up'])
  })

  it('goes on with another member when one does not answer', async () => {
    await using silent = await Relay.start(etcd.host)
    silent.hang()
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    const store = await open({ hosts: [silent.host, etcd.host, 'http://127.0.0.1:1'] })
    expect(sink.names()).toEqual(['www.example.org'])
    await store.put([{ name: 'www.example.org', type: 'A', data: ['192.0.2.2'] }])
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.2'])
  })

  it('ends an open that waits for etcd as soon as it is closed', async () => {
    etcd.pause()
    const store = make({ requestTimeoutMs: LONG_MS })
    const opening = codeOf(store.open(sink))
    await new Promise((resolve) => setImmediate(resolve))
    await expectQuick(() => store.close())
    expect(await opening).toBe('CDNS_CLOSED')
    await etcd.kill()
    const other = make({ requestTimeoutMs: LONG_MS })
    const alsoOpening = codeOf(other.open(sink))
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await expectQuick(() => other.close())
    expect(await alsoOpening).toBe('CDNS_CLOSED')
  })

  it('closes at once, and gives up its connections and timers, while etcd hangs', async () => {
    const store = await open({ requestTimeoutMs: LONG_MS })
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    etcd.pause()
    const putting = codeOf(store.put([{ name: 'www.example.org', type: 'A', data: ['192.0.2.1'] }]))
    await eventually(() => timers() > before)
    await expectQuick(() => store.close())
    expect(await putting).toBe('CDNS_CLOSED')
    await eventually(() => timers() <= before)
  })

  it('answers a put and a delete in time when etcd does not, all of those that wait', async () => {
    const store = await open()
    etcd.pause()
    const startedAt = performance.now()
    const codes = await Promise.all([
      codeOf(store.put([{ name: 'a.example.org', type: 'A', data: ['192.0.2.1'] }])),
      codeOf(store.put([{ name: 'b.example.org', type: 'A', data: ['192.0.2.1'] }])),
      codeOf(store.delete('a.example.org')),
    ])
    expect(codes).toEqual(['CDNS_STORE_UNAVAILABLE', 'CDNS_STORE_UNAVAILABLE', 'CDNS_STORE_UNAVAILABLE'])
    expect(performance.now() - startedAt).toBeLessThan(3000)
    // In words, with gRPC's own below.
    await expect(store.delete('a.example.org')).rejects.toMatchObject({
      message: 'etcd did not take the change: it did not answer in time',
      cause: { code: 4 },
    })
    etcd.resume()
    await eventually(
      () =>
        codeOf(store.put([{ name: 'c.example.org', type: 'A', data: ['192.0.2.1'] }])).then(
          (code) => code === undefined,
        ),
      20_000,
    )
    expect(sink.names()).toContain('c.example.org')
  })

  it('finishes a put that a short outage interrupts', async () => {
    const store = await open({ requestTimeoutMs: 10_000 })
    await etcd.kill()
    const putting = store.put([{ name: 'www.example.org', type: 'A', data: ['192.0.2.1'] }])
    await etcd.restart()
    await putting
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1'])
  })

  it('never shows half of a large RRset when etcd stops in the middle of it, and finishes it with the next put', async () => {
    const store = await open()
    const data = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const large = { name: 'www.example.org', type: 'A', data } as const
    await store.put([{ ...large, data: ['192.0.2.1'] }])
    const startedAt = performance.now()
    const putting = codeOf(store.put([{ ...large, data: [...data] }]))
    // The cover has come back, and leaves are on their way.
    await eventually(() => expect(sink.lines('www.example.org')).toHaveLength(2000))
    etcd.pause()
    expect([undefined, 'CDNS_STORE_UNAVAILABLE']).toContain(await putting)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    etcd.resume()
    await eventually(() => expect(store.status().connected).toBe(true), 20_000)
    await eventually(
      () => codeOf(store.put([{ ...large, data: [...data] }])).then((code) => code === undefined),
      20_000,
    )
    expect(Object.keys(await etcd.dump(folder))).toHaveLength(2000)
    expect(await etcd.dump('/containerdns.v1/')).toEqual({})
    expect(sink.writes.map(({ rrsets }) => rrsets[0]!.data.length).filter((n) => n !== 1 && n !== 2000)).toEqual([])
  })

  it('loses no change over twenty broken connections', async () => {
    await using relay = await Relay.start(etcd.host)
    await open({ hosts: relay.host })
    for (let round = 0; round < 20; round++) {
      const changes: Record<string, string | undefined> = {}
      for (let i = 0; i < 20; i++)
        changes[`${folder}/n${(7 * round + i) % 50}/1/`] = i % 4 === 0 ? undefined : a(`192.0.2.${round}`)
      const putting = etcd.transaction(changes)
      relay.cut()
      relay.mend()
      await putting
    }
    const expected = Object.entries(await etcd.dump(folder)).map(([key, value]) => [
      `${key.split('/')[4]}.example.org`,
      [`30 A ${(value as { host: string }).host}`],
    ])
    await eventually(() => expect(sink.dump()).toEqual(Object.fromEntries(expected)))
  })

  it('goes on when etcd lets it in again after asking for credentials that it has not', async () => {
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    await etcd.ctl('user', 'add', 'root:x')
    await etcd.ctl('user', 'grant-role', 'root', 'root')
    await using relay = await Relay.start(etcd.host)
    const store = await open({ hosts: relay.host })
    await etcd.ctl('auth', 'enable')
    expect(await codeOf(store.put([{ name: 'b.example.org', type: 'A', data: ['192.0.2.1'] }]))).toBe(
      'CDNS_STORE_UNAVAILABLE',
    )
    relay.cut()
    relay.mend()
    await eventually(() => expect(sink.reports).toEqual(['down']))
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.1'] })
    await etcd.ctl('--user', 'root:x', 'put', `${folder}/www/1/`, a('192.0.2.2'))
    await etcd.ctl('--user', 'root:x', 'auth', 'disable')
    await eventually(() => expect(sink.reports).toEqual(['down', 'up']))
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] })
  })
})

/** How long a request may take of which a store does not await the end. */
const LONG_MS = 60_000

/** Far less than that, and enough for a machine that has other things to do. */
async function expectQuick(close: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  await close()
  expect(performance.now() - startedAt).toBeLessThan(LONG_MS / 6)
}
