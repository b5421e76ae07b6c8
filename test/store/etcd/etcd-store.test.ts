import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RRset } from '../../../lib/records/rrset.js'
import { EtcdStore, etcdStore } from '../../../lib/store/etcd/etcd-store.js'
import { type EtcdTuning, parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import type { RecordStore } from '../../../lib/store/record-store.js'
import { codeOf, describeRecordStore } from '../../contract/record-store.contract.js'
import { errorCode } from '../../support/error-code.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
let prefixes = 0
beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())

/** Each test has a part of etcd for itself. */
function nextPrefix(): string {
  return `/test${prefixes++}/`
}

describeRecordStore('etcdStore', () => etcdStore({ hosts: etcd.host, prefix: nextPrefix() }))

const opened: RecordStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

async function open(prefix: string, tuning: Partial<EtcdTuning> = {}): Promise<{ store: RecordStore; sink: MapSink }> {
  const store = new EtcdStore(parseEtcdStoreOptions({ hosts: etcd.host, prefix }, tuning))
  const sink = new MapSink()
  opened.push(store)
  await store.open(sink)
  return { store, sink }
}

async function openWith(options: object): Promise<{ store: RecordStore; sink: MapSink }> {
  const store = etcdStore({ hosts: etcd.host, ...options })
  const sink = new MapSink()
  opened.push(store)
  await store.open(sink)
  return { store, sink }
}

/** More names below `example.org` than are read at once. */
async function crowd(prefix: string): Promise<void> {
  for (let from = 0; from < 4200; from += 100) {
    const numbers = Array.from({ length: 100 }, (_, i) => from + i)
    await etcd.transaction(
      Object.fromEntries(numbers.map((number) => [`${prefix}org/example/n${number}/1/`, a('192.0.2.1')])),
    )
  }
}

const a = (host: string, more: object = {}) => JSON.stringify({ type: 'A', host, ttl: 30, ...more })

