import { encode as encodePacket } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../lib/errors.js'
import { rdataCodec } from '../../../lib/wire/rdata/codec.js'
import { isWellFormed } from '../../../lib/wire/rdata/rdata-layout.js'
import type { RecordData, WeightedAddress } from '../../../lib/wire/rdata/record-data.js'
import { type KnownType, type RecordType, typeCode } from '../../../lib/wire/rdata/record-type.js'
import { DATA } from '../../support/arbitraries.js'
import { errorCode } from '../../support/error-code.js'

function encode(type: RecordType, data: unknown): Uint8Array {
  const target = new Uint8Array(65535)
  return target.subarray(0, rdataCodec(type).encode(data as RecordData, target, 0))
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

describe.each(Object.keys(DATA) as KnownType[])('rdata of %s', (type) => {
  it('comes back as it was written, at any place, and touches nothing around it', () => {
    const codec = rdataCodec(type)
    const property = fc.property(DATA[type], fc.nat(9), (data, before) => {
      const target = new Uint8Array(before + 2000).fill(0xaa)
      const length = codec.encode(data, target, before)
      expect(codec.decode(target, before, length)).toEqual(data)
      expect(isWellFormed(typeCode(type), target, before, before + length)).toBe(true)
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
    expect(rdataCodec(type).decode(shared, 0, bytes.length)).toEqual(data)
  })

  it.each([undefined, null, 5, true, {}, [], [[]], { address: '192.0.2.1' }, Symbol('x'), ''])('is not %s', (data) => {
    // An empty string is a string, and so TXT.
    const codes = ['CDNS_DATA_INVALID', 'CDNS_NAME_INVALID', 'CDNS_ADDRESS_INVALID', 'CDNS_NUMBER_INVALID']
    const isGood =
      (type === 'TXT' && data === '') || (type === 'A' && typeof (data as WeightedAddress)?.address === 'string')
    const expected = isGood ? [undefined] : [...codes, 'CDNS_CAA_INVALID']
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

  it.each<[RecordType, unknown, string]>([
    ['CAA', { flags: 128, tag: 'issue', value: 'ca.example' }, '80056973737565' + '63612e6578616d706c65'],
    ['CAA', { flags: 0, tag: 'a', value: '' }, '000161'],
    [
      'NAPTR',
      { order: 1, preference: 2, flags: 'u', services: 'E2U+sip', regexp: '!.*!x!', replacement: '.' },
      '00010002' + '0175' + '074532552b736970' + '06212e2a217821' + '00',
    ],
    ['SVCB', { priority: 0, target: 'a' }, '0000' + '016100'],
    // RFC 9460 appendix D.2: figures 3 to 7 and 10, their names made shorter.
    ['SVCB', { priority: 1, target: '.' }, '0001' + '00'],
    ['HTTPS', { priority: 16, target: 'a', params: { port: 53 } }, '0010' + '016100' + '000300020035'],
    ['SVCB', { priority: 1, target: 'a', params: { key667: 'hello' } }, '0001' + '016100' + '029b000568656c6c6f'],
    [
      'SVCB',
      { priority: 1, target: 'a', params: { key667: Uint8Array.of(0x68, 0xd2) } },
      '0001' + '016100' + '029b000268d2',
    ],
    [
      'SVCB',
      { priority: 1, target: 'a', params: { ipv6hint: ['2001:db8::1', '2001:db8::53:1'] } },
      '0001' + '016100' + '00060020' + '20010db8000000000000000000000001' + '20010db8000000000000000000530001',
    ],
    [
      'SVCB',
      {
        priority: 16,
        target: 'a',
        params: { ipv4hint: ['192.0.2.1'], mandatory: ['ipv4hint', 'alpn'], alpn: ['h2', 'h3-19'] },
      },
      '0010' + '016100' + '0000000400010004' + '0001000902683205' + '68332d3139' + '00040004c0000201',
    ],
    [
      'SVCB',
      { priority: 16, target: 'a', params: { alpn: ['f\\oo,bar', 'h2'] } },
      '0010' + '016100' + '0001000c' + '08665c6f6f2c626172' + '026832',
    ],
    ['A', { address: '192.0.2.1', weight: 5 }, 'c0000201'],
    ['TXT', Uint8Array.of(0xff), '01ff'],
    ['TYPE65280', '\\# 4 0A00 0001', '0a000001'],
    ['TYPE65280', '\\# 0', ''],
    ['TYPE10', Uint8Array.of(1, 2), '0102'],
  ])('of %s %j is as the RFCs draw it, too', (type, data, hex) => {
    expect(Buffer.from(encode(type, data)).toString('hex')).toBe(hex)
  })

  const naptr = { order: 1, preference: 1, flags: '', services: '', regexp: '', replacement: 'a' }
  const service = (params: unknown) => ({ priority: 1, target: 'a', params })
  it.each<[ErrorCode, RecordType, unknown]>([
    ['CDNS_ADDRESS_INVALID', 'A', '192.0.2'],
    ['CDNS_ADDRESS_INVALID', 'A', '192.0.2.256'],
    ['CDNS_ADDRESS_INVALID', 'A', '192.0.2.01'],
    ['CDNS_ADDRESS_INVALID', 'A', ' 192.0.2.1'],
    ['CDNS_ADDRESS_INVALID', 'A', '192.0.2.1\n'],
    ['CDNS_ADDRESS_INVALID', 'A', '::1'],
    ['CDNS_ADDRESS_INVALID', 'A', { weight: 5 }],
    ['CDNS_ADDRESS_INVALID', 'AAAA', '192.0.2.1'],
    ['CDNS_ADDRESS_INVALID', 'AAAA', 'fe80::1%eth0'],
    ['CDNS_DATA_INVALID', 'A', { address: '192.0.2.1', wieght: 1 }],
    ['CDNS_NUMBER_INVALID', 'MX', { preference: 65536, exchange: 'a' }],
    ['CDNS_NUMBER_INVALID', 'MX', { preference: -1, exchange: 'a' }],
    ['CDNS_NUMBER_INVALID', 'MX', { preference: 1.5, exchange: 'a' }],
    ['CDNS_NUMBER_INVALID', 'MX', { preference: '1', exchange: 'a' }],
    ['CDNS_NUMBER_INVALID', 'MX', { exchange: 'a' }],
    ['CDNS_NUMBER_INVALID', 'MX', { preference: null, exchange: 'a' }],
    ['CDNS_DATA_INVALID', 'MX', { preference: 1, exchange: 'a', weight: 1 }],
    ['CDNS_NUMBER_INVALID', 'SRV', { priority: 1, weight: 1, target: 'a' }],
    ['CDNS_NUMBER_INVALID', 'SOA', { ...SOA, serial: 2 ** 32 }],
    ['CDNS_NUMBER_INVALID', 'SOA', { ...SOA, minimum: undefined }],
    ['CDNS_STRING_TOO_LONG', 'TXT', 'x'.repeat(256)],
    ['CDNS_STRING_TOO_LONG', 'TXT', 'é'.repeat(128)],
    ['CDNS_DATA_INVALID', 'TXT', ['a', 5]],
    ['CDNS_DATA_INVALID', 'TXT', Array(257).fill('x'.repeat(255))],
    ['CDNS_NAME_INVALID', 'CNAME', 'a..b'],
    ['CDNS_NAME_INVALID', 'MX', { preference: 1 }],
    ['CDNS_NAME_INVALID', 'MX', { preference: 1, exchange: '' }],
    ['CDNS_NAME_INVALID', 'SRV', { priority: 1, weight: 1, port: 1, target: 'a b' }],
    ['CDNS_LABEL_TOO_LONG', 'SOA', { ...SOA, rname: 'x'.repeat(64) }],
    ['CDNS_NAME_TOO_LONG', 'NS', 'x.'.repeat(128)],
    ['CDNS_NUMBER_INVALID', 'CAA', { flags: 256, tag: 'issue', value: '' }],
    ['CDNS_CAA_INVALID', 'CAA', { flags: 0, tag: '', value: '' }],
    ['CDNS_CAA_INVALID', 'CAA', { flags: 0, tag: 'is-sue', value: '' }],
    ['CDNS_DATA_INVALID', 'CAA', { flags: 0, tag: 'issue' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, flags: 'u!' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, regexp: '!.*!x!' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, regexp: '!.*!x', replacement: '.' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, regexp: '!.*!x!g', replacement: '.' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, regexp: '1.*1x1', replacement: '.' }],
    ['CDNS_NAPTR_INVALID', 'NAPTR', { ...naptr, regexp: '!.*\\!x!', replacement: '.' }],
    ['CDNS_STRING_TOO_LONG', 'NAPTR', { ...naptr, services: 'x'.repeat(256) }],
    ['CDNS_NUMBER_INVALID', 'NAPTR', { ...naptr, order: 65536 }],
    ['CDNS_SVCB_INVALID', 'SVCB', service(5)],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ prot: 53 })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ key65535: '' })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ key007: '' })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ port: 1, key3: Uint8Array.of(0, 1) })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ key3: 'long' })],
    ['CDNS_NUMBER_INVALID', 'SVCB', service({ port: 65536 })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ 'no-default-alpn': true })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ 'no-default-alpn': false })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ alpn: [] })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ alpn: [''] })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ mandatory: ['alpn'] })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ mandatory: ['port', 'port'], port: 1 })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ mandatory: ['mandatory'] })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ ech: 'no base64' })],
    ['CDNS_ADDRESS_INVALID', 'SVCB', service({ ipv4hint: ['::1'] })],
    ['CDNS_SVCB_INVALID', 'SVCB', service({ ipv6hint: '::1' })],
    ['CDNS_DATA_INVALID', 'SVCB', service({ key9: 'x'.repeat(65535) })],
    ['CDNS_GENERIC_INVALID', 'TYPE65280', '0a'],
    ['CDNS_GENERIC_INVALID', 'TYPE65280', '\\# 2 0a'],
    ['CDNS_GENERIC_INVALID', 'TYPE65280', '\\# 1 0g'],
    ['CDNS_GENERIC_INVALID', 'TYPE65280', '\\# 1 0a0'],
    ['CDNS_DATA_INVALID', 'TYPE65280', { a: 1 }],
    ['CDNS_DATA_INVALID', 'TYPE65280', new Uint8Array(65536)],
  ])('is refused with %s: %s %j', (code, type, data) => {
    expect(errorCode(() => encode(type, data))).toBe(code)
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

  it('of a type without a form of its own comes back as it went in', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const wire = encode('TYPE731', octets)
      expect(wire).toEqual(Uint8Array.from(octets))
      const text = rdataCodec('TYPE731').decode(wire, 0, wire.length)
      expect(encode('TYPE731', text)).toEqual(wire)
    })
    fc.assert(property)
  })

  // dns-packet knows nothing of SVCB, and reads octets that are no UTF-8 otherwise.
  it.each(['A', 'CAA', 'CNAME', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV'] as const)(
    'of %s is the same to dns-packet',
    (type) => {
      const property = fc.property(DATA[type], (data) => {
        // It writes text only.
        fc.pre(typeof data === 'string' || !Object.values(data).some((value) => value instanceof Uint8Array))
        const packet = encodePacket({ answers: [{ name: 'x', type, data: data as never }] })
        const rdataAt = 12 + 3 + 10
        const wire = encode(type, data)
        expect(Buffer.from(packet.subarray(rdataAt)).toString('hex')).toBe(Buffer.from(wire).toString('hex'))
      })
      fc.assert(property)
    },
  )

  it('is judged as octets without reading past the end', () => {
    const types = Object.keys(DATA) as KnownType[]
    const property = fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 40 }), (type, octets) => {
      const padded = new Uint8Array(octets.length + 300).fill(1)
      padded.set(octets)
      // What stands behind the octets changes nothing.
      expect(isWellFormed(typeCode(type), padded, 0, octets.length)).toBe(
        isWellFormed(typeCode(type), octets, 0, octets.length),
      )
    })
    fc.assert(property)
  })
})
