import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.js'
import { TurnMeter, worstOf } from './turn-meter.js'

describe('TurnMeter', () => {
  it('tells a turn that used the CPU, and not one that has waited', async () => {
    const meter = new TurnMeter()
    meter.take()
    const before = process.cpuUsage()
    const spentMs = () => {
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1_000
    }
    while (spentMs() < 100);
    await eventually(() => meter.take().heldMaxMs > 20)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    let worstMs = 0
    await eventually(() => {
      const { heldMaxMs, heldP99Ms } = meter.take()
      worstMs = Math.max(worstMs, heldMaxMs)
      return heldP99Ms > 0
    })
    expect(worstMs).toBeLessThan(90)
    meter.close()
  })

  it('has the worst of many looks', () => {
    const turns = (value: number) => ({
      ...{ delayP99Ms: value, delayMaxMs: 1, heldP99Ms: value, heldMaxMs: 2, heldTooLong: value },
      ...{ waitedMaxMs: value, collectedMaxMs: 3 },
    })
    expect(worstOf([turns(1), turns(5), turns(2)])).toEqual({ ...turns(5), heldTooLong: 8 })
  })
})
