import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { ipv6ToText } from '../../lib/wire/rdata/ipv6.js'
import type { CharacterString, NaptrData, RecordData, SvcbData, SvcParams } from '../../lib/wire/rdata/record-data.js'
import type { KnownType } from '../../lib/wire/rdata/record-type.js'
import { svcParamKey } from '../../lib/wire/rdata/svc-params.js'

/** Any octets as a label: dots, zeros and letters of both cases come up often. */
export const label = (maxLength = 63): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.oneof(fc.constantFrom(0x2e, 0x5c, 0, 0x41, 0x61, 0x5a, 0x7a, 0x40, 0x5b, 0xff), fc.nat(255)), {
      minLength: 1,
      maxLength,
    })
    .map((octets) => Uint8Array.from(octets))

/** Any name in wire form that keeps the limits, the root included. */
export const wireName: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    fc.array(label(), { maxLength: 4 }),
    fc.array(label(4), { maxLength: 50 }),
    fc.array(label(1), { maxLength: 127 }),
  )
  .map((labels) => {
    const octets: number[] = []
    for (const octet of labels) if (octets.length + 1 + octet.length < 255) octets.push(octet.length, ...octet)
    return Uint8Array.from([...octets, 0])
  })

/** Labels that every implementation holds alike: dns-packet makes them text. */
export const hostLabel: fc.Arbitrary<string> = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/)
export const hostName: fc.Arbitrary<string> = fc
  .array(hostLabel, { minLength: 1, maxLength: 6 })
  .map((labels) => labels.join('.'))

const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)
const octets16 = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
/** Text, or octets that are none. */
const octets = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => (isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : Uint8Array.from(bytes)))
const characterString: fc.Arbitrary<CharacterString> = fc.oneof(text, octets)
const ipv6 = octets16.map((octets) => ipv6ToText(Uint8Array.from(octets)))

const svcParams: fc.Arbitrary<SvcParams> = fc
  .record(
    {
      alpn: fc.array(
        fc.oneof(characterString, fc.constantFrom('h2', 'h3', 'a,b\\c')).filter((id) => id.length > 0),
        { minLength: 1, maxLength: 3 },
      ),
      port: u16,
      ipv4hint: fc.array(fc.ipV4(), { minLength: 1, maxLength: 3 }),
      ech: fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      ipv6hint: fc.array(ipv6, { minLength: 1, maxLength: 3 }),
      dohpath: text.filter((path) => path !== ''),
      key8: characterString,
      key65534: characterString,
    },
    { requiredKeys: [] },
  )
  .chain((params) => {
    const keys = Object.keys(params).sort((a, b) => svcParamKey(a) - svcParamKey(b))
    return fc.tuple(fc.subarray(keys), fc.boolean()).map(
      ([mandatory, noDefault]): SvcParams => ({
        ...params,
        ...(mandatory.length === 0 ? {} : { mandatory }),
        ...(noDefault && params.alpn !== undefined ? { 'no-default-alpn': true } : {}),
      }),
    )
  })

const service: fc.Arbitrary<SvcbData> = fc.oneof(
  fc.record({ priority: u16, target: hostName }),
  fc
    .record({ priority: u16, target: hostName, params: svcParams })
    .filter(({ params }) => Object.keys(params).length > 0),
)

const naptr: fc.Arbitrary<NaptrData> = fc
  .record({
    order: u16,
    preference: u16,
    flags: fc.stringMatching(/^[A-Za-z0-9]{0,3}$/),
    services: characterString,
    rule: fc.oneof(
      hostName.map((replacement) => ({ regexp: '', replacement })),
      fc
        .constantFrom('!^.*$!sip:a@example!', '/a\\/b/\\1/i', 'x^x\\xx')
        .map((regexp) => ({ regexp, replacement: '.' })),
    ),
  })
  .map(({ rule, ...rest }) => ({ ...rest, ...rule }))

/** Data of each type, in the form that it comes back in. */
export const DATA: Readonly<Record<KnownType, fc.Arbitrary<RecordData>>> = {
  A: fc.ipV4(),
  AAAA: ipv6,
  CAA: fc.record({ flags: fc.nat(255), tag: fc.stringMatching(/^[A-Za-z0-9]{1,15}$/), value: characterString }),
  CNAME: hostName,
  HTTPS: service,
  NAPTR: naptr,
  NS: hostName,
  PTR: hostName,
  MX: fc.record({ preference: u16, exchange: hostName }),
  SOA: fc.record({
    mname: hostName,
    rname: hostName,
    serial: u32,
    refresh: u32,
    retry: u32,
    expire: u32,
    minimum: u32,
  }),
  SRV: fc.record({ priority: u16, weight: u16, port: u16, target: hostName }),
  SVCB: service,
  TXT: fc.oneof(characterString, fc.array(characterString, { minLength: 2, maxLength: 5 })),
}

/** Types that a name may have several records of. */
export const PLURAL_TYPES = ['A', 'AAAA', 'CAA', 'HTTPS', 'MX', 'NAPTR', 'NS', 'PTR', 'SRV', 'SVCB', 'TXT'] as const
