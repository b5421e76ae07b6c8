import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseZone, Zone, ZoneTable } from '../../lib/query/zone.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { nameFromText, nameToText } from '../../lib/wire/name.js'
import { errorCode } from '../support/error-code.js'

const SEED = 77

function folded(text: string): FoldedName {
  const wire = nameFromText(text)
  const name = new FoldedName()
  name.read(wire, 0, wire.length, SEED)
  return name
}

function tableOf(...zones: string[]): ZoneTable {
  return new ZoneTable(
    zones.map((zone) => new Zone(zone, 30)),
    SEED,
  )
}

function matchOf(table: ZoneTable, name: string): string | undefined {
  const zone = table.match(folded(name))
  return zone && nameToText(zone.apex)
}

describe('ZoneTable', () => {
  it('matches the zone with the most labels, the apex included, whatever the case', () => {
    const table = tableOf('example.', 'B.example', 'c.b.example.', 'org')
    expect(matchOf(table, 'example')).toBe('example')
    expect(matchOf(table, 'x.a.EXAMPLE')).toBe('example')
    expect(matchOf(table, 'b.Example')).toBe('b.example')
    expect(matchOf(table, 'x.b.example')).toBe('b.example')
    expect(matchOf(table, 'c.b.example')).toBe('c.b.example')
    expect(matchOf(table, 'bb.example')).toBe('example')
    expect(matchOf(table, 'com')).toBeUndefined()
    expect(matchOf(table, '.')).toBeUndefined()
  })

  it('matches whole labels only', () => {
    const table = tableOf('example.', 'b.org')
    expect(matchOf(table, 'evil-example')).toBeUndefined()
    expect(matchOf(table, 'a\\.example')).toBeUndefined()
    // `1b.org` with the 1 as an octet: its end has the octets of the zone, but they are no labels.
    expect(matchOf(table, 'x\\001b.org')).toBeUndefined()
  })

  it('gives everything to the root zone that no other has', () => {
    const table = tableOf('.', 'example')
    expect([matchOf(table, '.'), matchOf(table, 'com'), matchOf(table, 'a.example')]).toEqual(['.', '.', 'example'])
  })

  it('agrees with a naive search, for names of few labels', () => {
    const name = fc.array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 }).map((labels) => labels.join('.') || '.')
    const property = fc.property(fc.uniqueArray(name, { maxLength: 6 }), name, (zones, qname) => {
      const isBelow = (zone: string) => zone === '.' || qname === zone || qname.endsWith(`.${zone}`)
      const labels = (text: string) => (text === '.' ? 0 : text.split('.').length)
      const expected = zones.filter(isBelow).sort((left, right) => labels(right) - labels(left))[0]
      expect(matchOf(tableOf(...zones), qname)).toBe(expected)
      const isAbove = zones.some((zone) => qname !== '.' && zone.endsWith(`.${qname}`))
      expect(tableOf(...zones).isAboveZone(folded(qname))).toBe(isAbove)
    })
    fc.assert(property)
  })

  it('knows the names above a zone, and not the zone itself', () => {
    const table = tableOf('a.b.example.')
    expect(['b.example', 'B.EXAMPLE', 'example'].map((name) => table.isAboveZone(folded(name)))).toEqual([
      true,
      true,
      true,
    ])
    expect(['.', 'a.b.example', 'c.example', 'x.a.b.example'].map((name) => table.isAboveZone(folded(name)))).toEqual(
      Array(4).fill(false),
    )
  })
})

describe('parseZone', () => {
  it('folds', () => {
    expect(parseZone('Cluster.Local.')).toEqual(nameFromText('cluster.local'))
    expect(parseZone('.')).toEqual(Uint8Array.of(0))
  })

  it.each(['', 'a..b', 'a b', 'x'.repeat(64)])('refuses %j', (text) => {
    expect(errorCode(() => parseZone(text))).toBe('CDNS_ZONE_INVALID')
  })

  it('leaves room for the names of its server and its mailbox', () => {
    const zoneOf = (octets: number) =>
      `${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(octets - 194)}`
    expect(nameFromText(zoneOf(244))).toHaveLength(244)
    const zone = new Zone(zoneOf(244), 30)
    expect(zone.soaRdata(1)).toHaveLength(7 + 244 + 11 + 244 + 20)
    expect(errorCode(() => parseZone(zoneOf(245)))).toBe('CDNS_ZONE_INVALID')
  })
})

describe('Zone', () => {
  it('makes an SOA and an NS, the root zone too', () => {
    const zone = new Zone('.', 17)
    expect(nameToText(zone.nsRdata)).toBe('ns.dns')
    const soa = zone.soaRdata(0xfffffffe)
    expect(nameToText(soa)).toBe('ns.dns')
    expect(nameToText(soa, 8)).toBe('hostmaster')
    const numbers = new DataView(soa.buffer, soa.byteOffset + 20, 20)
    expect([0, 4, 8, 12, 16].map((at) => numbers.getUint32(at))).toEqual([0xfffffffe, 7200, 1800, 86400, 17])
  })
})
