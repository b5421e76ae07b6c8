import { describe, expect, expectTypeOf, it } from 'vitest'
import { checkRRset, copyRRset, type RRset } from '../../lib/records/rrset.js'
import type { SelectionOptions } from '../../lib/records/selection-options.js'
import { errorCode } from '../support/error-code.js'

const GOOD = { name: 'a.example', type: 'A', data: ['192.0.2.1'] }

describe('checkRRset', () => {
  it.each([
    ['the least there can be', GOOD],
    ['a TTL of 0', { ...GOOD, ttl: 0 }],
    ['the largest TTL', { ...GOOD, ttl: 2147483647 }],
    ['a TTL that is left to the default', { ...GOOD, ttl: undefined }],
    ['one CNAME', { ...GOOD, type: 'CNAME', data: ['b.example'] }],
  ])('passes %s', (_, rrset) => {
    expect(errorCode(() => checkRRset(rrset))).toBeUndefined()
  })

  it.each([
    ['null', null, 'CDNS_RRSET_INVALID'],
    ['undefined', undefined, 'CDNS_RRSET_INVALID'],
    ['an array', [GOOD], 'CDNS_RRSET_INVALID'],
    ['a string', 'a.example A 192.0.2.1', 'CDNS_RRSET_INVALID'],
    ['a key that nobody knows', { ...GOOD, tll: 5 }, 'CDNS_RRSET_INVALID'],
    ['no type', { ...GOOD, type: undefined }, 'CDNS_TYPE_UNSUPPORTED'],
    ['a type in lower case', { ...GOOD, type: 'a' }, 'CDNS_TYPE_UNSUPPORTED'],
    ['a type that every object has', { ...GOOD, type: 'toString' }, 'CDNS_TYPE_UNSUPPORTED'],
    ['a TTL of 32 bits', { ...GOOD, ttl: 2147483648 }, 'CDNS_TTL_INVALID'],
    ['a negative TTL', { ...GOOD, ttl: -1 }, 'CDNS_TTL_INVALID'],
    ['half a second', { ...GOOD, ttl: 0.5 }, 'CDNS_TTL_INVALID'],
    ['a TTL as text', { ...GOOD, ttl: '30' }, 'CDNS_TTL_INVALID'],
    ['a TTL of null', { ...GOOD, ttl: null }, 'CDNS_TTL_INVALID'],
    ['no data', { name: 'a.example', type: 'A' }, 'CDNS_RRSET_INVALID'],
    ['empty data', { ...GOOD, data: [] }, 'CDNS_DATA_EMPTY'],
    ['data that is no array', { ...GOOD, data: '192.0.2.1' }, 'CDNS_RRSET_INVALID'],
    ['two CNAMEs', { ...GOOD, type: 'CNAME', data: ['b.example', 'c.example'] }, 'CDNS_RRSET_INVALID'],
    ['two SOAs', { ...GOOD, type: 'SOA', data: [{}, {}] }, 'CDNS_RRSET_INVALID'],
  ])('refuses %s', (_, rrset, code) => {
    expect(errorCode(() => checkRRset(rrset))).toBe(code)
  })

  it('leaves Object.prototype alone', () => {
    expect(
      errorCode(() => checkRRset(JSON.parse('{"name":"a","type":"A","data":["192.0.2.1"],"__proto__":{"x":1}}'))),
    ).toBe('CDNS_RRSET_INVALID')
    expect(({} as { x?: number }).x).toBeUndefined()
  })
})

