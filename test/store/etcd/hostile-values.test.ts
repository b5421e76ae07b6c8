import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EtcdClient } from '../../../lib/store/etcd/client.js'
import { EtcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
let client: EtcdClient
const rejections: unknown[] = []
const remember = (reason: unknown) => rejections.push(reason)
beforeAll(async () => {
  etcd = await Etcd.start({ flags: ['--max-request-bytes', String(32 * 1024 * 1024)] })
  const options = parseEtcdStoreOptions({ hosts: etcd.host })
  client = await EtcdClient.connect(options.hosts[0]!, options)
})
afterAll(async () => {
  client.close()
  await etcd[Symbol.asyncDispose]()
})
beforeEach(() => {
  process.on('unhandledRejection', remember)
  process.on('uncaughtException', remember)
})
const opened: EtcdStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  process.off('unhandledRejection', remember)
  process.off('uncaughtException', remember)
  expect(rejections.splice(0)).toEqual([])
})

async function open(prefix: string, layout: 'containerdns' | 'skydns') {
  const store = new EtcdStore(parseEtcdStoreOptions({ hosts: etcd.host, prefix, layout }))
  const sink = new MapSink()
  opened.push(store)
  await store.open(sink)
  return { store, sink }
}

const put = (key: Buffer, value: Buffer) =>
  client.txn({ compare: [], success: [{ request_put: { key, value } }] }, 10_000)

const GOOD = '{"type":"A","host":"192.0.2.1","ttl":30}'
const deep = (open: string, close: string) => `${open.repeat(100_000)}1${close.repeat(100_000)}`

const values: [title: string, value: Buffer][] = [
  ['10 MB of JSON', Buffer.from(JSON.stringify({ host: '192.0.2.1', padding: 'x'.repeat(10 * 1024 * 1024) }))],
  ['10 MB of anything', Buffer.alloc(10 * 1024 * 1024, 0x5b)],
  ['nothing', Buffer.alloc(0)],
  ['no JSON', Buffer.from('host=192.0.2.1')],
  ['invalid UTF-8', Buffer.from([...Buffer.from('{"host":"192.0.2.1","x":"'), 0xff, 0xc0, ...Buffer.from('"}')])],
  ['a lone NUL', Buffer.from([0])],
  ['arrays nested 100 000 deep', Buffer.from(deep('[', ']'))],
  ['objects nested 100 000 deep', Buffer.from(deep('{"a":', '}'))],
  ['a good record with a field nested deep', Buffer.from(`${GOOD.slice(0, -1)},"x":${deep('[', ']')}}`)],
  ['everything in __proto__', Buffer.from(`{"__proto__":${GOOD},"constructor":{"prototype":${GOOD}}}`)],
  ['__proto__ for data', Buffer.from('{"data":{"__proto__":["192.0.2.1"]}}')],
  ['an array', Buffer.from(`[${GOOD}]`)],
  ['null', Buffer.from('null')],
  ['a number for each field', Buffer.from('{"type":1,"host":2,"ttl":3,"text":4,"data":5,"group":6}')],
  ['an object for each field', Buffer.from('{"type":{},"host":{},"ttl":{},"text":{},"data":{},"group":{}}')],
  ['null for each field', Buffer.from('{"type":null,"host":null,"ttl":null,"text":null,"data":null}')],
  ['true in the data', Buffer.from('{"host":true,"data":[true]}')],
  ['a million empty strings for data', Buffer.from(JSON.stringify({ host: '', data: new Array(1_000_000).fill('') }))],
  ['a host with a NUL', Buffer.from('{"host":"a\\u0000b","data":["a\\u0000b"]}')],
  ['a lone surrogate for a host', Buffer.from('{"host":"\\ud800","data":["\\ud800"]}')],
]

