import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RRset } from '../../../lib/records/rrset.js'
import { type MemoryStore, memoryStore } from '../../../lib/store/memory/memory-store.js'
import { ALWAYS_CURRENT } from '../../../lib/store/record-store.js'
import { codeOf, describeRecordStore } from '../../contract/record-store.contract.js'
import { errorCode } from '../../support/error-code.js'
import { MapSink } from '../map-sink.js'

describeRecordStore('memoryStore', () => memoryStore())

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'containerdns-memory-'))
  file = join(folder, 'records.json')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const A = (name: string, ...data: string[]): RRset => ({ name, type: 'A', data })

describe('memoryStore', () => {
  it('starts with the RRsets it is given', async () => {
    const sink = new MapSink()
    const store = memoryStore({
      rrsets: [A('a.example.org', '192.0.2.1'), { ...A('b.example.org', '192.0.2.2'), ttl: 5 }],
    })
    await store.open(sink)
    expect(sink.dump()).toEqual({ 'a.example.org': ['30 A 192.0.2.1'], 'b.example.org': ['5 A 192.0.2.2'] })
    expect(store.status()).toEqual({
      ...ALWAYS_CURRENT,
      connected: true,
      revision: 0,
      loads: 1,
      changes: 0,
      badRecords: 0,
      ignoredRecords: 0,
    })
  })

  it('says which of the given RRsets is wrong', async () => {
    const store = memoryStore({ rrsets: [A('a.example.org', '192.0.2.1'), { ...A('b.example.org'), data: [] }] })
    await expect(store.open(new MapSink())).rejects.toMatchObject({
      code: 'CDNS_DATA_EMPTY',
      message: expect.stringContaining('rrsets[1]'),
    })
    expect(await codeOf(store.put([A('a.example.org', '192.0.2.1')]))).toBe('CDNS_CLOSED')
  })

  it('refuses options that it does not know, and kinds that it does not take', () => {
    expect(errorCode(() => memoryStore({ recordFile: 'x' } as object))).toBe('CDNS_OPTION_UNKNOWN')
    expect(errorCode(() => memoryStore({ recordsFile: 5 as never }))).toBe('CDNS_OPTION_INVALID')
    expect(errorCode(() => memoryStore({ rrsets: {} as never }))).toBe('CDNS_OPTION_INVALID')
  })

  it('keeps what it was given when the caller changes the array', async () => {
    const rrsets = [A('a.example.org', '192.0.2.1')]
    const store = memoryStore({ rrsets })
    rrsets.pop()
    const sink = new MapSink()
    await store.open(sink)
    expect(sink.names()).toEqual(['a.example.org'])
  })

  it('ends an open that close overtakes', async () => {
    const store = memoryStore({ rrsets: Array.from({ length: 5000 }, (_, i) => A(`n${i}.example.org`, '192.0.2.1')) })
    const opening = codeOf(store.open(new MapSink()))
    await store.close()
    expect(await opening).toBe('CDNS_CLOSED')
  })
})

