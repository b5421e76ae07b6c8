import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { OnOutcome, ProbeProfile, ProbeTarget } from '../../../lib/health/probe/check.js'
import { ProbeCounters } from '../../../lib/health/probe/messages.js'
import { ProbeLoop, type ProbeLoopOptions } from '../../../lib/health/probe/probe-loop.js'

const PROFILE: ProbeProfile = {
  check: { type: 'tcp', ports: [9], require: 'any' },
  ...{ intervalMs: 10_000, timeoutMs: 500, rise: 1, fall: 1 },
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A loop whose time the test moves, and what it does. */
class Looped {
  /** When each probe began. */
  readonly startedAt: number[] = []
  readonly blind: boolean[] = []
  readonly loop: ProbeLoop
  open = 0
  mostOpen = 0
  isReachable = true

  constructor(options: Partial<ProbeLoopOptions> = {}, onStart: (onOutcome: OnOutcome) => void = () => {}) {
    this.loop = new ProbeLoop({
      settings: { profiles: [PROFILE], jitter: 0.1, concurrency: 10_000, perSecond: 100_000 },
      clock: { monotonicMs: () => Date.now(), wallMs: () => Date.now() },
      counters: new ProbeCounters(ProbeCounters.create()),
      sockets: { most: 10_000, of: () => 1 },
      probe: (_target, _profile, onOutcome) => {
        this.startedAt.push(Date.now())
        this.mostOpen = Math.max(this.mostOpen, ++this.open)
        onStart((...told) => {
          this.open--
          onOutcome(...told)
        })
        return { cancel: () => void this.open-- }
      },
      askReferences: (onAnswer) => void setTimeout(() => onAnswer(this.isReachable), 10),
      onVerdicts: () => {},
      onBlind: (isBlind) => void this.blind.push(isBlind),
      ...options,
    })
  }

  add(from: number, count: number): void {
    const targets = Array.from({ length: count }, (_, i): ProbeTarget => {
      const id = from + i
      return { id, address: `10.0.${id >> 8}.${id & 255}`, profile: 0, ports: [] }
    })
    this.loop.add(targets)
  }
}

describe('a loop of probes', () => {
  it('spreads the first probes of thousands that come in many messages, and has a single one at once', async () => {
    const looped = new Looped()
    const start = Date.now()
    for (let at = 0; at < 5_000; at += 500) looped.add(at, 500)
    await vi.advanceTimersByTimeAsync(1_000)
    looped.add(5_000, 1)
    await vi.advanceTimersByTimeAsync(8_000)
    looped.loop.stop()
    expect(looped.startedAt).toHaveLength(5_001)
    const perSecond = [0, 1, 2, 3, 4].map(
      (second) => looped.startedAt.filter((at) => Math.floor((at - start) / 1_000) === second).length,
    )
    for (const count of perSecond) expect(Math.abs(count - 1_000)).toBeLessThan(50)
  })

  it('asks the references while nothing fails, and says that it cannot reach them and that it can again', async () => {
    const looped = new Looped()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(looped.blind).toEqual([])
    looped.isReachable = false
    await vi.advanceTimersByTimeAsync(6_000)
    expect(looped.blind).toEqual([true])
    looped.isReachable = true
    await vi.advanceTimersByTimeAsync(6_000)
    looped.loop.stop()
    expect(looped.blind).toEqual([true, false])
  })

  it('has no more sockets open than it may, and probes everybody all the same', async () => {
    const looped = new Looped({ sockets: { most: 30, of: () => 3 } })
    looped.add(0, 200)
    // Nobody answers: ten at a time, half a second each.
    await vi.advanceTimersByTimeAsync(15_000)
    looped.loop.stop()
    expect(looped.startedAt.length).toBeGreaterThanOrEqual(200)
    expect(looped.mostOpen).toBe(10)
  })

  it('tries one that needs more sockets than there may be by itself', async () => {
    const looped = new Looped({ sockets: { most: 2, of: () => 3 } })
    looped.add(0, 4)
    await vi.advanceTimersByTimeAsync(5_000)
    looped.loop.stop()
    expect(looped.startedAt).toHaveLength(4)
    expect(looped.mostOpen).toBe(1)
  })
})