describe('etcdStore, reading', () => {
  it('answers with what etcdctl puts in the layout of the origin, and stops a second after it is deleted', async () => {
    const { sink } = await open('/containerdns/')
    const folder = '/containerdns/local/containerdns'
    await etcd.ctl('put', `${folder}/cctv2/dbbeb9d4/`, a('192.168.10.1'))
    await etcd.ctl('put', `${folder}/cctv2/1f0c24bd/`, a('192.168.10.2'))
    await etcd.ctl('put', `${folder}/cctv2/1f0c24be/`, a('192.168.10.3'))
    await etcd.ctl('put', `${folder}/tv1/`, '{"type":"CNAME","host":"cctv2.containerdns.local."}')
    await eventually(() => {
      expect(sink.dump()).toEqual({
        'cctv2.containerdns.local': ['30 A 192.168.10.1', '30 A 192.168.10.2', '30 A 192.168.10.3'],
        'tv1.containerdns.local': ['30 CNAME cctv2.containerdns.local'],
      })
    }, 1000)
    await etcd.ctl('del', `${folder}/cctv2/1f0c24bd/`)
    await eventually(
      () => expect(sink.lines('cctv2.containerdns.local')).toEqual(['30 A 192.168.10.1', '30 A 192.168.10.3']),
      1000,
    )
    await etcd.ctl('del', '--prefix', folder)
    await eventually(() => expect(sink.names()).toEqual([]), 1000)
  })

  it('loads what is there already, over several pages, with owners that lie across them', async () => {
    const prefix = nextPrefix()
    const names = 600
    for (let from = 0; from < names; from += 100) {
      const changes: Record<string, string> = {}
      for (let i = from; i < from + 100; i++) changes[`${prefix}org/example/n${i}/${i}/`] = a(`192.0.2.${i % 256}`)
      await etcd.transaction(changes)
    }
    // The leaves of the zone itself stand before, between and after all its names.
    await etcd.transaction({
      [`${prefix}org/example/0/`]: a('192.0.2.1'),
      [`${prefix}org/example/n3a/`]: a('192.0.2.2'),
      [`${prefix}org/example/z/`]: a('192.0.2.3'),
    })
    const { sink, store } = await open(prefix, { pageSize: 7 })
    expect(sink.names()).toHaveLength(names + 1)
    expect(sink.lines('example.org')).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2', '30 A 192.0.2.3'])
    expect(store.status()).toMatchObject({ connected: true, loads: 1, changes: 0, revision: await etcd.revision() })
  })

  it('shows a transaction on several leaves of an owner as one write', async () => {
    const prefix = nextPrefix()
    const { sink, store } = await open(prefix)
    const folder = `${prefix}org/example/www`
    await etcd.transaction({
      [`${folder}/1/`]: a('192.0.2.1'),
      [`${folder}/2/`]: a('192.0.2.2'),
      [`${folder}/3/`]: a('192.0.2.3'),
    })
    await etcd.transaction({
      [`${folder}/1/`]: undefined,
      [`${folder}/2/`]: a('192.0.2.9'),
      [`${folder}/4/`]: a('192.0.2.4'),
    })
    await eventually(() => expect(sink.writes).toHaveLength(2))
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.3', '30 A 192.0.2.4', '30 A 192.0.2.9'])
    expect(store.status()).toMatchObject({ changes: 2, revision: await etcd.revision() })
  })

  it('follows a key that is deleted, made again, and changes its type', async () => {
    const prefix = nextPrefix()
    const { sink } = await open(prefix)
    const key = `${prefix}org/example/www/1/`
    await etcd.ctl('put', key, a('192.0.2.1'))
    await etcd.ctl('del', key)
    await etcd.ctl('put', key, a('192.0.2.2'))
    await eventually(() => expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] }))
    await etcd.ctl('put', key, JSON.stringify({ type: 'CNAME', host: 'a.example.net' }))
    await eventually(() => expect(sink.dump()).toEqual({ '1.www.example.org': ['30 CNAME a.example.net'] }))
    await etcd.ctl('put', key, JSON.stringify({ type: 'srv', host: '192.0.2.7', port: 80 }))
    await eventually(() => {
      expect(sink.dump()).toEqual({
        '1.www.example.org': ['30 A 192.0.2.7'],
        'www.example.org': ['30 SRV 10 10 80 1.www.example.org'],
      })
    })
    await etcd.ctl('del', key)
    await eventually(() => expect(sink.names()).toEqual([]))
  })

  it('keeps an address that two keys hold until both are gone', async () => {
    const prefix = nextPrefix()
    const { sink } = await open(prefix)
    const keys = ['www/1/', 'www/2/', 'WWW/3/', 'www/4'].map((path) => `${prefix}org/example/${path}`)
    for (const key of keys) await etcd.ctl('put', key, a('192.0.2.1'))
    for (const key of keys) {
      await eventually(() => expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1']))
      await etcd.ctl('del', key)
    }
    await eventually(() => expect(sink.names()).toEqual([]))
  })

  it('answers with the lowest TTL, and with the next when that leaf goes', async () => {
    const prefix = nextPrefix()
    const { sink } = await open(prefix)
    const folder = `${prefix}org/example/www`
    await etcd.transaction({
      [`${folder}/1/`]: a('192.0.2.1', { ttl: 300 }),
      [`${folder}/2/`]: a('192.0.2.2', { ttl: 5 }),
      [`${folder}/3/`]: a('192.0.2.3', { ttl: 'x' }),
    })
    await eventually(() =>
      expect(sink.lines('www.example.org')).toEqual(['5 A 192.0.2.1', '5 A 192.0.2.2', '5 A 192.0.2.3']),
    )
    await etcd.ctl('del', `${folder}/2/`)
    await eventually(() => expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.3']))
    await etcd.ctl('del', `${folder}/3/`)
    await eventually(() => expect(sink.lines('www.example.org')).toEqual(['300 A 192.0.2.1']))
  })

  it('publishes a CNAME beside addresses, as etcd has it', async () => {
    const prefix = nextPrefix()
    await etcd.transaction({
      [`${prefix}org/example/www/`]: '{"type":"CNAME","host":"a.example.net"}',
      [`${prefix}org/example/www/1/`]: a('192.0.2.1'),
    })
    const { sink } = await open(prefix)
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.1', '30 CNAME a.example.net'])
  })

  it('publishes one of two CNAMEs of a name, and the other when that goes', async () => {
    const prefix = nextPrefix()
    await etcd.transaction({
      [`${prefix}org/example/www/`]: '{"type":"CNAME","host":"a.example.net"}',
      [`${prefix}org/example/www`]: '{"type":"CNAME","host":"b.example.net"}',
    })
    const { sink } = await open(prefix)
    expect(sink.lines('www.example.org')).toEqual(['30 CNAME a.example.net'])
    expect(sink.bad).toHaveLength(1)
    await etcd.ctl('del', `${prefix}org/example/www/`)
    await eventually(() => expect(sink.lines('www.example.org')).toEqual(['30 CNAME b.example.net']))
  })

  it('counts and skips what it cannot read, and drops what the key said before', async () => {
    const prefix = nextPrefix()
    const folder = `${prefix}org/example`
    await etcd.transaction({
      [`${folder}/www/1/`]: a('192.0.2.1'),
      [`${folder}/bad/1/`]: 'no json',
      [`${prefix}monitor/status/192.0.2.1`]: '{"status":"UP"}',
      [`${prefix}apiHost/h`]: '{}',
    })
    const { sink, store } = await open(prefix)
    expect(sink.bad).toEqual([{ key: `${folder}/bad/1/`, reason: 'the value is not JSON' }])
    await etcd.ctl('put', `${folder}/www/1/`, '{"type":"A","host":"nonsense"}')
    await eventually(() => expect(sink.names()).toEqual([]))
    expect(store.status().badRecords).toBe(2)
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.2'))
    await eventually(() => expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] }))
    expect(store.status().badRecords).toBe(1)
  })

  it('counts the keys that are bad now, whether it has met them in a load or one after the other', async () => {
    const prefix = nextPrefix()
    const folder = `${prefix}org/example`
    const other = `${prefix.slice(0, -1)}.v1/lab/org/example/www/A`
    await etcd.transaction({ [`${folder}/loaded/1/`]: 'no json', [`${folder}/healed/1/`]: 'no json' })
    const following = await open(prefix)
    const isSeen = () => eventually(async () => expect(following.store.status().revision).toBe(await etcd.revision()))
    const counts = async () => {
      await isSeen()
      const loading = await open(prefix)
      const [first, second] = [following, loading].map(({ store }) => store.status())
      const { badRecords, ignoredRecords } = first!
      expect({ badRecords, ignoredRecords }).toEqual({
        badRecords: second!.badRecords,
        ignoredRecords: second!.ignoredRecords,
      })
      return [badRecords, ignoredRecords]
    }
    expect(await counts()).toEqual([2, 0])
    for (const value of ['no', 'still no', 'nor now']) {
      await etcd.ctl('put', `${folder}/bad/1/`, value)
      await etcd.ctl('put', other, value)
      await isSeen()
    }
    await etcd.ctl('put', `${folder}/healed/1/`, a('192.0.2.1'))
    // Text that is longer than a message stands in no answer.
    const long = JSON.stringify({ type: 'TXT', text: 'x'.repeat(70_000) })
    await etcd.pipe(`${folder}/txt/1/`, long)
    expect(await counts()).toEqual([3, 1])
    // There is room for one of them.
    const half = (letter: string) => JSON.stringify({ type: 'TXT', text: letter.repeat(40_000) })
    await etcd.pipe(`${folder}/txt/2/`, half('a'))
    await etcd.pipe(`${folder}/txt/3/`, half('b'))
    expect(await counts()).toEqual([4, 1])
    await etcd.ctl('del', `${folder}/txt/2/`)
    expect(await counts()).toEqual([3, 1])
    for (const key of [`${folder}/bad/1/`, `${folder}/loaded/1/`, `${folder}/txt/1/`, other]) await etcd.ctl('del', key)
    expect(await counts()).toEqual([0, 0])
  })

  it('asks for smaller pages when one is larger than a message may be', async () => {
    const prefix = nextPrefix()
    const value = JSON.stringify({ type: 'TXT', text: 'x'.repeat(50_000), padding: 'y'.repeat(1_000_000) })
    const small = JSON.stringify({ type: 'TXT', text: 'small' })
    for (let i = 0; i < 70; i++) await etcd.pipe(`${prefix}org/n${i}/txt/1/`, i === 69 ? small : value)
    const { sink } = await open(prefix)
    expect(sink.lines('n69.org')).toEqual(['30 TXT small'])
    expect(sink.bad).toHaveLength(69)
  })

  it('takes the ordinary leaf in 40 bytes of side data', async () => {
    const { sink, store } = await open(nextPrefix())
    await store.put([{ name: 'www.example.org', type: 'A', data: ['192.0.2.1'] }])
    expect(sink.sideLength('www.example.org')).toBeLessThanOrEqual(40)
  })
})

