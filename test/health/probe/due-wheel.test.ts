import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DueWheel } from '../../../lib/health/probe/due-wheel.js'

/** How much later than due a thing may be taken. */
const TICK_MS = 10

describe('DueWheel', () => {
  it('gives each thing once, not before it is due, and by the first look a tick after', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 100_000 }),
      dueInMs: fc.integer({ min: -5, max: 200_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 1e9 }), (steps, start) => {
        let now = start
        const wheel = new DueWheel(now)
        const due = new Map<number, number>()
        const look = () => {
          wheel.takeDue(now, (item) => {
            expect(due.get(item)).toBeLessThanOrEqual(now)
            due.delete(item)
          })
          for (const at of due.values()) expect(at).toBeGreaterThan(now - TICK_MS)
          expect(wheel.count).toBe(due.size)
          const next = wheel.nextDueMs()
          if (due.size === 0) expect(next).toBeUndefined()
          else expect(next).toBeLessThanOrEqual(Math.max(now, Math.min(...due.values())) + TICK_MS)
        }
        steps.forEach(({ waitMs, dueInMs }, item) => {
          // What was due before it came is due when it comes.
          due.set(item, now + Math.max(0, dueInMs))
          wheel.add(item, now + dueInMs)
          now += waitMs
          look()
        })
        now += 300_000
        look()
        expect(due.size).toBe(0)
      }),
    )
  })
})
