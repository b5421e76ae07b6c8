import { describe, expect, it } from 'vitest'
import { createBell } from '../../lib/handoff/bell.js'
import { HandoffOwner } from '../../lib/handoff/handoff-owner.js'
import { HandoffTaker } from '../../lib/handoff/handoff-taker.js'
import { createHandoff, NONE } from '../../lib/handoff/layout.js'

const NEVER = Number.POSITIVE_INFINITY

function ring(slots = 4) {
  const handle = createHandoff(slots, 16, createBell())
  return { handle, owner: new HandoffOwner(handle), taker: new HandoffTaker(handle) }
}

function park(owner: HandoffOwner, deadline = NEVER): number {
  const slot = owner.claim()
  owner.park(slot, deadline)
  return slot
}

describe('a taker that follows one that has died', () => {
  it('has the slots that were taken, and takes the others in turn', () => {
    const { handle, owner, taker } = ring()
    const taken = park(owner)
    const parked = park(owner)
    expect(taker.take()).toBe(taken)
    const next = new HandoffTaker(handle)
    const adopted: number[] = []
    next.adopt((slot) => adopted.push(slot))
    expect(adopted).toEqual([taken])
    expect(next.answer(taken)).toBe(true)
    expect(owner.next(0)).toBe(taken)
    expect(next.take()).toBe(parked)
    expect(next.take()).toBe(NONE)
  })

  it('frees what the owner has given up, and nothing twice', () => {
    const { handle, owner, taker } = ring(2)
    const taken = park(owner, 1)
    const parked = park(owner, 1)
    expect(taker.take()).toBe(taken)
    expect([owner.next(2), owner.next(2)].sort()).toEqual([taken, parked].sort())
    for (const slot of [taken, parked]) owner.release(slot)
    expect(owner.claim()).toBe(NONE)
    const next = new HandoffTaker(handle)
    next.adopt((slot) => expect.unreachable(`${slot} is nobody's`))
    expect(owner.claim()).toBe(taken)
    // It still stands in the queue, and is freed there.
    expect(next.take()).toBe(NONE)
    owner.park(taken, NEVER)
    expect(owner.claim()).toBe(parked)
    expect(next.take()).toBe(taken)
    expect(next.take()).toBe(NONE)
  })
})

describe('a slot that needed no verdict', () => {
  it('is not overdue when its time comes', () => {
    const { owner, taker } = ring()
    park(owner, 1)
    taker.dismiss(taker.take())
    expect(owner.next(2)).toBe(NONE)
    expect(owner.waitMs(2)).toBe(NEVER)
  })
})
