import { describe, expect, it } from 'vitest'
import { checkRRset } from '../../lib/records/rrset.js'
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
    ['empty data', { ...GOOD, data: [] }, 'CDNS_RRSET_INVALID'],
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
