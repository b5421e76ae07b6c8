import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RRset } from '../../../lib/records/rrset.js'
import { AFFINITIES, SELECTION_POLICIES } from '../../../lib/records/selection-options.js'
import { decodeRRset, RRsetEncoder } from '../../../lib/records/wire-rrset.js'
import { keyLayoutFor } from '../../../lib/store/etcd/choose-layout.js'
import { ContainerdnsLayout } from '../../../lib/store/etcd/layout-containerdns.js'
import { NO_TTL } from '../../../lib/store/etcd/leaf.js'
import { LeafPacker, unpackLeaves } from '../../../lib/store/etcd/leaf-packer.js'
import { rrsetPath, withPrefix } from '../../../lib/store/etcd/leaf-path.js'
import { rrsetValue } from '../../../lib/store/etcd/value-rrset.js'
import { nameToText } from '../../../lib/wire/name.js'
import { RECORD_TYPES } from '../../../lib/wire/rdata/record-type.js'

const V1 = '/containerdns.v1'
const layout = new ContainerdnsLayout('/containerdns/')
const encoder = new RRsetEncoder()
const packer = new LeafPacker()

/** The RRset of a key, as it would be answered with. */
function decode(key: string | Buffer, value: unknown): RRset | string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const decoded = layout.decode(typeof key === 'string' ? Buffer.from(key, 'latin1') : key, Buffer.from(text))
  if (decoded.kind !== 'records') return decoded.kind
  const [record, ...others] = decoded.records
  expect(others).toEqual([])
  const rrset = decodeRRset(record!.owner, packer.pack([{ ...record!, modRevision: 1 }], 30)[0]!)
  return record!.ttl === NO_TTL ? { ...rrset, ttl: undefined as never } : rrset
}

