import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { etcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { SkydnsLayout } from '../../../lib/store/etcd/layout-skydns.js'
import type { RecordStore } from '../../../lib/store/record-store.js'
import { nameToText } from '../../../lib/wire/name.js'
import { codeOf } from '../../contract/record-store.contract.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
let prefixes = 0
beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())

const opened: RecordStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

/** What names answer with when these services stand in etcd: as loaded, and the same once each has come as an event of its own. */
async function answers(services: Readonly<Record<string, object | string>>, options: object = {}) {
  const [loaded, followed] = [`/sky${prefixes++}/`, `/sky${prefixes++}/`]
  const values = Object.entries(services).map(
    ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  )
  for (const [key, value] of values) await etcd.ctl('put', loaded + key, value)
  const first = await open(loaded, options)
  const second = await open(followed, options)
  for (const [key, value] of values) await etcd.ctl('put', followed + key, value)
  await eventually(() => expect(second.sink.dump()).toEqual(first.sink.dump()))
  expect(second.store.status().badRecords).toBe(first.store.status().badRecords)
  const { sink, store } = first
  const remove = async (key: string) => {
    await etcd.ctl('del', loaded + key)
    await eventually(async () => expect(store.status().revision).toBe(await etcd.revision()))
  }
  return { sink, store, remove }
}

async function open(prefix: string, options: object) {
  const store = etcdStore({ hosts: etcd.host, prefix, layout: 'skydns', ...options })
  const sink = new MapSink()
  opened.push(store)
  await store.open(sink)
  return { store, sink }
}

