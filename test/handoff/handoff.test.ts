import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBell } from '../../lib/handoff/bell.js'
import { HandoffOwner } from '../../lib/handoff/handoff-owner.js'
import { HandoffTaker } from '../../lib/handoff/handoff-taker.js'
import { createHandoff, NONE } from '../../lib/handoff/layout.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import type { ParkingData, ParkingReport } from './parking.worker.js'

const SLOTS = 4

function ring() {
  const handle = createHandoff(SLOTS, 64, createBell())
  return { owner: new HandoffOwner(handle), taker: new HandoffTaker(handle) }
}

describe('a ring between two threads', () => {
  it('takes no more than it has slots, and refuses at once', () => {
    const { owner } = ring()
    for (let i = 0; i < SLOTS; i++) owner.park(owner.claim(), 10)
    expect(owner.claim()).toBe(NONE)
  })

  it('keeps a slot that was given up from being used again until its taker has let go of it', () => {
    const { owner, taker } = ring()
    const slot = owner.claim()
    owner.park(slot, 10)
    expect(taker.take()).toBe(slot)
    expect(owner.next(11)).toBe(slot)
    expect(owner.isOverdue).toBe(true)
    owner.release(slot)
    const others = Array.from({ length: SLOTS - 1 }, () => {
      const other = owner.claim()
      owner.park(other, 20)
      return other
    })
    expect(others).not.toContain(slot)
    expect(owner.claim()).toBe(NONE)
    expect(taker.answer(slot)).toBe(false)
    expect(owner.next(12)).toBe(NONE)
    expect(owner.claim()).toBe(slot)
  })

  it('does nothing with a second verdict on a slot that another query has by now', () => {
    const { owner, taker } = ring()
    const slot = owner.claim()
    owner.park(slot, 10)
    taker.take()
    taker.answer(slot)
    owner.release(owner.next(0))
    // Once round, until the same slot has its turn again.
    for (let i = 0; i < SLOTS; i++) owner.park(owner.claim(), 20)
    expect(taker.answer(slot)).toBe(false)
    expect(owner.next(0)).toBe(NONE)
  })

  it('gives everything back at once when its owner gives up', () => {
    const { owner, taker } = ring()
    for (let i = 0; i < SLOTS; i++) owner.park(owner.claim(), 1_000)
    taker.take()
    expect(owner.next(0)).toBe(NONE)
    owner.giveUp()
    const given = Array.from({ length: SLOTS }, () => {
      const slot = owner.next(0)
      owner.release(slot)
      return slot
    })
    expect(given.sort()).toEqual([0, 1, 2, 3])
    expect(owner.next(0)).toBe(NONE)
  })

  it('gives each query back once, with its own verdict or overdue, whatever the order of steps', () => {
    const step = fc.oneof(
      fc.constant({ type: 'park' as const }),
      fc.constant({ type: 'take' as const }),
      fc.record({ type: fc.constant('answer' as const), which: fc.nat(SLOTS) }),
      fc.record({ type: fc.constant('collect' as const), parkAgain: fc.boolean() }),
      fc.record({ type: fc.constant('pass' as const), time: fc.nat(15) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { owner, taker } = ring()
        const view = new DataView(owner.bytes.buffer)
        const waiting = new Set<number>()
        const taken: { slot: number; query: number }[] = []
        let next = 0
        let now = 0
        const collect = (parkAgain: boolean) => {
          const slot = owner.next(now)
          if (slot === NONE) return false
          const query = view.getInt32(owner.bodyStart(slot))
          expect(waiting.delete(query)).toBe(true)
          if (!owner.isOverdue) expect(view.getInt32(owner.bodyStart(slot) + 4)).toBe(query * 3)
          if (owner.isOverdue || !parkAgain) owner.release(slot)
          else {
            waiting.add(query)
            owner.park(slot, owner.deadlineOf(slot))
          }
          return true
        }
        for (const each of steps) {
          if (each.type === 'park') {
            const slot = owner.claim()
            expect(slot === NONE || waiting.size < SLOTS).toBe(true)
            if (slot === NONE) continue
            view.setInt32(owner.bodyStart(slot), next)
            waiting.add(next++)
            owner.park(slot, now + 10)
          } else if (each.type === 'take') {
            const slot = taker.take()
            if (slot !== NONE) taken.push({ slot, query: view.getInt32(taker.bodyStart(slot)) })
          } else if (each.type === 'answer') {
            const [one] = taken.splice(each.which % Math.max(1, taken.length), 1)
            if (one === undefined) continue
            view.setInt32(taker.bodyStart(one.slot) + 4, one.query * 3)
            const isAnswered = taker.answer(one.slot)
            expect(isAnswered).toBe(waiting.has(one.query))
          } else if (each.type === 'collect') collect(each.parkAgain)
          else now += each.time
        }
        now += 100
        while (collect(false));
        expect([...waiting]).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('loses no query and mixes up no verdict while two threads race for the deadline', async () => {
    const count = 20_000
    const handle = createHandoff(16, 64, createBell())
    const workerData: ParkingData = { handle, count, each: 100 }
    const worker = new Worker(new URL('parking.worker.js', TEST_WORKERS), { workerData })
    const reported = once(worker, 'message') as Promise<[ParkingReport]>
    let report: ParkingReport | undefined
    void reported.then(([message]) => {
      report = message
    })
    const taker = new HandoffTaker(handle)
    const view = new DataView(taker.bytes.buffer)
    const held: { slot: number; query: number }[] = []
    for (let turn = 0; report === undefined; turn++) {
      // Some in their order, some held back, so that they are answered late and in another one.
      for (let slot = taker.take(); slot !== NONE; slot = taker.take()) {
        held.push({ slot, query: view.getInt32(taker.bodyStart(slot)) })
        if (held.length > turn % 8) break
      }
      for (const { slot, query } of held.splice(0, turn % 3 === 0 ? held.length : 1)) {
        view.setInt32(taker.bodyStart(slot) + 4, query * 3)
        taker.answer(slot)
      }
      if (turn % 1024 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(report.faults).toEqual([])
    expect(report.answered + report.overdue).toBe(report.parked)
    expect(report.parked).toBeGreaterThanOrEqual(count)
  })
})