describe('a key with a whole RRset', () => {
  it.each<[string, object, Partial<RRset>]>([
    [
      `${V1}/default/org/example/www/A`,
      { ttl: 60, data: ['192.0.2.1', '192.0.2.2'] },
      { name: 'www.example.org', type: 'A', ttl: 60, data: ['192.0.2.1', '192.0.2.2'] },
    ],
    [`${V1}/default/org/example/NS`, { data: ['a.b'] }, { name: 'example.org', type: 'NS', data: ['a.b'] }],
    [`${V1}/default/TXT`, { data: [['a', 'b'], 'c'] }, { name: '.', type: 'TXT', data: [['a', 'b'], 'c'] }],
    [`${V1}/default/org/a\\046b\\000\\092/A`, { data: ['192.0.2.1'] }, { name: 'a\\.b\\000\\\\.org' }],
    [`${V1}/default/org/*/AAAA`, { data: ['2001:DB8::1'] }, { name: '*.org', data: ['2001:db8::1'] }],
    // What a later version may write beside.
    [
      `${V1}/default/org/www/A`,
      { data: ['192.0.2.1'], selection: { policy: 'rotate' }, fallback: ['192.0.2.9'], owner: 'me', x: [1] },
      { name: 'www.org', data: ['192.0.2.1'] },
    ],
    [`${V1}/default/org/www/A`, { data: ['192.0.2.1'], ttl: 'x' }, { ttl: undefined as never }],
    [`${V1}/default/org/www/A`, { data: ['192.0.2.1', '192.0.2.1'] }, { data: ['192.0.2.1'] }],
  ])('reads %s %o', (key, value, rrset) => {
    expect(decode(key, value)).toMatchObject(rrset)
  })

  it.each<[string, unknown]>([
    [`${V1}/`, {}],
    [`${V1}/default`, { data: ['192.0.2.1'] }],
    [`${V1}/default/`, { data: ['192.0.2.1'] }],
    [`${V1}//org/www/A`, { data: ['192.0.2.1'] }],
    [`${V1}/de fault/org/www/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/www/A/`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org//A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/WWW/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/w\\119w/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/w\\999/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/a.b/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/www/a`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/www/NOTYPE`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/${'x'.repeat(64)}/A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/${'x/'.repeat(200)}A`, { data: ['192.0.2.1'] }],
    [`${V1}/default/org/www/A`, ''],
    [`${V1}/default/org/www/A`, '[]'],
    [`${V1}/default/org/www/A`, {}],
    [`${V1}/default/org/www/A`, { data: [] }],
    [`${V1}/default/org/www/A`, { data: '192.0.2.1' }],
    [`${V1}/default/org/www/A`, { data: { 0: '192.0.2.1', length: 1 } }],
    [`${V1}/default/org/www/A`, { data: ['192.0.2.1', null] }],
    [`${V1}/default/org/www/A`, { data: ['www.example.org'] }],
    [`${V1}/default/org/www/CNAME`, { data: ['a.b', 'a.c'] }],
    [`${V1}/default/org/www/A`, `{"data":["192.0.2.1"],"x":${'['.repeat(501)}${']'.repeat(501)}}`],
  ])('finds %s %o bad', (key, value) => {
    expect(decode(key, value)).toBe('bad')
  })

  it('is for others, and counted as such, in any view but the default one', () => {
    expect(decode(`${V1}/office/org/www/A`, { data: ['192.0.2.1'] })).toBe('otherView')
    expect(layout.spots(Buffer.from(`${V1}/office/org/www/A`))).toEqual([])
  })

  const anyName = fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 })
    .map((labels) => labels.map((label) => [...label].map((octet) => `\\${String(octet).padStart(3, '0')}`).join('')))
    .map((labels) => labels.join('.') || '.')
  const target = fc.constantFrom('a.example.net', '.', 'x\\.y.org', 'b')
  const u16 = fc.integer({ min: 0, max: 65535 })
  const anyRRset: fc.Arbitrary<RRset> = fc
    .tuple(
      anyName,
      fc.option(fc.integer({ min: 0, max: 2147483647 }), { nil: undefined }),
      fc.oneof(
        fc.record({ type: fc.constant('A' as const), data: fc.array(fc.ipV4(), { minLength: 1 }) }),
        fc.record(
          {
            type: fc.constant('A' as const),
            data: fc.array(fc.record({ address: fc.ipV4(), weight: fc.integer({ min: 1, max: 65535 }) }), {
              minLength: 1,
            }),
            selection: fc.record(
              {
                policy: fc.constantFrom(...SELECTION_POLICIES),
                maxAnswers: fc.integer({ min: 1, max: 5041 }),
                affinity: fc.constantFrom(...AFFINITIES),
              },
              { requiredKeys: [] },
            ),
            fallback: fc.array(fc.ipV4(), { minLength: 1 }),
          },
          { requiredKeys: ['type', 'data'] },
        ),
        fc.record({ type: fc.constantFrom('NS' as const, 'PTR' as const), data: fc.array(target, { minLength: 1 }) }),
        fc.record({ type: fc.constant('CNAME' as const), data: fc.array(target, { minLength: 1, maxLength: 1 }) }),
        fc.record({
          type: fc.constant('MX' as const),
          data: fc.array(fc.record({ preference: u16, exchange: target }), { minLength: 1 }),
        }),
        fc.record({
          type: fc.constant('SRV' as const),
          data: fc.array(fc.record({ priority: u16, weight: u16, port: u16, target }), { minLength: 1 }),
        }),
        fc.record({
          type: fc.constant('TXT' as const),
          data: fc.array(
            fc.oneof(fc.string(), fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 1 })),
            {
              minLength: 1,
            },
          ),
        }),
      ),
    )
    .map(([name, ttl, rest]) => ({ name, ...(ttl === undefined ? {} : { ttl }), ...rest }))

  it('gives back any RRset that was written to it, through the index as well', () => {
    fc.assert(
      fc.property(anyRRset, (rrset) => {
        encoder.reset()
        const owner = encoder.name(rrset.name).slice()
        const expected = decodeRRset(owner, encoder.encode(rrset.type, rrset.ttl ?? 30, rrset.data, rrset))
        const key = layout.keyOf(owner, rrsetPath(rrset.type))
        const decoded = layout.decode(key, Buffer.from(rrsetValue(rrset)))
        expect(decoded.kind).toBe('records')
        if (decoded.kind !== 'records') return
        const [record] = decoded.records
        expect(layout.spots(key)).toMatchObject([{ owner: record!.owner, path: record!.path }])
        const packed = packer.pack([{ ...record!, modRevision: 7 }], 30)
        expect(decodeRRset(record!.owner, packed[0]!)).toEqual(expected)
        expect(unpackLeaves(packed)).toEqual([
          { path: record!.path, type: record!.type, ttl: record!.ttl, modRevision: 7, rdata: record!.rdata },
        ])
        const { start, end } = layout.ownerRanges(owner)[0]!
        expect([Buffer.compare(key, start) >= 0, Buffer.compare(key, end) < 0]).toEqual([true, true])
      }),
      { numRuns: 1000 },
    )
  })

  it('has no names below the owner in the range of its keys', () => {
    const { start, end } = layout.ownerRanges(Uint8Array.from([1, 0x61, 0]))[0]!
    for (let octet = 0; octet < 256; octet++) {
      const below = layout.keyOf(Uint8Array.from([1, octet, 1, 0x61, 0]), rrsetPath('A'))
      expect(Buffer.compare(below, start) >= 0 && Buffer.compare(below, end) < 0, `octet ${octet}`).toBe(false)
    }
  })
})