describe('etcdStore, writing', () => {
  it('writes keys and values that the origin reads, and nothing else', async () => {
    const prefix = nextPrefix()
    const { store } = await open(prefix)
    await store.put([
      { name: 'WWW.example.org', type: 'A', ttl: 60, data: ['10.0.0.1'] },
      { name: 'tv1.example.org', type: 'CNAME', data: ['www.example.org'] },
      {
        name: '_sip._tcp.example.org',
        type: 'SRV',
        data: [{ priority: 1, weight: 2, port: 3, target: 'www.example.org' }],
      },
      { name: 'example.org', type: 'MX', data: [{ preference: 5, exchange: 'mail.example.org' }] },
      { name: 'example.org', type: 'TXT', data: ['text'] },
    ])
    // fnv32a('10.0.0.1') is debebe8d.
    expect(await etcd.dump(`${prefix}org/example/www/`)).toEqual({
      [`${prefix}org/example/www/debebe8d/`]: { type: 'A', host: '10.0.0.1', ttl: 60, source: 'containerdns' },
    })
    const all = Object.entries(await etcd.dump(prefix)).map(([key, value]) => [
      key.slice(prefix.length).replace(/[0-9a-f]{6,8}\/$/, '#/'),
      value,
    ])
    expect(Object.fromEntries(all)).toEqual({
      'org/example/_tcp/_sip/#/': {
        type: 'SRV',
        host: 'www.example.org.',
        ttl: 30,
        port: 3,
        priority: 1,
        weight: 2,
        source: 'containerdns',
      },
      'org/example/mail/#/': {
        type: 'MX',
        host: 'mail.example.org.',
        ttl: 30,
        priority: 5,
        mail: true,
        source: 'containerdns',
      },
      'org/example/tv1/': { type: 'CNAME', host: 'www.example.org.', ttl: 30, source: 'containerdns' },
      'org/example/txt/#/': { type: 'TXT', text: 'text', ttl: 30, source: 'containerdns' },
      'org/example/www/#/': { type: 'A', host: '10.0.0.1', ttl: 60, source: 'containerdns' },
    })
  })

  it('leaves keys of others as they are when their data stay, and what else they say when their TTL changes', async () => {
    const prefix = nextPrefix()
    const key = `${prefix}org/example/www/anything/`
    const { store, sink } = await open(prefix)
    await etcd.ctl('put', key, a('192.0.2.1', { user: 'u', cluster: 'c' }))
    await eventually(() => expect(sink.names()).toHaveLength(1))
    const before = await etcd.revision()
    await store.put([{ name: 'www.example.org', type: 'A', ttl: 30, data: ['192.0.2.1'] }])
    expect(await etcd.revision()).toBe(before)
    await store.put([{ name: 'www.example.org', type: 'A', ttl: 7, data: ['192.0.2.1'] }])
    expect(await etcd.dump(prefix)).toEqual({
      [key]: { type: 'A', host: '192.0.2.1', ttl: 7, user: 'u', cluster: 'c' },
    })
  })

  it('edits what etcd holds, not what has come of it so far, so that two stores lose nothing', async () => {
    const prefix = nextPrefix()
    const stores = await Promise.all([open(prefix), open(prefix), open(prefix)])
    const edits = Array.from({ length: 60 }, (_, i) =>
      stores[i % 3]!.store.edit('www.example.org', (rrsets) => {
        const data = rrsets.flatMap(({ data }) => data as string[])
        return [{ name: 'www.example.org', type: 'A', ttl: 30, data: [...data, `192.0.2.${i}`] }]
      }),
    )
    await Promise.all(edits)
    for (const { sink } of stores) await eventually(() => expect(sink.lines('www.example.org')).toHaveLength(60))
  })

  it('edits RRsets that take several transactions, under a cover, and takes them away', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    const data = Array.from({ length: 300 }, (_, i) => `192.0.${i >> 8}.${i & 255}`)
    const txt: RRset = { name: 'www.example.org', type: 'TXT', ttl: 30, data: ['kept'] }
    await store.edit('www.example.org', () => [txt, { name: 'www.example.org', type: 'A', data }])
    expect(sink.lines('www.example.org')).toHaveLength(301)
    expect(Object.keys(await etcd.dump(prefix))).toHaveLength(301)
    await store.edit('www.example.org', (rrsets) => rrsets.filter(({ type }) => type === 'TXT'))
    expect(sink.lines('www.example.org')).toEqual(['30 TXT kept'])
    expect(Object.values(await etcd.dump(prefix))).toMatchObject([{ type: 'TXT' }])
    // Half of it was never seen.
    const seen = sink.writes.map(({ rrsets }) => rrsets.reduce((sum, { data }) => sum + data.length, 0))
    expect(seen.filter((count) => count > 1 && count < 300)).toEqual([])
  })

  it('knows the users of the origin, and that what its bridge wrote is for Kubernetes to change', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    const key = (name: string, leaf: string) => `${prefix}org/example/${name}/${leaf}/`
    await etcd.ctl('put', key('one', '1'), a('192.0.2.1', { user: 'u' }))
    await etcd.ctl('put', key('two', '1'), a('192.0.2.1', { user: 'u' }))
    await etcd.ctl('put', key('two', '2'), a('192.0.2.2', { user: 'v' }))
    await etcd.ctl('put', key('svc', '1'), a('192.0.2.1', { user: 'u' }))
    await etcd.ctl('put', key('svc', '2'), a('192.0.2.2', { source: 'svc' }))
    await eventually(() => expect(sink.names()).toHaveLength(3))
    const owners: (string | undefined)[] = []
    for (const name of ['one', 'two', 'svc']) {
      await store.edit(`${name}.example.org`, (rrsets) => {
        owners.push(rrsets[0]!.owner)
        return rrsets
      })
    }
    // Read from the index first, then from etcd.
    expect(owners).toEqual(['u', 'u', undefined, undefined, 'kubernetes', 'kubernetes'])
    await store.put([{ name: 'one.example.org', type: 'A', ttl: 30, data: ['192.0.2.1', '192.0.2.3'], owner: 'w' }])
    expect(Object.values(await etcd.dump(`${prefix}org/example/one/`))).toMatchObject([{ user: 'w' }, { user: 'w' }])
  })

  it('writes the health of an address where the scanner does, and keeps what that says beside', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    const key = `${prefix}monitor/status/192.0.2.1`
    await store.setHealth!('192.0.2.1', 'unhealthy')
    expect(sink.health).toEqual({ '192.0.2.1': 'unhealthy' })
    await etcd.ctl('put', key, '{"status":"DOWN","ports":[80]}')
    await store.setHealth!('192.0.2.1', 'healthy')
    expect(await etcd.dump(key)).toEqual({ [key]: { status: 'UP', ports: [80] } })
    const before = await etcd.revision()
    await store.setHealth!('192.0.2.1', 'healthy')
    await store.setHealth!('192.0.2.2', 'unknown')
    expect(await etcd.revision()).toBe(before)
    await store.setHealth!('192.0.2.1', 'unknown')
    expect(sink.health).toEqual({})
  })

  it('puts new addresses of a zone itself where its old ones are', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    await etcd.ctl('put', `${prefix}org/example/dns/ns/dns/dns-ip/1/`, a('192.0.2.1'))
    await eventually(() => expect(sink.dump()).toEqual({ 'example.org': ['30 A 192.0.2.1'] }))
    await store.put([{ name: 'example.org', type: 'A', data: ['192.0.2.2'] }])
    expect(Object.keys(await etcd.dump(prefix))).toEqual([
      expect.stringMatching(/org\/example\/dns\/ns\/dns\/dns-ip\/[0-9a-f]+\/$/),
    ])
    expect(sink.dump()).toEqual({ 'example.org': ['30 A 192.0.2.2'] })
  })

  it('gets around keys that are taken by something else', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    const taken = `${prefix}org/example/www/debebe8d/`
    await etcd.ctl('put', taken, JSON.stringify({ type: 'CNAME', host: 'elsewhere.example.net' }))
    await store.put([{ name: 'www.example.org', type: 'A', data: ['10.0.0.1'] }])
    expect(sink.dump()).toEqual({
      'debebe8d.www.example.org': ['30 CNAME elsewhere.example.net'],
      'www.example.org': ['30 A 10.0.0.1'],
    })
    expect(
      await codeOf(store.put([{ name: 'debebe8d.www.example.org', type: 'CNAME', data: ['a.example.net'] }])),
    ).toBeUndefined()
  })

  it('replaces the address of an owner with more names below it than it reads at once', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    await crowd(prefix)
    await store.put([{ name: 'example.org', type: 'A', data: ['192.0.2.1', '192.0.2.2'] }])
    await store.put([{ name: 'example.org', type: 'A', data: ['192.0.2.2', '192.0.2.3'] }])
    expect(sink.lines('example.org')).toEqual(['30 A 192.0.2.2', '30 A 192.0.2.3'])
    expect(await store.delete('example.org')).toBe(true)
    expect(sink.names()).toHaveLength(4200)
  })

  it('sees what another server has just added to such an owner before it replaces it', async () => {
    const prefix = nextPrefix()
    await crowd(prefix)
    const [one, other] = [await open(prefix), await open(prefix)]
    await one.store.put([{ name: 'example.org', type: 'A', data: ['192.0.2.1'] }])
    await eventually(() => expect(other.sink.lines('example.org')).toEqual(['30 A 192.0.2.1']))
    // What comes by watch waits before it is written, as on a busy machine.
    let resume = () => {}
    const paused = new Promise<void>((resolve) => {
      resume = resolve
    })
    one.sink.pause = () => paused
    await other.store.edit('example.org', ([rrset]) => [{ ...rrset!, data: ['192.0.2.1', '192.0.2.2'] } as RRset])
    const seen: unknown[] = []
    const edited = one.store.edit('example.org', ([rrset]) => {
      seen.push(rrset!.data)
      return [{ ...rrset!, data: ['192.0.2.3'] } as RRset]
    })
    // Long enough for one that does not look.
    for (let i = 0; i < 3; i++) await etcd.ctl('get', `${prefix}org/example/n1/1/`)
    one.sink.pause = () => undefined
    resume()
    await edited
    expect(seen.at(-1)).toEqual(['192.0.2.1', '192.0.2.2'])
    await eventually(() => expect(other.sink.lines('example.org')).toEqual(['30 A 192.0.2.3']))
    expect(one.sink.lines('example.org')).toEqual(['30 A 192.0.2.3'])
    // The mark of edits is no record.
    expect([one.sink.bad, one.store.status().ignoredRecords]).toEqual([[], 0])
  })

  it('loses none of many edits of such an owner by two servers', async () => {
    const prefix = nextPrefix()
    await crowd(prefix)
    const [one, other] = [await open(prefix), await open(prefix)]
    const addresses = Array.from({ length: 24 }, (_, i) => `192.0.2.${i + 1}`)
    const add = (address: string, i: number) =>
      (i % 2 === 0 ? one : other).store.edit('example.org', ([rrset]) => {
        const data = [...((rrset?.data as string[] | undefined) ?? []), address]
        return [{ name: 'example.org', type: 'A', data }]
      })
    await Promise.all(addresses.map(add))
    const lines = addresses.map((address) => `30 A ${address}`).sort()
    await eventually(() => expect([...one.sink.lines('example.org')].sort()).toEqual(lines))
    await eventually(() => expect([...other.sink.lines('example.org')].sort()).toEqual(lines))
  })

  it('refuses what JSON cannot hold rather than lose it, before it writes anything', async () => {
    const { store, sink } = await open(nextPrefix())
    const good: RRset = { name: 'good.example.org', type: 'A', data: ['192.0.2.1'] }
    const bad: RRset[] = [
      { name: 'example.org', type: 'TXT', data: [Uint8Array.of(0xff)] },
      { name: 'example.org', type: 'TYPE65280', data: [Uint8Array.of(0xff)] },
      { name: 'example.org', type: 'HTTPS', data: [{ priority: 1, target: '.', params: { key9: Uint8Array.of(1) } }] },
    ]
    for (const rrset of bad) expect(await codeOf(store.put([good, rrset]))).toBe('CDNS_STORE_UNSUPPORTED')
    expect(sink.names()).toEqual([])
    await store.put([{ name: 'example.org', type: 'TYPE65280', data: ['\\# 1 ff'] }])
    expect(sink.lines('example.org')).toEqual(['30 TYPE65280 \\# 1 ff'])
  })

  it('writes what the values of the origin cannot hold beside them, in one key an RRset', async () => {
    const prefix = nextPrefix()
    const v1 = `${prefix.slice(0, -1)}.v1/default/`
    const { store, sink } = await open(prefix)
    await store.put([
      { name: '1.2.0.192.in-addr.arpa', type: 'PTR', ttl: 60, data: ['a.example.org'] },
      { name: 'example.org', type: 'NS', data: ['ns1.example.org'] },
      { name: 'A\\.b.example.org', type: 'A', data: ['192.0.2.1'] },
      { name: 'a\\047b.example.org', type: 'A', data: ['192.0.2.2'] },
      { name: 'x.monitor', type: 'A', data: ['192.0.2.3'] },
      { name: '.', type: 'TXT', data: ['root'] },
      { name: 'example.org', type: 'TXT', data: [['two', 'strings']] },
    ])
    expect(await etcd.dump(prefix)).toEqual({})
    expect(await etcd.dump(v1)).toEqual({
      [`${v1}arpa/in-addr/192/0/2/1/PTR`]: { ttl: 60, data: ['a.example.org'] },
      [`${v1}org/example/NS`]: { data: ['ns1.example.org'] },
      [`${v1}org/example/a\\046b/A`]: { data: ['192.0.2.1'] },
      [`${v1}org/example/a\\047b/A`]: { data: ['192.0.2.2'] },
      [`${v1}monitor/x/A`]: { data: ['192.0.2.3'] },
      [`${v1}TXT`]: { data: ['root'] },
      [`${v1}org/example/TXT`]: { data: [['two', 'strings']] },
    })
    expect(sink.names()).toHaveLength(6)
    expect(sink.lines('example.org')).toEqual(['30 NS ns1.example.org', '30 TXT "two" "strings"'])
    for (const name of sink.names()) expect(await store.delete(name)).toBe(true)
    expect(await etcd.dump(v1)).toEqual({})
    expect(sink.names()).toEqual([])
  })

  it('moves an RRset to a key of its own and back in one transaction each', async () => {
    const prefix = nextPrefix()
    const { store, sink } = await open(prefix)
    const texts = [['one'], ['two', 'strings'], ['three']].map((data) => (data.length === 1 ? data[0]! : data))
    for (const [i, data] of texts.entries()) {
      const before = await etcd.revision()
      await store.put([{ name: 'example.org', type: 'TXT', data: [data] }])
      expect(await etcd.revision()).toBe(before + 1)
      expect(Object.keys(await etcd.dump(prefix))).toHaveLength(i === 1 ? 0 : 1)
      expect(Object.keys(await etcd.dump(`${prefix.slice(0, -1)}.v1/`))).toHaveLength(i === 1 ? 1 : 0)
    }
    expect(sink.writes.map(({ rrsets }) => rrsets[0]!.data)).toEqual(texts.map((data) => [data]))
  })

  it('answers with the RRset in a key of its own where leaves of its type stand as well', async () => {
    const prefix = nextPrefix()
    const v1 = `${prefix.slice(0, -1)}.v1/default/org/example/www/A`
    const folder = `${prefix}org/example/www`
    await etcd.transaction({
      [v1]: '{"ttl":5,"data":["192.0.2.7","192.0.2.8"]}',
      [`${folder}/1/`]: a('192.0.2.1'),
      [`${folder}/2/`]: '{"host":"2001:db8::1"}',
    })
    const { sink, store } = await open(prefix)
    const whole = ['30 AAAA 2001:db8::1', '5 A 192.0.2.7', '5 A 192.0.2.8']
    expect(sink.lines('www.example.org')).toEqual(whole)
    await etcd.ctl('put', `${folder}/3/`, a('192.0.2.3'))
    await etcd.ctl('put', `${folder}/1/`, a('192.0.2.9'))
    await eventually(async () => expect(store.status().revision).toBe(await etcd.revision()))
    expect(sink.lines('www.example.org')).toEqual(whole)
    await etcd.ctl('del', v1)
    await eventually(() =>
      expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.3', '30 A 192.0.2.9', '30 AAAA 2001:db8::1']),
    )
    expect(sink.bad).toEqual([])
  })

  it('passes over RRsets of views that are not served, and counts them', async () => {
    const prefix = nextPrefix()
    const v1 = `${prefix.slice(0, -1)}.v1`
    await etcd.transaction({
      [`${v1}/office/org/example/www/A`]: '{"data":["192.0.2.1"]}',
      [`${v1}/default/org/example/www/A`]: '{"data":["192.0.2.2"]}',
    })
    const { sink, store } = await open(prefix)
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.2'] })
    expect(store.status()).toMatchObject({ badRecords: 0, ignoredRecords: 1 })
    await etcd.ctl('put', `${v1}/lab/org/example/www/A`, 'anything')
    await eventually(() => expect(store.status().ignoredRecords).toBe(2))
  })

  it('keeps what a later version has written into an RRset beside its data', async () => {
    const prefix = nextPrefix()
    const key = `${prefix.slice(0, -1)}.v1/default/org/example/www/A`
    await etcd.ctl('put', key, '{"ttl":5,"data":["192.0.2.1"],"shade":"blue"}')
    const { store, sink } = await open(prefix)
    await store.put([{ name: 'www.example.org', type: 'A', ttl: 7, data: ['192.0.2.2'] }])
    expect(await etcd.dump(`${prefix.slice(0, -1)}.v1/`)).toEqual({
      [key]: { shade: 'blue', ttl: 7, data: ['192.0.2.2'] },
    })
    expect(await etcd.dump(prefix)).toEqual({})
    expect(sink.lines('www.example.org')).toEqual(['7 A 192.0.2.2'])
  })

  it('shows the whole old RRset or the whole new one while thousands of operations replace and delete it', async () => {
    const prefix = nextPrefix()
    const [one, two] = [await open(prefix), await open(prefix)]
    const sets = [1, 2].map((net) => Array.from({ length: 1000 }, (_, i) => `10.${net}.${i >> 8}.${i & 255}`))
    // 500 stay, 500 go, 500 are new.
    sets.push([...sets[0]!.slice(500), ...sets[1]!.slice(500)])
    for (const data of [sets[0]!, sets[2]!, sets[1]!, ['192.0.2.1'], sets[0]!]) {
      await one.store.put([{ name: 'www.example.org', type: 'A', ttl: 60, data }])
      expect(one.sink.lines('www.example.org')).toEqual(data.map((each) => `60 A ${each}`).sort())
      // The origin's servers find all of it.
      expect(Object.keys(await etcd.dump(prefix))).toHaveLength(data.length)
    }
    expect(await one.store.delete('www.example.org')).toBe(true)
    expect(await etcd.dump(prefix)).toEqual({})
    expect(await etcd.dump(`${prefix.slice(0, -1)}.v1/`)).toEqual({})
    await eventually(() => expect(two.sink.names()).toEqual([]))
    const wanted = [sets[0]!, sets[2]!, sets[1]!, ['192.0.2.1'], sets[0]!, []].map((data) => [...data].sort().join())
    for (const { sink } of [one, two]) {
      const seen = sink.writes.map(({ rrsets }) => [...(rrsets[0]?.data ?? [])].sort().join())
      expect(seen.filter((each, i) => each !== seen[i - 1])).toEqual(wanted)
    }
  })

  it('goes on with a large change that another server has begun and not ended', async () => {
    const prefix = nextPrefix()
    const v1 = `${prefix.slice(0, -1)}.v1/default/org/example/www/A`
    const data = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const { store, sink } = await open(prefix)
    await etcd.transaction({
      [`${prefix}org/example/www/x/`]: a('192.0.2.1'),
      [v1]: JSON.stringify({ ttl: 60, data }),
    })
    await store.put([{ name: 'www.example.org', type: 'A', ttl: 60, data }])
    expect(sink.lines('www.example.org')).toHaveLength(300)
    expect(Object.keys(await etcd.dump(prefix))).toHaveLength(300)
    expect(await etcd.dump(`${prefix.slice(0, -1)}.v1/`)).toEqual({})
  })

  it('loses nothing when two stores put the same name at once', async () => {
    const prefix = nextPrefix()
    const [one, two] = [await open(prefix), await open(prefix)]
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => [
        one.store.put([{ name: 'www.example.org', type: 'A', data: [`192.0.2.${i}`] }]),
        two.store.put([{ name: 'www.example.org', type: 'AAAA', data: [`2001:db8::${i}`] }]),
      ]).flat(),
    )
    await eventually(() =>
      expect(one.sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.9', '30 AAAA 2001:db8::9'] }),
    )
    await eventually(() => expect(two.sink.dump()).toEqual(one.sink.dump()))
  })

  it('lets one of two stores have the last word on an RRset, whole', async () => {
    const prefix = nextPrefix()
    const [one, two] = [await open(prefix), await open(prefix)]
    for (let round = 0; round < 10; round++) {
      const data = [
        [`192.0.2.${round}`, '192.0.2.100'],
        [`192.0.2.${round}`, '192.0.2.200'],
      ] as const
      await Promise.all([
        one.store.put([{ name: 'www.example.org', type: 'A', data: [...data[0]] }]),
        two.store.put([{ name: 'www.example.org', type: 'A', data: [...data[1]] }]),
      ])
      await eventually(() => expect(two.sink.dump()).toEqual(one.sink.dump()))
      expect(data.map((each) => each.map((address) => `30 A ${address}`).sort())).toContainEqual(
        one.sink.lines('www.example.org'),
      )
    }
  })
})

