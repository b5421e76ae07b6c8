import { afterEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../lib/errors.js'
import type { RRset } from '../../lib/records/rrset.js'
import type { RecordStore } from '../../lib/store/record-store.js'
import { MapSink } from '../store/map-sink.js'

const A = (name: string, ...data: string[]): RRset => ({ name, type: 'A', ttl: 60, data })

/** What every store keeps. `make` gives a new one that holds nothing yet, and is not open. */
export function describeRecordStore(kind: string, make: () => RecordStore): void {
  describe(`a RecordStore: ${kind}`, () => {
    const opened: RecordStore[] = []
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()))
    })

    async function open(): Promise<{ store: RecordStore; sink: MapSink }> {
      const store = make()
      const sink = new MapSink()
      opened.push(store)
      await store.open(sink)
      return { store, sink }
    }

    it('publishes what is put, and resolves once every thread answers with it', async () => {
      const { store, sink } = await open()
      await store.put([A('www.example.org', '192.0.2.1', '192.0.2.2')])
      expect(sink.dump()).toEqual({ 'www.example.org': ['60 A 192.0.2.1', '60 A 192.0.2.2'] })
      expect(sink.settledWrites).toBe(sink.writes.length)
    })

    it('takes names in any case and with the last dot, and a value listed twice once', async () => {
      const { store, sink } = await open()
      await store.put([A('WWW.Example.ORG.', '192.0.2.1', '192.0.2.1')])
      await store.put([{ name: 'www.example.org', type: 'AAAA', data: ['2001:DB8:0::1', '2001:db8::1'] }])
      expect(sink.dump()).toEqual({ 'www.example.org': ['30 AAAA 2001:db8::1', '60 A 192.0.2.1'] })
    })

    it('holds the types that all stores can hold', async () => {
      const { store, sink } = await open()
      await store.put([
        {
          name: 'example.org',
          type: 'MX',
          ttl: 60,
          data: [
            { preference: 10, exchange: 'a.example.org' },
            { preference: 0, exchange: 'b.example.org' },
          ],
        },
        { name: 'example.org', type: 'TXT', ttl: 60, data: ['v=spf1 -all', 'grüße "quoted"'] },
        {
          name: '_sip._tcp.example.org',
          type: 'SRV',
          ttl: 60,
          data: [
            { priority: 0, weight: 0, port: 65, target: 'a.example.org' },
            { priority: 0, weight: 5, port: 97, target: 'a.example.org' },
          ],
        },
        { name: 'alias.example.org', type: 'CNAME', ttl: 0, data: ['www.example.net'] },
      ])
      expect(sink.dump()).toEqual({
        '_sip._tcp.example.org': ['60 SRV 0 0 65 a.example.org', '60 SRV 0 5 97 a.example.org'],
        'alias.example.org': ['0 CNAME www.example.net'],
        'example.org': [
          '60 MX 0 b.example.org',
          '60 MX 10 a.example.org',
          '60 TXT grüße "quoted"',
          '60 TXT v=spf1 -all',
        ],
      })
    })

    it('replaces one type and leaves the others', async () => {
      const { store, sink } = await open()
      await store.put([
        A('www.example.org', '192.0.2.1', '192.0.2.2'),
        { name: 'www.example.org', type: 'AAAA', data: ['2001:db8::1'] },
      ])
      await store.put([A('www.example.org', '192.0.2.2', '192.0.2.3')])
      expect(sink.lines('www.example.org')).toEqual(['30 AAAA 2001:db8::1', '60 A 192.0.2.2', '60 A 192.0.2.3'])
    })

    it('changes a TTL alone', async () => {
      const { store, sink } = await open()
      await store.put([A('www.example.org', '192.0.2.1')])
      await store.put([{ ...A('www.example.org', '192.0.2.1'), ttl: 5 }])
      expect(sink.lines('www.example.org')).toEqual(['5 A 192.0.2.1'])
    })

    it('changes the target of a CNAME', async () => {
      const { store, sink } = await open()
      await store.put([{ name: 'alias.example.org', type: 'CNAME', data: ['a.example.org'] }])
      await store.put([{ name: 'alias.example.org', type: 'CNAME', data: ['b.example.org'] }])
      expect(sink.lines('alias.example.org')).toEqual(['30 CNAME b.example.org'])
    })

    it('writes an owner once for a batch, however its RRsets are scattered in it', async () => {
      const { store, sink } = await open()
      await store.put([
        A('a.example.org', '192.0.2.1'),
        A('b.example.org', '192.0.2.2'),
        { name: 'A.example.org', type: 'AAAA', data: ['2001:db8::1'] },
      ])
      expect(sink.writes.filter((write) => write.name === 'a.example.org')).toHaveLength(1)
      expect(sink.lines('a.example.org')).toEqual(['30 AAAA 2001:db8::1', '60 A 192.0.2.1'])
    })

    it('lets the later of two RRsets of one name and type in a batch count', async () => {
      const { store, sink } = await open()
      await store.put([A('a.example.org', '192.0.2.1'), A('a.example.org', '192.0.2.2')])
      expect(sink.lines('a.example.org')).toEqual(['60 A 192.0.2.2'])
    })

    it('writes nothing of a batch when one of it is wrong', async () => {
      const { store, sink } = await open()
      const good = A('good.example.org', '192.0.2.1')
      expect(await codeOf(store.put([good, A('bad.example.org', '192.0.2.256')]))).toBe('CDNS_ADDRESS_INVALID')
      expect(await codeOf(store.put([good, A('bad..example.org', '192.0.2.1')]))).toBe('CDNS_NAME_INVALID')
      const long = {
        name: 'long.example.org',
        type: 'TXT',
        data: Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(250, 'x')),
      } as const
      expect(await codeOf(store.put([good, { ...long, data: [...long.data] }]))).toBe('CDNS_RRSET_TOO_LARGE')
      expect(sink.names()).toEqual([])
    })

    it('refuses a CNAME beside other data, in one batch and against what it holds', async () => {
      const { store, sink } = await open()
      const cname = (name: string): RRset => ({ name, type: 'CNAME', data: ['www.example.net'] })
      const good = A('good.example.org', '192.0.2.1')
      expect(await codeOf(store.put([good, A('a.example.org', '192.0.2.1'), cname('a.example.org')]))).toBe(
        'CDNS_CNAME_CONFLICT',
      )
      await store.put([A('a.example.org', '192.0.2.1'), cname('c.example.org')])
      expect(await codeOf(store.put([good, cname('a.example.org')]))).toBe('CDNS_CNAME_CONFLICT')
      expect(await codeOf(store.put([good, A('c.example.org', '192.0.2.1')]))).toBe('CDNS_CNAME_CONFLICT')
      expect(sink.names()).toEqual(['a.example.org', 'c.example.org'])
      await store.delete('a.example.org')
      await store.put([cname('a.example.org')])
      expect(sink.lines('a.example.org')).toEqual(['30 CNAME www.example.net'])
    })

    it('deletes one type, then the rest, and says whether there was something', async () => {
      const { store, sink } = await open()
      await store.put([
        A('www.example.org', '192.0.2.1', '192.0.2.2'),
        { name: 'www.example.org', type: 'TXT', data: ['text'] },
        A('x.www.example.org', '192.0.2.3'),
      ])
      expect(await store.delete('www.example.org', 'SRV')).toBe(false)
      expect(await store.delete('WWW.example.org.', 'A')).toBe(true)
      expect(sink.lines('www.example.org')).toEqual(['30 TXT text'])
      expect(await store.delete('www.example.org')).toBe(true)
      expect(await store.delete('www.example.org')).toBe(false)
      expect(sink.names()).toEqual(['x.www.example.org'])
      expect(sink.settledWrites).toBe(sink.writes.length)
    })

    it('does what it is told in the order it is told', async () => {
      const { store, sink } = await open()
      const calls = [
        store.put([A('www.example.org', '192.0.2.1')]),
        store.put([A('www.example.org', '192.0.2.2')]),
        store.delete('www.example.org'),
        store.put([A('www.example.org', '192.0.2.3')]),
        codeOf(store.put([A('www.example.org', 'nonsense')])),
        store.put([A('www.example.org', '192.0.2.4')]),
      ]
      expect(await Promise.all(calls)).toEqual([
        undefined,
        undefined,
        true,
        undefined,
        'CDNS_ADDRESS_INVALID',
        undefined,
      ])
      expect(sink.lines('www.example.org')).toEqual(['60 A 192.0.2.4'])
    })

    it('replaces what a name has by what an edit makes of it, in one write, and leaves what is given back', async () => {
      const { store, sink } = await open()
      await store.put([
        A('www.example.org', '192.0.2.1'),
        { name: 'www.example.org', type: 'TXT', data: ['text'] },
        { name: 'www.example.org', type: 'AAAA', data: ['2001:db8::1'] },
      ])
      const seen: string[][] = []
      const writes = sink.writes.length
      await store.edit('WWW.example.org.', (rrsets) => {
        seen.push(rrsets.map(({ type }) => type).sort())
        const txt = rrsets.filter(({ type }) => type === 'TXT')
        return [...txt, A('www.example.org', '192.0.2.2', '192.0.2.3')]
      })
      expect(seen.at(-1)).toEqual(['A', 'AAAA', 'TXT'])
      expect(sink.lines('www.example.org')).toEqual(['30 TXT text', '60 A 192.0.2.2', '60 A 192.0.2.3'])
      expect(sink.writes.slice(writes).map(({ name }) => name)).toEqual(['www.example.org'])
      expect(sink.settledWrites).toBe(sink.writes.length)
      await store.edit('www.example.org', () => [])
      expect(sink.names()).toEqual([])
    })

    it('does nothing when an edit throws, gives back what there is, or puts a CNAME beside others', async () => {
      const { store, sink } = await open()
      await store.put([A('www.example.org', '192.0.2.1')])
      const writes = sink.writes.length
      const refusal = new Error('no')
      const refused = store.edit('www.example.org', () => {
        throw refusal
      })
      await expect(refused).rejects.toBe(refusal)
      await store.edit('www.example.org', (rrsets) => rrsets)
      await store.edit('none.example.org', (rrsets) => rrsets)
      const cname: RRset = { name: 'www.example.org', type: 'CNAME', data: ['a.example.org'] }
      expect(await codeOf(store.edit('www.example.org', (rrsets) => [...rrsets, cname]))).toBe('CDNS_CNAME_CONFLICT')
      expect(sink.writes).toHaveLength(writes)
      await store.edit('www.example.org', () => [cname])
      expect(sink.lines('www.example.org')).toEqual(['30 CNAME a.example.org'])
    })

    it('loses none of many edits of one name that are made at once, with puts and deletes between', async () => {
      const { store, sink } = await open()
      const add = (address: string) =>
        store.edit('www.example.org', (rrsets) => {
          const data = rrsets.find(({ type }) => type === 'A')?.data as string[] | undefined
          return [A('www.example.org', ...(data ?? []), address)]
        })
      await Promise.all([
        add('192.0.2.1'),
        store.put([A('other.example.org', '192.0.2.1')]),
        add('192.0.2.2'),
        store.delete('other.example.org'),
        ...Array.from({ length: 20 }, (_, i) => add(`192.0.2.${i + 10}`)),
      ])
      expect(sink.lines('www.example.org')).toHaveLength(22)
      expect(sink.names()).toEqual(['www.example.org'])
    })

    it('remembers whose an RRset is', async () => {
      const { store } = await open()
      const owned = (type: 'A' | 'SRV', data: unknown[], owner?: string) =>
        ({ name: 'www.example.org', type, data, ...(owner !== undefined && { owner }) }) as RRset
      await store.put([
        owned('A', ['192.0.2.1', '192.0.2.2'], 'team a'),
        owned('SRV', [{ priority: 0, weight: 0, port: 1, target: 'a.example' }], 'grüße'),
        { name: 'www.example.org', type: 'HTTPS', data: [{ priority: 1, target: '.', params: {} }], owner: 'b' },
        { name: 'www.example.org', type: 'TXT', data: ['nobody’s'] },
      ])
      const owners = async () => {
        const found: Record<string, string | undefined> = {}
        await store.edit('www.example.org', (rrsets) => {
          for (const { type, owner } of rrsets) found[type] = owner
          return rrsets
        })
        return found
      }
      expect(await owners()).toEqual({ A: 'team a', SRV: 'grüße', HTTPS: 'b', TXT: undefined })
      await store.put([owned('A', ['192.0.2.2', '192.0.2.3'], 'team c')])
      expect(await owners()).toMatchObject({ A: 'team c' })
    })

    it('holds thousands of names of one batch', async () => {
      const { store, sink } = await open()
      const rrsets = Array.from({ length: 1200 }, (_, i) => A(`n${i}.example.org`, `192.0.2.${i % 256}`))
      await store.put(rrsets)
      expect(sink.names()).toHaveLength(1200)
      expect(sink.lines('n1199.example.org')).toEqual(['60 A 192.0.2.175'])
    })

    it('belongs to one server at a time', async () => {
      const { store } = await open()
      expect(await codeOf(store.open(new MapSink()))).toBe('CDNS_STORE_IN_USE')
      await store.close()
      const next = new MapSink()
      await store.open(next)
      await store.put([A('www.example.org', '192.0.2.1')])
      expect(next.lines('www.example.org')).toEqual(['60 A 192.0.2.1'])
    })

    it('takes nothing before open and after close, and closes twice', async () => {
      const store = make()
      const put = () => codeOf(store.put([A('www.example.org', '192.0.2.1')]))
      expect(await put()).toBe('CDNS_CLOSED')
      await store.open(new MapSink())
      expect(store.status()).toMatchObject({ connected: true, loads: 1, badRecords: 0 })
      await store.close()
      await store.close()
      expect(await put()).toBe('CDNS_CLOSED')
      expect(await codeOf(store.delete('www.example.org'))).toBe('CDNS_CLOSED')
      expect(store.status().connected).toBe(false)
    })
  })
}

/** The code a promise is rejected with; undefined when it resolves. Any error that is none of ours is thrown on. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise
  } catch (error) {
    if ((error as Error).name === 'ContainerDnsError') return (error as { code: ErrorCode }).code
    throw error
  }
  return undefined
}
