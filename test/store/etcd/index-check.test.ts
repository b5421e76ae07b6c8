import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { WireRRset } from '../../../lib/records/wire-rrset.js'
import { keyLayoutFor } from '../../../lib/store/etcd/choose-layout.js'
import { EtcdClient } from '../../../lib/store/etcd/client.js'
import { EtcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { HEALTH_PLACE } from '../../../lib/store/etcd/health-words.js'
import { findDiscrepancies } from '../../../lib/store/etcd/index-check.js'
import { LeafIndex } from '../../../lib/store/etcd/leaf-index.js'
import { loadImage } from '../../../lib/store/etcd/loader/load-image.js'
import { type EtcdStoreOptions, parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { KeySet } from '../../../lib/store/key-set.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
let client: EtcdClient
beforeAll(async () => {
  etcd = await Etcd.start()
  const options = parseEtcdStoreOptions({ hosts: etcd.host })
  client = await EtcdClient.connect(options.hosts[0]!, options)
})
afterAll(async () => {
  client.close()
  await etcd[Symbol.asyncDispose]()
})

const a = (host: string) => JSON.stringify({ type: 'A', host, ttl: 30 })

/** An index that was loaded once and is not followed. */
async function loaded(prefix: string | string[], pageSize = 3, more: Partial<EtcdStoreOptions> = {}) {
  const sink = new MapSink()
  const options = parseEtcdStoreOptions({ hosts: etcd.host, prefix, ...more }, { pageSize })
  const layout = keyLayoutFor(options)
  const index = new LeafIndex(sink)
  const { seed, defaultTtl, views } = sink
  const load = (revision: number) =>
    loadImage({ kind: 'etcd', options, host: options.hosts[0]!, revision, seed, defaultTtl, views })
  const first = await load(await etcd.revision())
  await sink.replaceAll(first.image)
  index.loaded(first)
  const touched = new KeySet()
  const shared = { client, layout, index, sink, requestTimeoutMs: 3000, load, touched, caughtUp: async () => {} }
  const find = () => findDiscrepancies({ ...shared, signal: new AbortController().signal })
  const { bad } = first
  return { find, layout, touched, bad }
}

describe('A comparison of the index with etcd', () => {
  it('finds nothing where there is nothing, bad values, foreign keys and records of two owners among it', async () => {
    const folder = '/same/org/example'
    await etcd.transaction({
      [`${folder}/www/1/`]: a('192.0.2.1'),
      [`${folder}/WWW/2`]: a('192.0.2.1'),
      [`${folder}/alias/`]: '{"type":"CNAME","host":"www.example.org"}',
      [`${folder}/srv/1/`]: '{"type":"SRV","host":"192.0.2.7","port":80}',
      [`${folder}/txt/1/`]: '{"type":"TXT","text":"a"}',
      [`${folder}/two/`]: '{"type":"CNAME","host":"a.example"}',
      [`${folder}/two/1/`]: a('192.0.2.1'),
      [`${folder}/bad/1/`]: 'no JSON',
      [`${folder}/b d/1/`]: a('192.0.2.1'),
      '/same/monitor/status/192.0.2.1': '{}',
    })
    const { find } = await loaded('/same/')
    expect(await find()).toEqual([])
  })

  it('finds keys that are new, changed and gone', async () => {
    const folder = '/other/org/example'
    for (const key of ['kept', 'changed', 'gone', 'touched'])
      await etcd.ctl('put', `${folder}/${key}/1/`, a('192.0.2.1'))
    const { find, layout, touched } = await loaded('/other/')
    await etcd.transaction({
      [`${folder}/changed/1/`]: a('192.0.2.2'),
      [`${folder}/gone/1/`]: undefined,
      [`${folder}/new/1/`]: a('192.0.2.3'),
      [`${folder}/touched/1/`]: a('192.0.2.3'),
    })
    for (const { owner, path } of layout.spots(Buffer.from(`${folder}/touched/1/`))) touched.add(owner, path)
    expect([...(await find())].sort()).toEqual(['changed', 'gone', 'new'].map((name) => `${folder}/${name}/1/`))
  })
})

describe('A comparison of whole RRsets, services, several prefixes and health with etcd', () => {
  it('finds whole RRsets that are new, changed and gone, leaves that they hide, and no other view', async () => {
    const whole = '/whole.v1/default/org/example'
    const leaves = '/whole/org/example'
    for (const name of ['kept', 'changed', 'gone']) {
      await etcd.ctl('put', `${whole}/${name}/A`, '{"data":["192.0.2.1","192.0.2.2"]}')
      await etcd.ctl('put', `${leaves}/${name}/1/`, a('192.0.2.3'))
    }
    await etcd.ctl('put', '/whole.v1/office/org/example/www/A', '{"data":["192.0.2.1"]}')
    const { find } = await loaded('/whole/')
    expect(await find()).toEqual([])
    await etcd.transaction({
      [`${whole}/changed/A`]: '{"data":["192.0.2.7"]}',
      [`${whole}/gone/A`]: undefined,
      [`${whole}/new/A`]: '{"data":["192.0.2.7"]}',
      [`${leaves}/kept/1/`]: a('192.0.2.4'),
      '/whole.v1/office/org/example/www/A': '{"data":["192.0.2.8"]}',
    })
    expect([...(await find())].sort()).toEqual([
      ...['changed', 'gone', 'new'].map((name) => `${whole}/${name}/A`),
      `${leaves}/kept/1/`,
    ])
  })

  it('finds services that are new, changed and gone, at whatever names they are found', async () => {
    const folder = '/services/org/example'
    const service = (host: string) => JSON.stringify({ host, port: 80, text: 'x' })
    for (const key of ['kept/1', 'kept/2/', 'KEPT/3', 'kept', 'changed/1', 'gone/1', 'gone/2/', 'dns/ns/a', 'dns/apex'])
      await etcd.ctl('put', `${folder}/${key}`, service('192.0.2.1'))
    await etcd.ctl('put', '/services/arpa/in-addr/192/0/2/1', '{"host":"www.example.org"}')
    await etcd.ctl('put', `${folder}/bad`, '{"host":5}')
    const { find } = await loaded('/services/', 3, { layout: 'skydns', serviceLevels: 2 })
    expect(await find()).toEqual([])
    await etcd.transaction({
      [`${folder}/changed/1`]: service('192.0.2.2'),
      [`${folder}/gone/1`]: undefined,
      [`${folder}/gone/2/`]: undefined,
      [`${folder}/new/1`]: service('192.0.2.3'),
      '/services/arpa/in-addr/192/0/2/1': undefined,
    })
    const expected = ['changed/1', 'gone/1', 'gone/2/', 'new/1'].map((key) => `${folder}/${key}`)
    expect([...(await find())].sort()).toEqual(['/services/arpa/in-addr/192/0/2/1', ...expected])
  })

  it('finds what differs below each of several prefixes, and nothing between them', async () => {
    const keys = ['/p1/org/example/www/1/', '/p3/org/example/www/1/', '/p3.v1/default/org/example/txt/TXT']
    await etcd.transaction({ [keys[0]!]: a('192.0.2.1'), [keys[1]!]: a('192.0.2.2'), [keys[2]!]: '{"data":["a"]}' })
    await etcd.ctl('put', '/p2/org/example/www/1/', a('192.0.2.9'))
    const { find } = await loaded(['/p3/', '/p1/'])
    expect(await find()).toEqual([])
    await etcd.transaction({ [keys[0]!]: a('192.0.2.3'), [keys[1]!]: undefined, [keys[2]!]: undefined })
    await etcd.ctl('put', '/p2/org/example/www/2/', a('192.0.2.9'))
    expect([...(await find())].sort()).toEqual([...keys].sort())
  })

  it('takes no record for lost that is too large for an answer', async () => {
    const text = JSON.stringify({ type: 'TXT', text: 'x'.repeat(65_100) })
    await etcd.pipe('/large/org/example/www/1/', text)
    const { find, bad } = await loaded('/large/')
    expect(bad).toHaveLength(1)
    expect(await find()).toEqual([])
  })

  it('takes no leaf for lost of a name that has more than there is room for', async () => {
    const text = JSON.stringify({ type: 'TXT', text: 'x'.repeat(60_000) })
    for (let i = 0; i < 10; i++) await etcd.pipe(`/crowd/org/example/www/${i}/`, text)
    const { find, bad } = await loaded('/crowd/')
    expect(bad.length).toBeGreaterThan(0)
    expect(await find()).toEqual([])
  })

  it('finds addresses whose health is another, unless the watch has just told it', async () => {
    const status = (address: string) => `/health/monitor/status/${address}`
    const states = {
      '192.0.2.1': 'UP',
      '192.0.2.2': 'DOWN',
      '192.0.2.3': 'DOWN',
      '192.0.2.4': 'odd',
      '192.0.2.6': 'UP',
    }
    for (const [address, state] of Object.entries(states))
      await etcd.ctl('put', status(address), JSON.stringify({ status: state }))
    const { find, touched } = await loaded('/health/')
    expect(await find()).toEqual([])
    await etcd.transaction({
      [status('192.0.2.1')]: '{"status":"UP","again":true}',
      [status('192.0.2.2')]: '{"status":"UP"}',
      [status('192.0.2.3')]: undefined,
      [status('192.0.2.5')]: '{"status":"DOWN"}',
      [status('192.0.2.6')]: '{"status":"DOWN"}',
    })
    touched.add(HEALTH_PLACE, '192.0.2.6')
    expect([...(await find())].sort()).toEqual(['2', '3', '5'].map((last) => `health of 192.0.2.${last}`))
  })
})

describe('A comparison of thousands of keys with etcd', () => {
  it('finds each that differs', async () => {
    const key = (i: number) => `/many/org/example/n${i % 40}/${i}/`
    const put = (from: number, to: number, host: string) =>
      client.txn(
        {
          compare: [],
          success: Array.from({ length: to - from }, (_, i) => ({
            request_put: { key: Buffer.from(key(from + i)), value: Buffer.from(a(host)) },
          })),
        },
        3000,
      )
    for (let at = 0; at < 5000; at += 125) await put(at, at + 125, '192.0.2.1')
    const { find } = await loaded('/many/', 1000)
    expect(await find()).toEqual([])
    const wrong = Array.from({ length: 300 }, (_, i) => i * 16 + 3)
    for (const i of wrong) await put(i, i + 1, '192.0.2.2')
    for (let i = 0; i < 5; i++) await etcd.ctl('del', key(i * 1000))
    const expected = [...wrong, 0, 1000, 2000, 3000, 4000].map(key)
    expect([...(await find())].sort()).toEqual(expected.sort())
  })
})

describe('etcdStore, when a change gets lost on its way', () => {
  const opened: EtcdStore[] = []
  afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())))

  it('finds that out, counts it, says so, and mends it without a word of an outage', async () => {
    /** Forgets the first write of a name, as if its event had never come. */
    class Forgetful extends MapSink {
      #forgotten = false
      readonly warnings: object[] = []
      override readonly logger = { ...new MapSink().logger, warn: (fields: object) => void this.warnings.push(fields) }

      override write(name: Uint8Array, rrsets: readonly WireRRset[]): void {
        if (!this.#forgotten && Buffer.from(name).includes('lost')) this.#forgotten = true
        else super.write(name, rrsets)
      }
    }
    const sink = new Forgetful()
    const prefix = '/lossy/'
    const store = new EtcdStore(
      parseEtcdStoreOptions({ hosts: etcd.host, prefix, relistIntervalMs: 1000 }, { progressIntervalMs: 50 }),
    )
    opened.push(store)
    await store.open(sink)
    await etcd.ctl('put', `${prefix}org/example/lost/1/`, a('192.0.2.1'))
    await etcd.ctl('put', `${prefix}org/example/www/1/`, a('192.0.2.2'))
    await eventually(() => expect(sink.names()).toEqual(['www.example.org']))
    await eventually(() => expect(sink.names()).toEqual(['lost.example.org', 'www.example.org']))
    await eventually(() => expect(store.status()).toMatchObject({ discrepancies: 1, loads: 2, connected: true }))
    expect(sink.warnings).toEqual([{ keys: [`${prefix}org/example/lost/1/`], count: 1 }])
    expect(sink.reports).toEqual([])
    const { checks } = store.status()
    await eventually(() => store.status().checks > checks)
    expect(store.status().discrepancies).toBe(1)
  })
})
