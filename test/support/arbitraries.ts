import fc from 'fast-check'
import { ipv6ToText } from '../../lib/wire/rdata/ipv6.js'
import type { RecordData } from '../../lib/wire/rdata/record-data.js'
import type { RecordType } from '../../lib/wire/rdata/record-type.js'

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

/** Data of each type, in the form that it comes back in. */
export const DATA: Readonly<Record<RecordType, fc.Arbitrary<RecordData>>> = {
  A: fc.ipV4(),
  AAAA: octets16.map((octets) => ipv6ToText(Uint8Array.from(octets))),
  CNAME: hostName,
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
  TXT: fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 5 })),
}

/** Types that a name may have several records of. */
export const PLURAL_TYPES = ['A', 'AAAA', 'NS', 'PTR', 'MX', 'SRV', 'TXT'] as const