describe('any layout', () => {
  const layouts = [
    keyLayoutFor({ layout: 'containerdns', prefixes: ['/containerdns/'], serviceLevels: 1 }),
    keyLayoutFor({ layout: 'containerdns', prefixes: ['/x/', '/containerdns/', '/skydns/'], serviceLevels: 1 }),
    keyLayoutFor({ layout: 'skydns', prefixes: ['/containerdns/', '/skydns/'], serviceLevels: 8 }),
  ]
  const segment = fc.oneof(
    fc.constantFrom('default', 'org', 'www', 'A', 'TXT', 'monitor', 'status', '10.0.0.1', 'dns', 'ns', ''),
    fc.string({ maxLength: 70 }),
  )
  const anyKey = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.constantFrom('/containerdns', V1, '/containerdns/monitor', '/x', '/skydns'), fc.array(segment))
      .map(([base, labels]) => Buffer.from(`${base}/${labels.join('/')}`)),
  )
  const anyValue = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({ data: fc.array(fc.oneof(fc.ipV4(), fc.anything())), ttl: fc.anything(), host: fc.ipV4() })
      .map((value) =>
        Buffer.from(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each))),
      ),
  )

  it('never throws, and finds every record again that it has placed', () => {
    fc.assert(
      fc.property(anyKey, anyValue, fc.constantFrom(...layouts), (key, value, each) => {
        const decoded = each.decode(key, value)
        const spots = new Set(each.spots(key).map(({ owner, path }) => `${nameToText(owner)} ${path}`))
        each.healthAddress(key)
        if (decoded.kind === 'health') expect(each.healthAddress(key)).toBe(decoded.address)
        if (decoded.kind !== 'records') return
        for (const { owner, path } of decoded.records) {
          expect(spots).toContain(`${nameToText(owner)} ${path}`)
          if (each.writable !== undefined) expect(each.writable.keyOf(owner, path)).toEqual(key)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('is made from plain data that another thread may be given', () => {
    const options = { layout: 'containerdns', prefixes: ['/x/', '/y/'], serviceLevels: 1 } as const
    const clone = structuredClone(options)
    const key = Buffer.from('/y.v1/default/org/A')
    const [one, other] = [options, clone].map((each) =>
      keyLayoutFor(each).decode(key, Buffer.from('{"data":["1.2.3.4"]}')),
    )
    expect(other).toEqual(one)
    expect(one).toMatchObject({
      kind: 'records',
      records: [{ path: withPrefix(rrsetPath('A'), 1), type: RECORD_TYPES.A }],
    })
  })
})
