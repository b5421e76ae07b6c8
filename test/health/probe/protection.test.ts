import { describe, expect, it } from 'vitest'
import type { HealthState } from '../../../lib/health/layout.js'
import type { Verdict } from '../../../lib/health/probe/messages.js'
import { Protection } from '../../../lib/health/probe/protection.js'
import { eventually } from '../../support/eventually.js'

const WINDOW_MS = 1_000

function protectedStates(rrsets: number[][], limits: { confirmAbove?: number; panicBelow?: number } = {}) {
  const states = new Map<number, HealthState>()
  const confirmed: number[] = []
  const panics: boolean[] = []
  const time = { now: 0 }
  const protection = new Protection({
    limits: { confirmAbove: 0.5, panicBelow: 0, ...limits },
    windowMs: WINDOW_MS,
    clock: { monotonicMs: () => time.now, wallMs: () => 0 },
    total: () => new Set(rrsets.flat()).size,
    siblings: (id) => rrsets.filter((rrset) => rrset.includes(id)),
    apply: (id, state) => void states.set(id, state),
    confirm: (ids) => void confirmed.push(...ids),
    onPanic: (isPanic) => void panics.push(isPanic),
  })
  const say = (ids: number[], state: Verdict['state'], isConfirmed = false) =>
    protection.take(ids.map((id) => ({ id, state, reason: '', isConfirmed })))
  const down = () => [...states].filter(([, state]) => state === 'unhealthy').map(([id]) => id)
  return { protection, say, down, confirmed, panics, time, states }
}

const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

describe('Protection', () => {
  it('believes at once what is little, and doubts what would empty an RRset until it is confirmed', () => {
    const { say, down, confirmed } = protectedStates([[0, 1, 2], TEN])
    say(TEN, 'healthy')
    say([0], 'unhealthy')
    expect([down(), confirmed]).toEqual([[0], []])
    say([1], 'unhealthy')
    expect([down(), confirmed]).toEqual([[0], [1]])
    say([1], 'unhealthy', true)
    expect(down()).toEqual([0, 1])
  })

  it('doubts those that go down together, and forgets about those that turn out to be well', () => {
    const { say, down, confirmed, protection } = protectedStates(TEN.map((id) => [id, id + 10, id + 20]))
    say([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 'unhealthy')
    expect([down(), confirmed.length, protection.status.doubted]).toEqual([[], 16, 16])
    say([0, 1, 2], 'healthy', true)
    say([3], 'unhealthy', true)
    expect([down(), protection.status.doubted]).toEqual([[3], 12])
  })

  it('counts those of the window as together, and no others', () => {
    // Ten RRsets of ten.
    const rrsets = TEN.map((first) => TEN.map((each) => first + 10 * each))
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
    const { say, confirmed, time, down } = protectedStates(rrsets)
    say(numbers(0, 40), 'unhealthy')
    time.now = WINDOW_MS - 1
    say(numbers(40, 51), 'unhealthy')
    expect(confirmed).toEqual(numbers(40, 51))
    time.now = 2 * WINDOW_MS
    say(numbers(60, 70), 'unhealthy')
    expect(confirmed.length).toBe(11)
    expect(down().length).toBe(50)
  })

  it('leaves nobody out in panic, and those again that are down when it is over', () => {
    const { say, down, panics, states } = protectedStates([TEN], { confirmAbove: 1, panicBelow: 0.5 })
    say(TEN, 'healthy')
    say([0, 1, 2, 3, 4], 'unhealthy')
    expect([down(), panics]).toEqual([[0, 1, 2, 3, 4], []])
    say([5], 'unhealthy')
    expect([down(), panics, states.get(5)]).toEqual([[], [true], 'unknown'])
    say([0], 'healthy')
    expect([down().sort(), panics]).toEqual([
      [1, 2, 3, 4, 5],
      [true, false],
    ])
  })

  it('sets many states over several turns of the event loop', async () => {
    const many = Array.from({ length: 1_000 }, (_, id) => id)
    const { say, states, protection } = protectedStates([many])
    say(many, 'healthy')
    expect(states.size).toBeLessThan(1_000)
    protection.forget([999])
    await eventually(() => states.size === 999)
    expect(states.has(999)).toBe(false)
  })
})
