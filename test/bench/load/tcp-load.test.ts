import { describe, expect, it } from 'vitest'
import { FrameCounter } from './tcp-load.js'

describe('the counter of messages', () => {
  it('counts whole ones, however their bytes come', () => {
    const bytes = Buffer.from([0, 3, 1, 2, 3, 0, 1, 9, 0, 0])
    const whole = new FrameCounter()
    expect(whole.count(bytes)).toBe(3)
    const counter = new FrameCounter()
    expect([...bytes].map((byte) => counter.count(Buffer.of(byte)))).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 0, 1])
  })
})
