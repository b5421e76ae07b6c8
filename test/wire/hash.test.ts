import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashEnd, hashName, hashStep, undoHashEnd } from '../../lib/wire/name.js'

describe('the hash of a name', () => {
  it('can be gone on with from that of the name above', () => {
    const property = fc.property(fc.uint8Array({ minLength: 1, maxLength: 63 }), fc.integer(), (label, seed) => {
      const name = Uint8Array.of(label.length, ...label, 3, 0x63, 0x6f, 0x6d, 0)
      let state = undoHashEnd(hashName(name, label.length + 1, 5, seed))
      for (let i = label.length; i >= 0; i--) state = hashStep(state, name[i]!)
      expect(hashEnd(state)).toBe(hashName(name, 0, name.length, seed))
    })
    fc.assert(property)
  })
})
