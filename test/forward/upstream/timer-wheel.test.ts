import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timed, TimerWheel } from '../../../lib/forward/upstream/timer-wheel.js'

/** How late something may be: a slot, and the one that it stands in. */
const SLACK_MS = 16

class Named extends Timed {
  constructor(readonly name: number) {
    super()
  }
}

describe('a timer wheel', () => {
  it('tells of everything once, never early and at most 16 ms late, whatever is set and cancelled', () => {
    const step = fc.record({
      name: fc.nat(9),
      dueInMs: fc.integer({ min: -50, max: 20_000 }),
      passMs: fc.nat(6_000),
      cancels: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1e9), (steps, startMs) => {
        let now = startMs
        const wheel = new TimerWheel<Named>(now)
        const entries = Array.from({ length: 10 }, (_, i) => new Named(i))
        const due = new Map<number, number>()
        const advance = () => {
          wheel.advance(now, ({ name }) => {
            expect(now).toBeGreaterThanOrEqual(due.get(name)!)
            due.delete(name)
          })
          for (const dueMs of due.values()) expect(dueMs).toBeGreaterThan(now - SLACK_MS)
          expect(wheel.size).toBe(due.size)
        }
        for (const { name, dueInMs, passMs, cancels } of steps) {
          if (cancels) wheel.cancel(entries[name]!)
          else wheel.set(entries[name]!, now + dueInMs)
          if (cancels) due.delete(name)
          else due.set(name, now + dueInMs)
          // What was due in the past when it was set is told of with the slot after this one.
          now += Math.max(passMs, 2 * SLACK_MS)
          advance()
        }
      }),
    )
  })

  it('lets what is due set and cancel others', () => {
    const wheel = new TimerWheel<Named>(0)
    const [a, b, c] = [new Named(0), new Named(1), new Named(2)]
    for (const each of [a, b]) wheel.set(each, 10)
    const told: number[] = []
    wheel.advance(100, ({ name }) => {
      told.push(name)
      wheel.cancel(b)
      wheel.set(c, 150)
    })
    expect(told).toEqual([0])
    wheel.advance(200, ({ name }) => told.push(name))
    expect(told).toEqual([0, 2])
  })

  it('gives up all of it at once', () => {
    const wheel = new TimerWheel<Named>(0)
    for (let i = 0; i < 5; i++) wheel.set(new Named(i), 1e6 * i)
    const told: number[] = []
    wheel.drain(({ name }) => told.push(name))
    expect(told.sort()).toEqual([0, 1, 2, 3, 4])
    expect(wheel.size).toBe(0)
  })
})
