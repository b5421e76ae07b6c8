import { describe, expect, it } from 'vitest'
import { ArrivalRate } from '../../../lib/transport/xdp/arrival-rate.js'

/** So many datagrams in each of some milliseconds from `start` on; returns what is said at the end. */
function run(rate: ArrivalRate, start: number, milliseconds: number, perMs: number): boolean {
  let isHigh = false
  for (let at = start; at < start + milliseconds; at += 0.1) {
    rate.add(perMs / 10)
    isHigh = rate.isHigh(at)
  }
  return isHigh
}

describe('the rate at which datagrams arrive', () => {
  it('is not high at first, nor when few come', () => {
    const rate = new ArrivalRate()
    expect(rate.isHigh(1000)).toBe(false)
    expect(run(rate, 1000, 10, 50)).toBe(false)
  })

  it('is high while many come, and not any more when they have become few', () => {
    const rate = new ArrivalRate()
    rate.isHigh(1000)
    expect(run(rate, 1000, 10, 200)).toBe(true)
    expect(run(rate, 1010, 10, 50)).toBe(false)
  })

  it('is not high for the first ones after a silence, however many came before it', () => {
    const rate = new ArrivalRate()
    rate.isHigh(1000)
    run(rate, 1000, 10, 200)
    rate.add(50)
    expect(rate.isHigh(2000)).toBe(false)
  })
})
