import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { storeSideStart } from '../../lib/records/rrset-side.js'
import { decodeData, decodeRRset, RRsetEncoder, type WireRRset } from '../../lib/records/wire-rrset.js'
import { nameFromText } from '../../lib/wire/name.js'
import type { RecordData } from '../../lib/wire/rdata/record-data.js'
import { RECORD_TYPES, type RecordType } from '../../lib/wire/rdata/record-type.js'
import { DATA, PLURAL_TYPES } from '../support/arbitraries.js'
import { errorCode } from '../support/error-code.js'

const encoder = new RRsetEncoder()

function encode(type: RecordType, data: RecordData[]): WireRRset {
  encoder.reset()
  return encoder.encode(type, 30, data)
}

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.${i >>> 16}.${(i >>> 8) & 0xff}.${i & 0xff}`)
}

describe('RRsetEncoder', () => {
  it('and decodeRRset give back what was put in', () => {
    const rrset = encode('MX', [
      { preference: 10, exchange: 'a.example' },
      { preference: 20, exchange: 'b.example' },
    ])
    expect(rrset).toMatchObject({ type: RECORD_TYPES.MX, ttl: 30, count: 2, sideLength: 0 })
    expect(decodeRRset(nameFromText('x.example'), rrset)).toEqual({
      name: 'x.example',
      type: 'MX',
      ttl: 30,
      data: [
        { preference: 10, exchange: 'a.example' },
        { preference: 20, exchange: 'b.example' },
      ],
    })
  })

  it.each(PLURAL_TYPES)('keeps any data of %s, each value once, in order', (type) => {
    const property = fc.property(fc.array(DATA[type], { minLength: 1, maxLength: 40 }), (data) => {
      const seen = new Set<string>()
      // Names that differ in case alone are the same; texts are not names.
      const isName = (field: string) =>
        ['target', 'exchange', 'replacement'].includes(field) || (field === '' && type !== 'TXT')
      const keyOf = (item: RecordData) =>
        JSON.stringify(item, (field, value) =>
          typeof value === 'string' && isName(field) ? value.toLowerCase() : value,
        )
      const distinct = data.filter((item) => !seen.has(keyOf(item)) && seen.add(keyOf(item)))
      expect(decodeData(encode(type, [...data, ...data]))).toEqual(distinct)
    })
    fc.assert(property)
  })

  it.each<[string, RecordType, RecordData[], number]>([
    ['names that differ in case', 'NS', ['a.example', 'A.Example'], 1],
    ['addresses written differently', 'AAAA', ['::1', '0:0:0:0:0:0:0:1'], 1],
    ['texts that differ in case', 'TXT', ['a', 'A'], 2],
    ['a text in two parts and in one', 'TXT', ['ab', ['a', 'b']], 2],
    // 65 and 97 are `A` and `a` only in names.
    ['addresses with octets that are letters', 'A', ['65.65.65.65', '97.97.97.97'], 2],
    [
      'MX preferences that are letters',
      'MX',
      [
        { preference: 65, exchange: 'a' },
        { preference: 97, exchange: 'a' },
      ],
      2,
    ],
    [
      'MX exchanges that differ in case',
      'MX',
      [
        { preference: 1, exchange: 'a' },
        { preference: 1, exchange: 'A' },
      ],
      1,
    ],
    ['SRV numbers that are letters', 'SRV', [srv(65, 1), srv(97, 1), srv(1, 0x4141), srv(1, 0x6161)], 4],
    ['SRV targets that differ in case', 'SRV', [srv(1, 1), { ...srv(1, 1), target: 'B' }], 1],
  ])('keeps of %s what is different', (_, type, data, count) => {
    expect(encode(type, data).count).toBe(count)
  })

  it('keeps the weights of addresses, and what the store remembers behind them', () => {
    encoder.reset()
    const data = [{ address: '192.0.2.1', weight: 65535 }, '192.0.2.2', { address: '192.0.2.3' }]
    const rrset = encoder.encode('A', 30, data, {}, Uint8Array.of(7, 8))
    expect(decodeData(rrset)).toEqual([
      { address: '192.0.2.1', weight: 65535 },
      { address: '192.0.2.2', weight: 1 },
      { address: '192.0.2.3', weight: 1 },
    ])
    const end = rrset.sideStart + rrset.sideLength
    expect(rrset.side.slice(storeSideStart(rrset), end)).toEqual(Uint8Array.of(7, 8))
    // Of two alike the first one counts.
    const twice = encoder.encode('AAAA', 30, [
      { address: '::1', weight: 3 },
      { address: '0::1', weight: 4 },
    ])
    expect(decodeData(twice)).toEqual([{ address: '::1', weight: 3 }])
  })

  it('takes no room for weights where all are 1', () => {
    const plain = encode('A', ['192.0.2.1', { address: '192.0.2.2', weight: 1 }])
    expect([plain.sideLength, decodeData(plain)]).toEqual([0, ['192.0.2.1', '192.0.2.2']])
  })

  it.each([0, 65536, 1.5, '1', null])('refuses a weight of %j', (weight) => {
    expect(errorCode(() => encode('A', [{ address: '192.0.2.1', weight: weight as number }]))).toBe(
      'CDNS_NUMBER_INVALID',
    )
  })

  it.each<[string, RecordType, RecordData[], number]>([
    ['NAPTR replacements that differ in case', 'NAPTR', [naptr('a', 'x'), naptr('a', 'X')], 1],
    ['NAPTR services that differ in case', 'NAPTR', [naptr('a', 'x'), naptr('A', 'x')], 2],
    ['SVCB targets that differ in case', 'SVCB', [service('a', 'h2'), service('A', 'h2')], 1],
    ['SVCB parameters that differ in case', 'SVCB', [service('a', 'h2'), service('a', 'H2')], 2],
    ['octets of unknown types', 'TYPE65280', ['\\# 1 41', '\\# 1 61'], 2],
  ])('keeps of %s what is different, wherever the name stands', (_, type, data, count) => {
    expect(encode(type, data).count).toBe(count)
  })

  it('refuses what no message can carry, the longest question and an OPT record included', () => {
    const most = Math.floor((65535 - 12 - 259 - 11) / 16)
    expect(encode('A', addresses(most)).count).toBe(most)
    expect(errorCode(() => encode('A', addresses(most + 1)))).toBe('CDNS_RRSET_TOO_LARGE')
    expect(errorCode(() => encode('TXT', [Array<string>(255).fill('x'.repeat(255))]))).toBe('CDNS_RRSET_TOO_LARGE')
    // What is listed twice does not count.
    expect(encode('A', [...addresses(most), ...addresses(most)]).count).toBe(most)
  })

  it('is of use again after data that it refused', () => {
    const fresh = new RRsetEncoder()
    const good = fresh.encode('A', 1, ['192.0.2.1'])
    expect(errorCode(() => fresh.encode('A', 1, ['192.0.2.2', 'nonsense']))).toBe('CDNS_ADDRESS_INVALID')
    const next = fresh.encode('A', 1, ['192.0.2.3'])
    expect([decodeData(good), decodeData(next)]).toEqual([['192.0.2.1'], ['192.0.2.3']])
  })

  it('keeps the pieces that it handed out when it grows', () => {
    const fresh = new RRsetEncoder()
    const text = (i: number) => Array.from({ length: 200 }, (_, j) => `${i}-${j}-${'x'.repeat(200)}`)
    const pieces = Array.from({ length: 12 }, (_, i) => fresh.encode('TXT', i, [text(i)]))
    expect(new Set(pieces.map((piece) => piece.bytes)).size).toBeGreaterThan(2)
    pieces.forEach((piece, i) => {
      expect(decodeData(piece)).toEqual([text(i)])
    })
  })

  it('grows in the middle of an RRset', () => {
    const fresh = new RRsetEncoder()
    const half = Array.from({ length: 100 }, (_, i) => `${i}${'x'.repeat(200)}`)
    for (let i = 0; i < 4; i++) fresh.encode('TXT', 1, [[...half, `${i}`]])
    const data: RecordData[] = Array.from({ length: 60 }, (_, i) => [...half.slice(0, 4), `${i}`])
    expect(decodeData(fresh.encode('TXT', 1, data))).toEqual(data)
  })

  it('folds names', () => {
    expect(encoder.name('A.Example.')).toEqual(nameFromText('a.example'))
    expect(errorCode(() => encoder.name('a..b'))).toBe('CDNS_NAME_INVALID')
  })
})

function srv(weight: number, port: number) {
  return { priority: 1, weight, port, target: 'b' }
}

function naptr(services: string, replacement: string) {
  return { order: 1, preference: 1, flags: 's', services, regexp: '', replacement }
}

function service(target: string, alpn: string) {
  return { priority: 1, target, params: { alpn: [alpn] } }
}