describe('the skydns layout', () => {
  it('answers for a name with the services below it, and for each of these with its own', async () => {
    const { sink, remove } = await answers({
      'local/cluster/www/x1': { host: '192.0.2.1', ttl: 60 },
      'local/cluster/www/x2': { host: '192.0.2.2', ttl: 60 },
      'local/cluster/www/x3': { host: '2001:db8::3' },
    })
    expect(sink.dump()).toEqual({
      'www.cluster.local': ['30 AAAA 2001:db8::3', '60 A 192.0.2.1', '60 A 192.0.2.2'],
      'x1.www.cluster.local': ['60 A 192.0.2.1'],
      'x2.www.cluster.local': ['60 A 192.0.2.2'],
      'x3.www.cluster.local': ['30 AAAA 2001:db8::3'],
    })
    await remove('local/cluster/www/x1')
    await remove('local/cluster/www/x3')
    expect(sink.dump()).toEqual({
      'www.cluster.local': ['60 A 192.0.2.2'],
      'x2.www.cluster.local': ['60 A 192.0.2.2'],
    })
  })

  it('hides the own service of a name behind those below it, until they are gone', async () => {
    const { sink, remove } = await answers({
      'local/cluster/www': { host: '192.0.2.1' },
      'local/cluster/www/x1': { text: 'hello' },
    })
    expect(sink.dump()).toEqual({
      // www itself is below cluster.local.
      'cluster.local': ['30 A 192.0.2.1'],
      'www.cluster.local': ['30 TXT hello'],
      'x1.www.cluster.local': ['30 TXT hello'],
    })
    await remove('local/cluster/www/x1')
    expect(sink.lines('www.cluster.local')).toEqual(['30 A 192.0.2.1'])
  })

  it('gives SRV with weights as shares of each priority, and the name of the key for an address', async () => {
    const { sink, remove } = await answers({
      'local/cluster/db/a': { host: '192.0.2.1', port: 5432, weight: 10 },
      'local/cluster/db/b': { host: '192.0.2.2', port: 5432, weight: 30 },
      'local/cluster/db/c': { host: 'c.example.net', port: 5433, priority: 20 },
      'local/cluster/db/d': { host: '192.0.2.4', port: -1 },
      'local/cluster/db/e': { host: '192.0.2.5' },
    })
    expect(sink.lines('db.cluster.local').filter((line) => line.includes('SRV'))).toEqual([
      '30 SRV 10 25 5432 a.db.cluster.local',
      '30 SRV 10 75 5432 b.db.cluster.local',
      '30 SRV 20 100 5433 c.example.net',
    ])
    expect(sink.lines('a.db.cluster.local')).toEqual(['30 A 192.0.2.1', '30 SRV 10 100 5432 a.db.cluster.local'])
    await remove('local/cluster/db/b')
    expect(sink.lines('db.cluster.local')).toContain('30 SRV 10 100 5432 a.db.cluster.local')
  })

  it('gives a weight of at least 1, and 100 to those who say none', async () => {
    const { sink } = await answers({
      'local/cluster/db/a': { host: 'a.example.net', port: 1, weight: 1 },
      'local/cluster/db/b': { host: 'b.example.net', port: 1, weight: 65535 },
      'local/cluster/other/a': { host: 'a.example.net', port: 1 },
      'local/cluster/other/b': { host: 'b.example.net', port: 1, weight: 300 },
    })
    const srv = (name: string) => sink.lines(name).filter((line) => line.includes('SRV'))
    expect(srv('db.cluster.local')).toEqual(['30 SRV 10 1 1 a.example.net', '30 SRV 10 99 1 b.example.net'])
    expect(srv('other.cluster.local')).toEqual(['30 SRV 10 25 1 a.example.net', '30 SRV 10 75 1 b.example.net'])
  })

  it('gives MX for mail, TXT for text, and both for one service', async () => {
    const { sink } = await answers({
      'local/cluster/mx/a': { host: '192.0.2.1', mail: true, priority: 5, text: 'x'.repeat(300) },
      'local/cluster/mx/b': { host: 'b.example.net', mail: true },
    })
    expect(sink.lines('mx.cluster.local')).toEqual([
      '30 A 192.0.2.1',
      '30 CNAME b.example.net',
      '30 MX 10 b.example.net',
      '30 MX 5 a.mx.cluster.local',
      `30 TXT "${'x'.repeat(255)}" "${'x'.repeat(45)}"`,
    ])
  })

  it('makes an alias of a host that is a name, unless it is the name itself; of several, one', async () => {
    const { sink, store } = await answers({
      'local/cluster/alias': { host: 'www.example.net' },
      'local/cluster/two/a': { host: 'a.example.net' },
      'local/cluster/two/b': { host: 'b.example.net' },
      'local/cluster/loop': { host: 'LOOP.cluster.local.' },
    })
    expect(sink.lines('alias.cluster.local')).toEqual(['30 CNAME www.example.net'])
    expect(sink.lines('two.cluster.local')).toEqual(['30 CNAME a.example.net'])
    expect(sink.lines('loop.cluster.local')).toEqual([])
    expect(store.status().badRecords).toBe(0)
  })

  it('strips labels off the target where it is told to, and none where none would remain', async () => {
    const { sink } = await answers({
      // As external-dns writes it: a label of its own, which nobody should see.
      'local/cluster/www/1a2b': { host: '192.0.2.1', port: 80, targetstrip: 1 },
      'local/cluster/far/1': { host: '192.0.2.2', port: 80, targetstrip: 4 },
      'local/cluster/name/1': { host: 'a.b.example.net', port: 80, mail: true, targetstrip: 2 },
    })
    expect(sink.lines('www.cluster.local')).toEqual(['30 A 192.0.2.1', '30 SRV 10 100 80 www.cluster.local'])
    expect(sink.lines('far.cluster.local')).toContain('30 SRV 10 100 80 1.far.cluster.local')
    expect(sink.lines('name.cluster.local')).toEqual([
      '30 CNAME a.b.example.net',
      '30 MX 10 example.net',
      '30 SRV 10 100 80 example.net',
    ])
  })

  it('answers with one group of services, that of the nearest, unless these disagree', async () => {
    const { sink } = await answers(
      {
        'local/cluster/one/a': { host: '192.0.2.1', group: 'g1' },
        'local/cluster/one/b/x': { host: '192.0.2.2', group: 'g1' },
        'local/cluster/one/c/x': { host: '192.0.2.3', group: 'g2' },
        'local/cluster/one/d/x': { host: '192.0.2.4' },
        'local/cluster/two/a': { host: '192.0.2.1', group: 'g1' },
        'local/cluster/two/b': { host: '192.0.2.2', group: 'g2' },
      },
      { serviceLevels: 2 },
    )
    expect(sink.lines('one.cluster.local')).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2', '30 A 192.0.2.4'])
    expect(sink.lines('c.one.cluster.local')).toEqual(['30 A 192.0.2.3'])
    expect(sink.lines('two.cluster.local')).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2'])
  })

  it('finds services as many names above their own as it is told', async () => {
    const service = { 'local/cluster/east/rails/1': { host: '192.0.2.1' } }
    const names = async (serviceLevels: number) => (await answers(service, { serviceLevels })).sink.names()
    const all = [
      '1.rails.east.cluster.local',
      'rails.east.cluster.local',
      'east.cluster.local',
      'cluster.local',
      'local',
    ]
    for (const levels of [0, 1, 3, 8]) expect(await names(levels)).toEqual(all.slice(0, levels + 1).sort())
  })

  it("has a zone's name servers and addresses where CoreDNS looks for them", async () => {
    const { sink } = await answers({
      'local/cluster/dns/ns/ns1': { host: '192.0.2.53' },
      'local/cluster/dns/apex/1': { host: '192.0.2.80' },
      'local/cluster/www': { host: '192.0.2.1' },
    })
    expect(sink.lines('cluster.local')).toEqual(['30 A 192.0.2.80', '30 NS ns1.ns.dns.cluster.local'])
    expect(sink.lines('ns1.ns.dns.cluster.local')).toEqual(['30 A 192.0.2.53'])
  })

  it('makes PTR of names under the reverse zones, at exactly their own', async () => {
    const { sink } = await answers({ 'arpa/in-addr/192/0/2/1': { host: 'www.cluster.local' } })
    expect(sink.dump()).toEqual({ '1.2.0.192.in-addr.arpa': ['30 PTR www.cluster.local'] })
  })

  it('skips and counts what is no service', async () => {
    const bad = [
      '',
      'null',
      '[]',
      '{}',
      '{"host":5}',
      '{"host":"192.0.2.1","port":"80"}',
      '{"host":"192.0.2.1","port":65536}',
      '{"host":"192.0.2.1","weight":-1}',
      '{"host":"a b"}',
      '{"text":["x"]}',
      '{"host":"192.0.2.1","mail":"yes"}',
      `{"host":"192.0.2.1","group":"${'g'.repeat(256)}"}`,
      '{"__proto__":{"host":"192.0.2.1"}}',
    ]
    const { sink, store } = await answers({
      ...Object.fromEntries(bad.map((value, i) => [`local/cluster/bad/${i}`, value || ' '])),
      'local/cluster/a.b/1': { host: '192.0.2.1' },
      'local/cluster/good/1': { host: '192.0.2.1', unknown: { deep: [1] } },
    })
    expect(sink.names()).toEqual(['1.good.cluster.local', 'good.cluster.local'])
    expect(store.status().badRecords).toBe(bad.length + 1)
  })

  it('is read only', async () => {
    const { store } = await answers({})
    expect(await codeOf(store.put([{ name: 'www.cluster.local', type: 'A', data: ['192.0.2.1'] }]))).toBe(
      'CDNS_STORE_UNSUPPORTED',
    )
    expect(await codeOf(store.delete('www.cluster.local'))).toBe('CDNS_STORE_UNSUPPORTED')
  })

  it('never throws, and finds every record again that it has placed', () => {
    const layout = new SkydnsLayout('/skydns/', 3)
    const segment = fc.oneof(
      fc.constantFrom('dns', 'ns', 'apex', 'arpa', 'in-addr', 'local', 'WWW', '', 'a.b'),
      fc.string({ maxLength: 70 }),
    )
    const anyKey = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.array(segment, { maxLength: 130 }).map((labels) => Buffer.from(`/skydns/${labels.join('/')}`)),
    )
    const field = fc.oneof(
      fc.nat(70_000),
      fc.json({ maxDepth: 1 }).map((text) => JSON.parse(text) as unknown),
    )
    const anyValue = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .record(
          {
            host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), field),
            port: field,
            priority: field,
            weight: field,
            text: fc.oneof(fc.string(), field),
            mail: fc.oneof(fc.boolean(), field),
            targetstrip: field,
            group: fc.oneof(fc.string(), field),
            ttl: field,
          },
          { requiredKeys: [] },
        )
        .map((record) => Buffer.from(JSON.stringify(record))),
    )
    fc.assert(
      fc.property(anyKey, anyValue, (key, value) => {
        const decoded = layout.decode(key, value)
        const spots = new Set(layout.spots(key).map(({ owner, path }) => `${nameToText(owner)} ${path}`))
        if (decoded.kind !== 'records') return
        for (const { owner, path } of decoded.records) expect(spots).toContain(`${nameToText(owner)} ${path}`)
      }),
      { numRuns: 3000 },
    )
  })
})