describe('etcdStore, two on one etcd', () => {
  it('loses none of fifty edits each of two servers on one name', async () => {
    const prefix = nextPrefix()
    const [one, two] = [await open(prefix), await open(prefix)]
    // Each edit reads the RRset, adds one address and writes it back, as a person would; a store does one after another.
    const types = ['A', 'TXT'] as const
    await Promise.all(
      [one, two].map(async ({ store }, server) => {
        for (let i = 0; i < 50; i++) {
          const data = types[server] === 'A' ? ['192.0.2.1', `10.0.0.${i}`] : ['fixed', `edit ${i}`]
          await store.put([{ name: 'www.example.org', type: types[server]!, data }])
        }
      }),
    )
    await eventually(() => expect(two.sink.dump()).toEqual(one.sink.dump()))
    expect(one.sink.lines('www.example.org')).toEqual([
      '30 A 10.0.0.49',
      '30 A 192.0.2.1',
      '30 TXT edit 49',
      '30 TXT fixed',
    ])
    expect(Object.keys(await etcd.dump(prefix))).toHaveLength(4)
  })

  it('lets the last of fifty edits each on one RRset stand whole, and leaves nothing of the others', async () => {
    const prefix = nextPrefix()
    const both = [await open(prefix), await open(prefix)]
    const last: string[][] = []
    await Promise.all(
      both.map(async ({ store }, server) => {
        for (let i = 0; i < 50; i++) {
          // Small ones and large ones, so that some happen in steps under a cover and meet others there.
          const size = i % 10 === 0 ? 200 : 3
          last[server] = Array.from({ length: size }, (_, j) => `10.${server}.${i}.${j}`)
          await store.put([{ name: 'www.example.org', type: 'A', data: last[server]! }])
        }
      }),
    )
    await eventually(() => expect(both[1]!.sink.dump()).toEqual(both[0]!.sink.dump()))
    const lines = last.map((data) => data.map((each) => `30 A ${each}`).sort())
    expect(lines).toContainEqual(both[0]!.sink.lines('www.example.org'))
    expect(await etcd.dump(`${prefix.slice(0, -1)}.v1/`)).toEqual({})
  })
})

