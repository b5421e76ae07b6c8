import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Histogram } from './histogram.js'

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe('Histogram', () => {
  it('knows small values exactly', () => {
    const histogram = histogramOf(Array.from({ length: 100 }, (_, i) => i + 1))
    expect([1, 50, 99, 100].map((percent) => histogram.percentile(percent))).toEqual([1, 50, 99, 100])
  })

  it('is off by at most 1.6 %, and never below', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }), (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        const histogram = histogramOf([low!, high!])
        expect(histogram.percentile(50)).toBeGreaterThanOrEqual(low!)
        expect(histogram.percentile(50)).toBeLessThanOrEqual(low! * (1 + 1 / 64))
        expect(histogram.percentile(100)).toBe(high)
        expect(histogram.highest).toBe(high)
      }),
    )
  })

  it('has no percentile of nothing, also after a reset', () => {
    const histogram = histogramOf([5])
    histogram.reset()
    expect(histogram.percentile(50)).toBeNaN()
    expect(histogram.count).toBe(0)
  })
})
