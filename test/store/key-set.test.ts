import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeySet } from '../../lib/store/key-set.js'
import { nameFromText } from '../../lib/wire/name.js'

describe('KeySet', () => {
  it('agrees with a Set', () => {
    const pair = fc.tuple(fc.constantFrom('a', 'b.a', 'c.b.a'), fc.string({ maxLength: 3 }))
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 200 }), fc.array(pair), (added, asked) => {
        const set = new KeySet()
        const model = new Set<string>()
        for (const [name, below] of added) {
          const text = `${name} ${below}`
          expect(set.add(nameFromText(name), below)).toBe(!model.has(text))
          model.add(text)
        }
        expect(set.size).toBe(model.size)
        for (const [name, below] of asked)
          expect(set.has(nameFromText(name), below)).toBe(model.has(`${name} ${below}`))
      }),
    )
  })

  it('agrees with a Set from which things are taken, also in another thread', () => {
    const change = fc.tuple(fc.boolean(), fc.nat(900))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 2000, size: 'max' }), (changes) => {
        let set = new KeySet()
        const model = new Set<number>()
        const owner = nameFromText('a')
        for (const [isAdded, number] of changes) {
          if (isAdded) expect(set.add(owner, `${number}`)).toBe(!model.has(number))
          else expect(set.delete(owner, `${number}`)).toBe(model.has(number))
          if (isAdded) model.add(number)
          else model.delete(number)
        }
        set = KeySet.from(structuredClone(set.image()))
        expect(set.size).toBe(model.size)
        for (let number = 0; number <= 900; number++) expect(set.has(owner, `${number}`)).toBe(model.has(number))
      }),
      { numRuns: 50 },
    )
  })

  it('grows beyond what was expected of it', () => {
    const set = new KeySet(10)
    const owner = nameFromText('example.org')
    for (let i = 0; i < 20_000; i++) expect(set.add(owner, `${i}`)).toBe(true)
    for (let i = 0; i < 20_000; i++) expect(set.has(owner, `${i}`)).toBe(true)
    for (let i = 20_000; i < 40_000; i++) expect(set.has(owner, `${i}`)).toBe(false)
    expect(set.size).toBe(20_000)
  })
})
