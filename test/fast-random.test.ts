import { describe, expect, it } from 'vitest'
import { FastRandom } from '../lib/fast-random.js'

describe('FastRandom', () => {
  it('draws fractions evenly, within 2 %, and never 0 or 1', () => {
    const random = new FastRandom(77)
    const seen = new Array<number>(20).fill(0)
    for (let i = 0; i < 1_000_000; i++) {
      const fraction = random.fraction()
      if (fraction <= 0 || fraction >= 1) throw new Error(`drew ${fraction}`)
      seen[Math.floor(20 * fraction)]!++
    }
    for (const count of seen) expect(Math.abs(count / 50_000 - 1)).toBeLessThan(0.02)
  })

  it('draws the same numbers from the same seed, and makes use of any', () => {
    const draw = (seed: number) =>
      Array.from({ length: 50 }, FastRandom.prototype.below.bind(new FastRandom(seed), 1000))
    expect(draw(5)).toEqual(draw(5))
    for (const seed of [0, 1, -1, 2 ** 31, 2 ** 32]) expect(new Set(draw(seed)).size).toBeGreaterThan(30)
  })
})
