import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bringSmallestToFront } from '../../../lib/query/select/smallest-keys.js'

it('the smallest keys come to the front in order, and no position is lost', () => {
  const key = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, 1, 2))
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), fc.nat(200), (given, some) => {
      const count = given.length
      const wanted = Math.min(some, count)
      const positions = Uint32Array.from(given, (_, i) => i)
      bringSmallestToFront(Float64Array.from(given), positions, count, wanted, new Uint32Array(count))
      const inOrder = Float64Array.from(given).sort()
      expect(Array.from(positions.subarray(0, wanted), (i) => given[i]! + 0)).toEqual(
        [...inOrder.subarray(0, wanted)].map((each) => each + 0),
      )
      expect(new Set(positions).size).toBe(count)
    }),
  )
})
