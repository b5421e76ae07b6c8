import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRRset } from '../../../lib/records/wire-rrset.js'
import { type Leaf, NO_TTL, sameLeaf } from '../../../lib/store/etcd/leaf.js'
import { LeafPacker, unpackLeaves } from '../../../lib/store/etcd/leaf-packer.js'
import { rrsetPath, servicePath, withPrefix } from '../../../lib/store/etcd/leaf-path.js'
import { serviceRdata } from '../../../lib/store/etcd/service-leaf.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { rdataCodec } from '../../../lib/wire/rdata/codec.js'
import type { RecordData } from '../../../lib/wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../../lib/wire/rdata/record-type.js'

const OWNER = nameFromText('www.example.org')

function leaf(path: string, type: RecordType, data: RecordData, ttl = 30, modRevision = 1): Leaf {
  const scratch = new Uint8Array(65535)
  return {
    path,
    type: typeCode(type),
    ttl,
    modRevision,
    rdata: scratch.slice(0, rdataCodec(type).encode(data, scratch, 0)),
  }
}

const byPath = (leaves: readonly Leaf[]) => [...leaves].sort((a, b) => (a.path < b.path ? -1 : 1))

describe('leaves', () => {
  it('come back as they were packed, whatever they are', () => {
    const anyLeaf = fc.oneof(
      fc.tuple(fc.constant('A' as const), fc.ipV4()),
      fc.tuple(fc.constant('CNAME' as const), fc.constantFrom('a.example.net', 'A.example.net', 'b.example.net')),
      fc.tuple(
        fc.constant('SRV' as const),
        fc.record({
          priority: fc.nat(3),
          weight: fc.nat(3),
          port: fc.constantFrom(65, 97),
          target: fc.constantFrom('t.example', 'T.example'),
        }),
      ),
      fc.tuple(fc.constant('TXT' as const), fc.string({ maxLength: 60 })),
    )
    const anyLeaves = fc.uniqueArray(
      fc.record({
        path: fc.stringMatching(/^[/a-z0-9]{0,20}$/),
        what: anyLeaf,
        ttl: fc.constantFrom(0, 30, 0x7fffffff, NO_TTL),
        revision: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
      }),
      { selector: ({ path }) => path, maxLength: 30 },
    )
    const packer = new LeafPacker()
    fc.assert(
      fc.property(anyLeaves, (given) => {
        const leaves = given.map(({ path, what: [type, data], ttl, revision }) => leaf(path, type, data, ttl, revision))
        const back = byPath(unpackLeaves(packer.pack(leaves, 30)))
        expect(back).toHaveLength(leaves.length)
        for (const [i, expected] of byPath(leaves).entries()) expect(sameLeaf(back[i]!, expected)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('of whole RRsets and of services come back as they were packed, seen or overruled', () => {
    const wholes = fc.record({
      kind: fc.constant('rrset' as const),
      path: fc
        .tuple(fc.constantFrom('A', 'AAAA'), fc.nat(2))
        .map(([type, prefix]) => withPrefix(rrsetPath(type), prefix)),
    })
    const records = fc.record({ kind: fc.constant('record' as const), path: fc.stringMatching(/^[a-z0-9/]{1,8}$/) })
    const anyMixture = fc.uniqueArray(fc.oneof(wholes, records), { selector: ({ path }) => path, maxLength: 12 })
    const anyServices = fc.uniqueArray(
      fc.record({
        level: fc.constantFrom(0, 1, 2, 255),
        group: fc.constantFrom('', 'g', 'h'),
        label: fc.nat(9),
        srv: fc.boolean(),
      }),
      { selector: ({ label, srv }) => `${label} ${srv}`, maxLength: 12 },
    )
    const packer = new LeafPacker()
    const comeBack = (leaves: Leaf[]) => {
      const packed = packer.pack(leaves, 30)
      expect(byPath(unpackLeaves(packed))).toEqual(byPath(leaves))
      expect(packed.every(({ count }) => count > 0)).toBe(true)
    }
    fc.assert(
      fc.property(anyMixture, (given) => {
        comeBack(
          given.map(({ kind, path }, i) => {
            const type = path.includes('AAAA') ? 'AAAA' : 'A'
            const address = type === 'A' ? `192.0.2.${i}` : `2001:db8::${i}`
            const one = leaf(path, type, address)
            // Nothing is said of its records; then come these.
            return kind === 'record'
              ? one
              : { ...one, rdata: Uint8Array.from([0, 1, 0, 0, one.rdata.length, ...one.rdata]) }
          }),
        )
      }),
    )
    fc.assert(
      fc.property(anyServices, (given) => {
        comeBack(
          given.map(({ level, group, label, srv }) => {
            const data = { priority: label % 2, weight: label + 1, port: 1, target: 'a.b' }
            const one = srv ? leaf('', 'SRV', data) : leaf('', 'A', `192.0.2.${label}`)
            const path = servicePath(srv ? 'SRV' : 'A', `${label}`)
            return { ...one, path, rdata: serviceRdata(level, Buffer.from(group), one.rdata) }
          }),
        )
      }),
    )
  })

  it('share a record when they say the same, names in any case', () => {
    const rrsets = new LeafPacker().pack(
      [
        leaf('1', 'SRV', { priority: 0, weight: 0, port: 65, target: 'a.example.org' }),
        leaf('2', 'SRV', { priority: 0, weight: 0, port: 65, target: 'A.EXAMPLE.org' }),
        leaf('3', 'SRV', { priority: 0, weight: 0, port: 97, target: 'a.example.org' }),
      ],
      30,
    )
    expect(rrsets.map((rrset) => decodeRRset(OWNER, rrset).data)).toEqual([
      [
        { priority: 0, weight: 0, port: 65, target: 'a.example.org' },
        { priority: 0, weight: 0, port: 97, target: 'a.example.org' },
      ],
    ])
  })

  it('are in one order, whatever the order they came in', () => {
    const leaves = [leaf('b', 'A', '192.0.2.2'), leaf('', 'CNAME', 'a.example.net'), leaf('a', 'A', '192.0.2.1')]
    const packer = new LeafPacker()
    const shown = (order: Leaf[]) => packer.pack(order, 30).map((rrset) => decodeRRset(OWNER, rrset))
    const forward = shown(leaves)
    expect(shown([...leaves].reverse())).toEqual(forward)
    expect(forward.map(({ type, data }) => [type, data])).toEqual([
      ['A', ['192.0.2.1', '192.0.2.2']],
      ['CNAME', ['a.example.net']],
    ])
  })

  it('have the lowest TTL, and the default where they say none', () => {
    const ttlOf = (...leaves: Leaf[]) => new LeafPacker().pack(leaves, 30)[0]!.ttl
    expect(ttlOf(leaf('a', 'A', '192.0.2.1', 60), leaf('b', 'A', '192.0.2.2', NO_TTL))).toBe(30)
    expect(ttlOf(leaf('a', 'A', '192.0.2.1', 5), leaf('b', 'A', '192.0.2.1', NO_TTL))).toBe(5)
    expect(ttlOf(leaf('a', 'A', '192.0.2.1', NO_TTL))).toBe(30)
  })

  it('are held back when an RRset is as large as a message can carry, and are not forgotten', () => {
    const leaves = Array.from({ length: 6000 }, (_, i) => leaf(`${i}`, 'A', `10.0.${i >> 8}.${i & 255}`))
    const heldBack: Leaf[] = []
    const rrsets = new LeafPacker().pack(leaves, 30, heldBack)
    expect(rrsets[0]!.count + heldBack.length).toBe(6000)
    expect(12 + 255 + 4 + rrsets[0]!.count * 16).toBeLessThanOrEqual(65535)
    expect(byPath(unpackLeaves(rrsets))).toEqual(byPath(leaves))
  })
})