describe('memoryStore with a records file', () => {
  let sink: MapSink
  let store: MemoryStore
  const save = (value: unknown) => writeFile(file, typeof value === 'string' ? value : JSON.stringify(value))

  beforeEach(async () => {
    await save([
      A('a.example.org', '192.0.2.1'),
      { name: 'a.example.org', type: 'TXT', data: ['a'] },
      A('b.example.org', '192.0.2.2'),
    ])
    sink = new MapSink()
    store = memoryStore({ recordsFile: file })
    await store.open(sink)
    return () => store.close()
  })

  it('serves the file', () => {
    expect(sink.dump()).toEqual({
      'a.example.org': ['30 A 192.0.2.1', '30 TXT a'],
      'b.example.org': ['30 A 192.0.2.2'],
    })
  })

  it('follows the file at a reload, and writes what has changed only', async () => {
    sink.writes.length = 0
    await save([A('a.example.org', '192.0.2.1'), A('c.example.org', '192.0.2.3')])
    await store.reload()
    expect(sink.dump()).toEqual({ 'a.example.org': ['30 A 192.0.2.1'], 'c.example.org': ['30 A 192.0.2.3'] })
    expect(sink.writes.map((write) => write.name).sort()).toEqual(['a.example.org', 'b.example.org', 'c.example.org'])
    expect(store.status().loads).toBe(2)
    sink.writes.length = 0
    await store.reload()
    expect(sink.writes).toEqual([])
  })

  it('leaves alone what the program has put, also over an RRset of the file', async () => {
    await store.put([A('own.example.org', '192.0.2.9'), A('b.example.org', '192.0.2.9')])
    await save([A('a.example.org', '192.0.2.7'), A('b.example.org', '192.0.2.2')])
    await store.reload()
    expect(sink.dump()).toEqual({
      'a.example.org': ['30 A 192.0.2.7'],
      'b.example.org': ['30 A 192.0.2.9'],
      'own.example.org': ['30 A 192.0.2.9'],
    })
    await save([])
    await store.reload()
    expect(sink.names()).toEqual(['b.example.org', 'own.example.org'])
  })

  it('brings back what the program has deleted, as the file still says it', async () => {
    await store.put([A('b.example.org', '192.0.2.9')])
    await store.delete('b.example.org')
    await store.reload()
    expect(sink.lines('b.example.org')).toEqual(['30 A 192.0.2.2'])
  })

  it('turns an address into a CNAME in one step', async () => {
    sink.writes.length = 0
    await save([{ name: 'a.example.org', type: 'CNAME', data: ['b.example.org'] }, A('b.example.org', '192.0.2.2')])
    await store.reload()
    expect(sink.writes).toHaveLength(1)
    expect(sink.lines('a.example.org')).toEqual(['30 CNAME b.example.org'])
  })

  const wrongFiles: [name: string, content: unknown, entry: string | undefined][] = [
    ['no JSON', '[{"name": "a.example.org", ', 'entry 0'],
    ['no array', '{"name":"a.example.org"}', undefined],
    ['an empty file', '', undefined],
    ['text after the array', '[] []', undefined],
    ['a trailing comma', `[${JSON.stringify(A('x.example.org', '192.0.2.1'))},]`, 'entry 1'],
    ['an entry that is no RRset', [A('x.example.org', '192.0.2.1'), 'text'], 'entry 1'],
    ['an unknown type', [{ name: 'x.example.org', type: 'HINFO', data: ['x'] }], 'entry 0'],
    [
      'a bad address far down',
      [...Array.from({ length: 300 }, (_, i) => A(`n${i}.example.org`, '192.0.2.1')), A('x.example.org', '300.1.1.1')],
      'entry 300',
    ],
    ['a bad name', [A('x..example.org', '192.0.2.1')], 'entry 0'],
    ['a name and type twice', [A('x.example.org', '192.0.2.1'), A('X.example.org', '192.0.2.2')], 'entry 1'],
    [
      'a CNAME beside others',
      [A('x.example.org', '192.0.2.1'), { name: 'x.example.org', type: 'CNAME', data: ['y.example.org'] }],
      'entry 1',
    ],
  ]
  it.each(wrongFiles)('changes nothing for %s', async (_, content, entry) => {
    const before = sink.dump()
    await save(content)
    const message = expect.stringContaining(entry === undefined ? file : `${file}, ${entry}:`)
    await expect(store.reload()).rejects.toMatchObject({ code: 'CDNS_RECORDS_FILE_INVALID', message })
    expect(sink.dump()).toEqual(before)
  })

  it('changes nothing for bytes that are not UTF-8, and for a file that is not there', async () => {
    await writeFile(file, Buffer.from([0x5b, 0xff, 0x5d]))
    expect(await codeOf(store.reload())).toBe('CDNS_RECORDS_FILE_INVALID')
    await rm(file)
    expect(await codeOf(store.reload())).toBe('CDNS_RECORDS_FILE_INVALID')
    expect(sink.names()).toEqual(['a.example.org', 'b.example.org'])
  })

  it('refuses a file whose CNAME would stand beside what the program has put', async () => {
    await store.put([A('own.example.org', '192.0.2.9')])
    await save([A('new.example.org', '192.0.2.1'), { name: 'own.example.org', type: 'CNAME', data: ['a.example.org'] }])
    expect(await codeOf(store.reload())).toBe('CDNS_CNAME_CONFLICT')
    expect(sink.names()).toEqual(['a.example.org', 'b.example.org', 'own.example.org'])
  })

  it('does not open with a file that is wrong', async () => {
    await save('[{}]')
    const other = memoryStore({ recordsFile: file })
    expect(await codeOf(other.open(new MapSink()))).toBe('CDNS_RECORDS_FILE_INVALID')
    await save([])
    await other.open(new MapSink())
    await other.close()
  })
})
