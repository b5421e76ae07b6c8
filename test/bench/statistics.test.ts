import { describe, expect, it } from 'vitest'
import { median, medianRatio, quantile } from './statistics.js'

describe('median', () => {
  it('is the value in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5)
  })

  it('is halfway between the two in the middle of an even number', () => {
    expect(median([4, 1, 2, 100])).toBe(3)
  })

  it('is none of nothing', () => {
    expect(median([])).toBeNaN()
  })
})

describe('quantile', () => {
  it('lies between two values by proportion', () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5)
    expect(quantile([1, 2, 3], 1)).toBe(3)
  })
})

describe('medianRatio', () => {
  it('pairs what was measured in the same round', () => {
    // The machine was half as fast in the second round, for both.
    expect(medianRatio([20, 10, 20], [10, 5, 10])).toBe(2)
  })
})
