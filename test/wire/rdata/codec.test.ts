import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RDATA_CODECS } from '../../../lib/wire/rdata/codec.js'
import type { RecordData } from '../../../lib/wire/rdata/record-data.js'
import type { RecordType } from '../../../lib/wire/rdata/record-type.js'
import { DATA } from '../../support/arbitraries.js'
import { errorCode } from '../../support/error-code.js'

function encode(type: RecordType, data: unknown): Uint8Array {
  const target = new Uint8Array(65535)
  return target.subarray(0, RDATA_CODECS[type].encode(data as RecordData, target, 0))
}

const SOA = {
  mname: 'ns.example',
  rname: 'hostmaster.example',
  serial: 1,
  refresh: 2,
  retry: 3,
  expire: 4,
  minimum: 0xffffffff,
}

describe.each(Object.keys(DATA) as RecordType[])('rdata of %s', (type) => {
  it('comes back as it was written, at any place, and touches nothing around it', () => {
    const codec = RDATA_CODECS[type]
    const property = fc.property(DATA[type], fc.nat(9), (data, before) => {
      const target = new Uint8Array(before + 2000).fill(0xaa)
      const length = codec.encode(data, target, before)
      expect(codec.decode(target, before, length)).toEqual(data)
      expect(target.subarray(0, before).every((byte) => byte === 0xaa)).toBe(true)
      expect(target.subarray(before + length).every((byte) => byte === 0xaa)).toBe(true)
    })
    fc.assert(property)
  })

  it('comes back from shared memory too', () => {
    const [data] = fc.sample(DATA[type], { numRuns: 1, seed: 5 })
    const shared = new Uint8Array(new SharedArrayBuffer(2000))
    const bytes = encode(type, data)
    shared.set(bytes)
    expect(RDATA_CODECS[type].decode(shared, 0, bytes.length)).toEqual(data)
  })

  it.each([undefined, null, 5, true, {}, [], [[]], { address: '192.0.2.1' }, Symbol('x'), ''])('is not %s', (data) => {
    // An empty string is a string, and so TXT.
    const expected = type === 'TXT' && data === '' ? [undefined] : ['CDNS_DATA_INVALID', 'CDNS_NAME_INVALID']
    expect(expected).toContain(errorCode(() => encode(type, data)))
  })
})

describe('rdata', () => {
  it.each<[RecordType, unknown, string]>([
    ['A', '192.0.2.255', 'c00002ff'],
    ['AAAA', '::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['CNAME', 'Ab.c.', '024162016300'],
    ['NS', '.', '00'],
    ['PTR', 'a\\.b', '03612e6200'],
    ['MX', { preference: 0x0102, exchange: 'a' }, '0102016100'],
    ['SRV', { priority: 1, weight: 0xffff, port: 53, target: '.' }, '0001ffff003500'],
    ['TXT', '', '00'],
    ['TXT', ['a', '', 'é'], '01610002c3a9'],
    ['TXT', 'x'.repeat(255), `ff${'78'.repeat(255)}`],
    ['SOA', { ...SOA, mname: '.', rname: 'a' }, '0001610000000001000000020000000300000004ffffffff'],
  ])('of %s %j is as the RFCs draw it', (type, data, hex) => {
    expect(Buffer.from(encode(type, data)).toString('hex')).toBe(hex)
  })

  it.each<[RecordType, unknown]>([
    ['A', '192.0.2'],
    ['A', '192.0.2.256'],
    ['A', '192.0.2.01'],
    ['A', ' 192.0.2.1'],
    ['A', '192.0.2.1\n'],
    ['A', '::1'],
    ['AAAA', '192.0.2.1'],
    ['AAAA', 'fe80::1%eth0'],
    ['MX', { preference: 65536, exchange: 'a' }],
    ['MX', { preference: -1, exchange: 'a' }],
    ['MX', { preference: 1.5, exchange: 'a' }],
    ['MX', { preference: '1', exchange: 'a' }],
    ['MX', { exchange: 'a' }],
    ['MX', { preference: null, exchange: 'a' }],
    ['MX', { preference: 1, exchange: 'a', weight: 1 }],
    ['SRV', { priority: 1, weight: 1, target: 'a' }],
    ['SOA', { ...SOA, serial: 2 ** 32 }],
    ['SOA', { ...SOA, minimum: undefined }],
    ['TXT', 'x'.repeat(256)],
    ['TXT', 'é'.repeat(128)],
    ['TXT', ['a', 5]],
    ['TXT', Array(257).fill('x'.repeat(255))],
  ])('of %s is not %j', (type, data) => {
    expect(errorCode(() => encode(type, data))).toBe('CDNS_DATA_INVALID')
  })

  it.each<[RecordType, unknown]>([
    ['CNAME', 'a..b'],
    ['MX', { preference: 1 }],
    ['MX', { preference: 1, exchange: '' }],
    ['SRV', { priority: 1, weight: 1, port: 1, target: 'a b' }],
    ['SOA', { ...SOA, rname: 'x'.repeat(64) }],
  ])('of %s %j holds a bad name', (type, data) => {
    expect(errorCode(() => encode(type, data))).toBe('CDNS_NAME_INVALID')
  })

  it('says of a number that is missing that it is missing', () => {
    expect(() => encode('MX', { exchange: 'a' })).toThrow(
      expect.objectContaining({ message: 'preference must be a whole number from 0 to 65535, got undefined' }),
    )
  })

  it('of TXT takes exactly as much as the length of rdata can say', () => {
    const strings = [...Array<string>(255).fill('x'.repeat(255)), 'x'.repeat(254)]
    expect(encode('TXT', strings)).toHaveLength(65535)
    expect(errorCode(() => encode('TXT', [...strings.slice(0, 255), 'x'.repeat(255)]))).toBe('CDNS_DATA_INVALID')
  })
})
