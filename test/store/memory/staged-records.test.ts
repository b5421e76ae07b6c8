import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_TTL, type StagedRecord, StagedRecords } from '../../../lib/store/memory/staged-records.js'
import { nameFromText, nameToText } from '../../../lib/wire/name.js'
import { errorCode } from '../../support/error-code.js'

function record(rdata: Uint8Array, parts: Partial<StagedRecord> = {}): StagedRecord {
  const bytes = Uint8Array.of(0xee, ...rdata, 0xee)
  return { type: 1, ttl: 30, weight: 1, view: 0, source: 0, place: 1, bytes, start: 1, length: rdata.length, ...parts }
}

/** Everything that is staged, as text. */
function dump(staged: StagedRecords): string[] {
  return [...staged.owners()].flatMap(({ name, records }) =>
    records.map(({ type, ttl, weight, view, source, place, bytes, start, length }) =>
      [nameToText(name), type, ttl, weight, view, source, place, ...bytes.subarray(start, start + length)].join(' '),
    ),
  )
}

describe('StagedRecords', () => {
  it('gives back what was staged, owner by owner, as a Map does', () => {
    const owner = fc.nat(30).map((i) => `n${i}.example`)
    const parts = fc.record({
      type: fc.integer({ min: 1, max: 65534 }),
      ttl: fc.constantFrom(0, 5, 0x7fffffff, NO_TTL),
      weight: fc.integer({ min: 1, max: 65535 }),
      view: fc.nat(255),
      source: fc.nat(3),
      place: fc.nat(0xffffffff),
    })
    const property = fc.property(fc.array(fc.tuple(owner, parts, fc.uint8Array({ maxLength: 9 }))), (entries) => {
      const staged = new StagedRecords(0)
      const expected = new Map<string, string[]>()
      for (const [name, fields, rdata] of entries) {
        staged.add(nameFromText(name), record(rdata, fields))
        const { type, ttl, weight, view, source, place } = fields
        const line = [name, type, ttl, weight, view, source, place, ...rdata].join(' ')
        expected.set(name, [...(expected.get(name) ?? []), line])
        expect(staged.has(nameFromText(name), type, view, source)).toBe(true)
        expect(staged.has(nameFromText(name), 65535, view)).toBe(false)
      }
      expect(dump(staged)).toEqual([...expected.values()].flat())
    })
    fc.assert(property)
  })

  it('holds more owners than it was made for, and more bytes than a chunk has', () => {
    const staged = new StagedRecords(10)
    for (let i = 0; i < 5000; i++) staged.add(nameFromText(`n${i}`), record(new Uint8Array(500).fill(i)))
    staged.add(nameFromText('n7'), record(new Uint8Array(65535), { type: 2 }))
    const owners = [...staged.owners()]
    expect(owners).toHaveLength(5000)
    expect(owners.every(({ records }, i) => records[0]!.bytes[records[0]!.start] === (i & 0xff))).toBe(true)
    expect(owners[7]!.records.map(({ length }) => length)).toEqual([500, 65535])
    expect(staged.has(nameFromText('n4999'), 1, 0)).toBe(true)
    expect(staged.has(nameFromText('n5000'), 1, 0)).toBe(false)
  })

  it('refuses more records of an owner than anybody could be answered with', () => {
    const staged = new StagedRecords(0)
    for (let i = 0; i < 10_000; i++) staged.add(nameFromText('a'), record(Uint8Array.of(i >>> 8, i)))
    expect(errorCode(() => staged.add(nameFromText('a'), record(new Uint8Array(4))))).toBe('CDNS_RRSET_TOO_LARGE')
    staged.add(nameFromText('b'), record(new Uint8Array(4)))
    expect(dump(staged)).toHaveLength(10_001)
  })
})