const odd = (below: string) => (prefix: string) => Buffer.from(prefix + below, 'latin1')
const keys: [title: string, key: (prefix: string) => Buffer][] = [
  ['a NUL', odd('org/exa\0mple/1/')],
  ['a NUL alone', odd('\0')],
  ['nothing but the prefix', odd('')],
  ['64 KB in one label', odd('x'.repeat(64 * 1024))],
  ['64 KB of labels', odd('x/'.repeat(32 * 1024))],
  ['64 KB of slashes', odd('/'.repeat(64 * 1024))],
  ['64 KB beside a folder of others', odd(`monitor\0/${'1'.repeat(64 * 1024)}`)],
  ['invalid UTF-8', odd('org/\xff\xfe/1/')],
  ['a label called __proto__ without a record', odd('__proto__/')],
]
const wholeKeys: [title: string, key: (prefix: string) => Buffer][] = [
  ['a NUL in a whole RRset', (prefix) => Buffer.from(`${prefix.slice(0, -1)}.v1/default/org/a\0/A`)],
  ['64 KB in a whole RRset', (prefix) => Buffer.from(`${prefix.slice(0, -1)}.v1/default/${'x/'.repeat(32 * 1024)}A`)],
  ['a type called constructor', (prefix) => Buffer.from(`${prefix.slice(0, -1)}.v1/default/org/constructor`)],
]

let prefixes = 0
/** The bad key comes by an event, then stands there for a load. Either way it is counted and everything else is answered. */
async function survives(
  layout: 'containerdns' | 'skydns',
  key: (prefix: string) => Buffer,
  value: Buffer,
): Promise<void> {
  const prefix = `/hostile${prefixes++}/`
  const [before, after] = ['aaa', 'zzz'].map((label) => Buffer.from(`${prefix}org/${label}/1/`))
  const following = await open(prefix, layout)
  await put(before!, Buffer.from(GOOD))
  await put(key(prefix), value)
  await put(after!, Buffer.from(GOOD))
  await eventually(() => expect(following.sink.lines('zzz.org')).toEqual(['30 A 192.0.2.1']))
  const loading = await open(prefix, layout)
  for (const { sink, store } of [following, loading]) {
    expect(store.status()).toMatchObject({ badRecords: 1, connected: true })
    expect(sink.bad).toHaveLength(1)
    expect(sink.bad[0]!.key.length).toBeLessThan(1000)
    expect(sink.lines('aaa.org')).toEqual(['30 A 192.0.2.1'])
    expect(sink.lines('bad.org')).toEqual([])
  }
  expect(loading.sink.dump()).toEqual(following.sink.dump())
  expect(({} as { host?: unknown }).host).toBeUndefined()
}

describe('etcdStore, with hostile values in etcd', () => {
  it.each(values)("goes on with %s in the origin's layout", async (_, value) => {
    await survives('containerdns', (prefix) => Buffer.from(`${prefix}org/bad/1/`), value)
  })

  it.each(values)('goes on with %s in a key for a whole RRset', async (_, value) => {
    await survives('containerdns', (prefix) => Buffer.from(`${prefix.slice(0, -1)}.v1/default/org/bad/A`), value)
  })

  it.each(values)("goes on with %s in SkyDNS's layout", async (_, value) => {
    await survives('skydns', (prefix) => Buffer.from(`${prefix}org/bad/1`), value)
  })

  it.each([...keys, ...wholeKeys])("goes on with a key of %s in the origin's layout", async (_, key) => {
    await survives('containerdns', key, Buffer.from(GOOD))
  })

  it.each(keys.slice(0, -1))("goes on with a key of %s in SkyDNS's layout", async (_, key) => {
    await survives('skydns', key, Buffer.from(GOOD))
  })

  it('writes over what nobody can read', async () => {
    const prefix = `/hostile${prefixes++}/`
    const { store, sink } = await open(prefix, 'containerdns')
    const v1 = Buffer.from(`${prefix.slice(0, -1)}.v1/default/org/bad/NS`)
    await put(v1, Buffer.from(deep('{"a":', '}')))
    await put(Buffer.from(`${prefix}org/bad/debebe8d/`), Buffer.from([0xff]))
    await eventually(() => expect(store.status().badRecords).toBe(2))
    await store.put([
      { name: 'bad.org', type: 'NS', data: ['a.example.org'] },
      { name: 'bad.org', type: 'A', data: ['10.0.0.1'] },
    ])
    expect(sink.lines('bad.org')).toEqual(['30 A 10.0.0.1', '30 NS a.example.org'])
    expect(Object.keys(await etcd.dump(prefix))).toEqual([`${prefix}org/bad/debebe8d/`])
  })
})