describe('etcdStore, one that puts and one that deletes', () => {
  it('shows a large RRset whole or not at all, whoever comes between whom', async () => {
    const prefix = nextPrefix()
    const [one, two] = [await open(prefix), await open(prefix)]
    const data = Array.from({ length: 500 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
    const putting = (async () => {
      for (let i = 0; i < 10; i++) await one.store.put([{ name: 'www.example.org', type: 'A', data }])
    })()
    let deleted = 0
    for (let i = 0; i < 20; i++) if (await two.store.delete('www.example.org')) deleted++
    await putting
    await two.store.delete('www.example.org')
    await eventually(() => expect([one.sink.names(), two.sink.names()]).toEqual([[], []]))
    expect(deleted).toBeGreaterThan(0)
    const sizes = [one, two].flatMap(({ sink }) => sink.writes.map(({ rrsets }) => rrsets[0]?.data.length ?? 0))
    expect(new Set(sizes)).toEqual(new Set([0, 500]))
    expect([await etcd.dump(prefix), await etcd.dump(`${prefix.slice(0, -1)}.v1/`)]).toEqual([{}, {}])
  })
})

describe('etcdStore, several prefixes', () => {
  it('adds up what a name has under each, writes to the first, and deletes from all', async () => {
    const [first, second] = [nextPrefix(), nextPrefix()]
    const other = nextPrefix()
    const { store, sink } = await openWith({ prefix: [first, second] })
    await etcd.transaction({
      [`${first}org/example/www/1/`]: a('192.0.2.1'),
      [`${second}org/example/www/1/`]: a('192.0.2.2'),
      [`${second.slice(0, -1)}.v1/default/org/example/mx/MX`]: '{"data":[{"preference":1,"exchange":"a.example.org"}]}',
      [`${other}org/example/www/1/`]: a('192.0.2.3'),
    })
    await eventually(() =>
      expect(sink.dump()).toEqual({
        'mx.example.org': ['30 MX 1 a.example.org'],
        'www.example.org': ['30 A 192.0.2.1', '30 A 192.0.2.2'],
      }),
    )
    const fresh = await openWith({ prefix: [second, first] })
    expect(fresh.sink.dump()).toEqual(sink.dump())
    await store.put([{ name: 'www.example.org', type: 'A', ttl: 30, data: ['192.0.2.2', '192.0.2.4'] }])
    expect(sink.lines('www.example.org')).toEqual(['30 A 192.0.2.2', '30 A 192.0.2.4'])
    expect(Object.values(await etcd.dump(first))).toMatchObject([{ host: '192.0.2.4' }])
    expect(Object.values(await etcd.dump(second))).toMatchObject([{ host: '192.0.2.2' }])
    expect(await store.delete('www.example.org')).toBe(true)
    expect(await store.delete('mx.example.org')).toBe(true)
    await eventually(() => expect(fresh.sink.names()).toEqual([]))
    expect([await etcd.dump(first), await etcd.dump(second)]).toEqual([{}, {}])
  })
})

describe('etcdStore, health', () => {
  it('passes on what the scanner says of addresses, forgets it with its key, and with a load that does not find it', async () => {
    const prefix = nextPrefix()
    const status = `${prefix}monitor/status`
    await etcd.transaction({
      [`${status}/192.0.2.1`]: '{"status":"UP"}',
      [`${status}/192.0.2.2`]: '{"status":"DOWN","ports":[]}',
      [`${status}/2001:DB8::1`]: '{"status":"DOWN"}',
      [`${status}/192.0.2.3`]: '{"status":"?"}',
    })
    const { sink, store } = await open(prefix)
    expect(sink.health).toEqual({ '192.0.2.1': 'healthy', '192.0.2.2': 'unhealthy', '2001:db8::1': 'unhealthy' })
    await etcd.ctl('put', `${status}/192.0.2.1`, '{"status":"DOWN"}')
    await etcd.ctl('put', `${status}/192.0.2.2`, 'no json')
    await etcd.ctl('del', `${status}/2001:DB8::1`)
    await eventually(() => expect(sink.health).toEqual({ '192.0.2.1': 'unhealthy' }))
    expect(store.status().badRecords).toBe(1)
    expect(sink.names()).toEqual([])
  })
})

describe("etcdStore's options", () => {
  const code = (options: object) => errorCode(() => etcdStore(options as never))

  it('take hosts with and without scheme and port', () => {
    expect(parseEtcdStoreOptions({ hosts: ['https://a', 'https://b:1'] }).hosts).toEqual(['a:2379', 'b:1'])
    const hosts = ['http://127.0.0.1:2379', '127.0.0.1:80', 'localhost', 'http://[::1]:2380/']
    expect(parseEtcdStoreOptions({ hosts }).hosts).toEqual([
      '127.0.0.1:2379',
      '127.0.0.1:80',
      'localhost:2379',
      '[::1]:2380',
    ])
    expect(parseEtcdStoreOptions({ hosts: 'a', prefix: '/x' })).toMatchObject({
      hosts: ['a:2379'],
      layout: 'containerdns',
      prefixes: ['/x/'],
      requestTimeoutMs: 5000,
      relistIntervalMs: 600_000,
      staleAfterMs: 30_000,
      tls: undefined,
      auth: undefined,
    })
    expect(parseEtcdStoreOptions({ hosts: 'a', layout: 'skydns' }).prefixes).toEqual(['/skydns/'])
    expect(parseEtcdStoreOptions({ hosts: 'a', prefix: ['/x', '/y/'] }).prefixes).toEqual(['/x/', '/y/'])
  })

  it('are refused when they are wrong', () => {
    expect(code({ hosts: 'a', prefiks: '/x/' })).toBe('CDNS_OPTION_UNKNOWN')
    for (const hosts of [undefined, '', [], [5], 'https://', 'https://a/b', 'a/b', 'ftp://a', 'a b', 'a:99999'])
      expect(code({ hosts }), `${hosts}`).toBe('CDNS_OPTION_INVALID')
    for (const prefix of ['', '/', 'x/', 5, '/ü/'])
      expect(code({ hosts: 'a', prefix }), `${prefix}`).toBe('CDNS_OPTION_INVALID')
    for (const prefix of [[], ['/x', 5], ['/x', '/x/'], ['/x/', '/x/y'], ['/x', '/x.v1/y'], new Array(17).fill('/x/')])
      expect(code({ hosts: 'a', prefix }), `${prefix}`).toBe('CDNS_OPTION_INVALID')
    for (const layout of ['skydns2', null, 5, ['skydns']])
      expect(code({ hosts: 'a', layout }), `${layout}`).toBe('CDNS_OPTION_INVALID')
    for (const serviceLevels of [-1, 9, 1.5]) expect(code({ hosts: 'a', serviceLevels })).toBe('CDNS_OPTION_INVALID')
    for (const wrong of [
      { requestTimeoutMs: 0 },
      { relistIntervalMs: 999 },
      { staleAfterMs: 0 },
      { staleAfterMs: 1e12 },
    ])
      expect(code({ hosts: 'a', ...wrong }), JSON.stringify(wrong)).toBe('CDNS_OPTION_INVALID')
    expect(parseEtcdStoreOptions({ hosts: 'a', relistIntervalMs: 0 }).relistIntervalMs).toBe(0)
    expect(errorCode(() => etcdStore(undefined as never))).toBe('CDNS_OPTION_INVALID')
  })

  it('are frozen', () => {
    const parsed = parseEtcdStoreOptions({ hosts: ['a'] })
    expect([parsed, parsed.hosts, parsed.tuning].every(Object.isFrozen)).toBe(true)
  })
})
