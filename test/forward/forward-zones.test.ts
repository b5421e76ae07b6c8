import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ForwardZoneTable, NO_FORWARD_ZONE } from '../../lib/forward/forward-zones.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { nameFromText } from '../../lib/wire/name.js'

const SEED = 77

function folded(text: string): FoldedName {
  const name = new FoldedName()
  const bytes = nameFromText(text)
  name.read(bytes, 0, bytes.length, SEED)
  return name
}

describe('a table of forward zones', () => {
  const table = new ForwardZoneTable(['corp.example', 'lab.corp.example', 'example.org'], SEED)

  it.each([
    ['corp.example', 0],
    ['CORP.Example', 0],
    ['www.corp.example', 0],
    ['lab.corp.example', 1],
    ['a.b.lab.corp.example', 1],
    ['notcorp.example', NO_FORWARD_ZONE],
    ['example', NO_FORWARD_ZONE],
    ['.', NO_FORWARD_ZONE],
    ['x.example.org', 2],
  ])('has %s in zone %i', (name, zone) => {
    expect(table.match(folded(name))).toBe(zone)
  })

  it('says how long the match is', () => {
    expect([0, 1, 2].map((zone) => table.labelCountOf(zone))).toEqual([2, 3, 2])
  })

  it('looks at a name from a label on', () => {
    expect(table.match(folded('lab.corp.example'), 1)).toBe(0)
    expect(table.match(folded('lab.corp.example'), 2)).toBe(NO_FORWARD_ZONE)
  })

  it('agrees with the longest suffix, compared as text', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'A', 'ab'), { minLength: 1, maxLength: 6 })
      .map((labels) => labels.join('.'))
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 12, selector: (each) => each.toLowerCase() }),
        name,
        (zones, asked) => {
          const holds = (zone: string) => `.${asked}`.toLowerCase().endsWith(`.${zone}`.toLowerCase())
          const [longest] = zones.filter(holds).sort((a, b) => b.split('.').length - a.split('.').length)
          const found = new ForwardZoneTable(zones, SEED).match(folded(asked))
          expect(found === NO_FORWARD_ZONE ? undefined : zones[found]).toBe(longest)
        },
      ),
    )
  })
})
