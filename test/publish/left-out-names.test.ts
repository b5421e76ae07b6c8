import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeftOutNames } from '../../lib/publish/left-out-names.js'
import { nameFromText, nameToText } from '../../lib/wire/name.js'

const IPV4 = Uint8Array.of(192, 0, 2, 1)
const IPV6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), 1)
/** As long as names get. */
const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.`

const nameOf = (number: number) => nameFromText(`${number % 2 === 0 ? LONG : ''}h${number}.example`)

/** Takes all names that there are. */
function takeAll(names: LeftOutNames, address: Uint8Array): string[] {
  const taken: string[] = []
  for (let name = names.take(address); name !== undefined; name = names.take(address)) taken.push(nameToText(name))
  return taken.sort()
}

describe('names that found no room', () => {
  it('are a set for each address, whatever comes and goes', () => {
    const change = fc.record({
      isIpv4: fc.boolean(),
      verb: fc.constantFrom('add', 'delete', 'take'),
      first: fc.nat(120),
      count: fc.nat(60),
    })
    const property = fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const names = new LeftOutNames(7)
      const models = { ipv4: new Set<string>(), ipv6: new Set<string>() }
      for (const { isIpv4, verb, first, count } of changes) {
        const address = isIpv4 ? IPV4 : IPV6
        const model = isIpv4 ? models.ipv4 : models.ipv6
        for (let i = first; i < first + count; i++) {
          const name = nameOf(i)
          if (verb === 'take') {
            const taken = names.take(address)
            expect(taken === undefined).toBe(model.size === 0)
            if (taken !== undefined) expect(model.delete(nameToText(taken))).toBe(true)
          } else {
            names[verb](address, name)
            model[verb](nameToText(name))
          }
        }
      }
      expect(takeAll(names, IPV4)).toEqual([...models.ipv4].sort())
      expect(takeAll(names, IPV6)).toEqual([...models.ipv6].sort())
    })
    fc.assert(property, { numRuns: 100 })
  })

  it('take no memory any more when they have gone', () => {
    const names = new LeftOutNames(7)
    expect(names.usedBytes).toBe(0)
    names.add(IPV4, nameOf(1))
    names.delete(IPV4, nameOf(1))
    const empty = names.usedBytes
    for (let i = 0; i < 5000; i++) names.add(IPV4, nameOf(i))
    expect(names.usedBytes).toBeGreaterThan(5000 * 100)
    for (let i = 0; i < 5000; i++) names.delete(IPV4, nameOf(i))
    expect(names.usedBytes - empty).toBeLessThan(100 * 1024)
    expect(names.take(IPV4)).toBeUndefined()
  })
})