// Of the types, `tsc` has the last word: it reads this file.
describe('the type of an RRset', () => {
  it('has a selection and a fallback for A, AAAA and SRV alone', () => {
    const refused: RRset[] = [
      // @ts-expect-error
      { name: 'a.example', type: 'TXT', data: ['one'], selection: { maxAnswers: 1 } },
      // @ts-expect-error
      { name: 'a.example', type: 'CNAME', data: ['b.example'], fallback: ['c.example'] },
      // @ts-expect-error
      { name: 'a.example', type: 'TYPE65280', data: ['\\# 0'], selection: {} },
    ]
    for (const rrset of refused) expect(errorCode(() => checkRRset(rrset))).toBe('CDNS_RRSET_INVALID')
    const srv = { priority: 1, weight: 1, port: 1, target: 'b.example' }
    const taken: RRset[] = [
      { name: 'a.example', type: 'A', data: ['192.0.2.1'], selection: { maxAnswers: 1 }, fallback: ['192.0.2.2'] },
      { name: 'a.example', type: 'AAAA', data: ['2001:db8::1'], selection: { maxAnswers: 1 }, fallback: ['::1'] },
      { name: 'a.example', type: 'SRV', data: [srv], selection: { maxAnswers: 1 }, fallback: [srv] },
    ]
    for (const rrset of taken) expect(errorCode(() => checkRRset(rrset))).toBeUndefined()
  })

  it('takes what programs have in variables, and tells them what is in it', () => {
    const type = 'AAAA' as 'A' | 'AAAA'
    const a = { name: 'a.example', type: 'A' as const, data: ['192.0.2.1'], selection: { maxAnswers: 1 } }
    const mixed = [a, { name: 'a.example', type: 'TXT' as const, data: ['one'] }]
    const literals = [
      { name: 'b.example', type: 'A' as const, data: ['192.0.2.1'], selection: { maxAnswers: 1 } },
      { name: 'b.example', type: 'TXT' as const, data: ['one'] },
    ]
    const rrsets: RRset[] = [a, ...mixed, ...literals, { name: 'c.example', type, data: ['::1'], selection: {} }]
    rrsets.push(JSON.parse(JSON.stringify(a)))
    const later: RRset[] = rrsets.map((rrset) => ({ ...rrset, ttl: 60 }))
    for (const { selection } of later) expectTypeOf(selection).toEqualTypeOf<SelectionOptions | undefined>()
    expect(later.map(({ selection }) => selection?.maxAnswers)).toEqual([1, 1, undefined, 1, undefined, undefined, 1])
    for (const rrset of later) expect(errorCode(() => checkRRset(rrset))).toBeUndefined()
  })
})

describe('copyRRset', () => {
  it('shares nothing that can change with what it was given', () => {
    const octets = Uint8Array.of(1, 2)
    const params = { alpn: ['h2', octets], key9: octets }
    const given: RRset = { name: 'a', type: 'SVCB', data: [{ priority: 1, target: 'b', params }] }
    const copy = copyRRset(given)
    expect(copy).toEqual(given)
    octets[0] = 9
    params.alpn.push('h3')
    expect(copy.data[0]).toEqual({
      priority: 1,
      target: 'b',
      params: { alpn: ['h2', Uint8Array.of(1, 2)], key9: Uint8Array.of(1, 2) },
    })
  })

  it('comes to an end for data that contains itself', () => {
    const params: Record<string, unknown> = {}
    params['alpn'] = [params]
    const copy = () => copyRRset({ name: 'a', type: 'SVCB', data: [{ priority: 1, target: 'b', params }] } as RRset)
    expect(errorCode(copy)).toBeUndefined()
  })
})

describe('RRset', () => {
  it('has data that fits its type, to the compiler', () => {
    const good: RRset[] = [
      { name: 'a', type: 'A', data: ['192.0.2.1', { address: '192.0.2.2', weight: 2 }] },
      { name: 'a', type: 'MX', data: [{ preference: 1, exchange: 'b' }] },
      { name: 'a', type: 'TYPE65280', data: ['\\# 0', Uint8Array.of(1)] },
      // @ts-expect-error an MX is no text
      { name: 'a', type: 'MX', data: ['b'] },
      // @ts-expect-error a weight belongs to addresses
      { name: 'a', type: 'CNAME', data: [{ address: 'b', weight: 1 }] },
      // @ts-expect-error no such type
      { name: 'a', type: 'TPYE1', data: ['b'] },
    ]
    expect(good).toHaveLength(6)
  })
})
