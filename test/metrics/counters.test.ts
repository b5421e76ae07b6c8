import { describe, expect, it } from 'vitest'
import { CounterSampler } from '../../lib/metrics/counter-totals.js'
import {
  COUNTER_NAMES,
  COUNTER_ROW_WORDS,
  Counter,
  createCounterRows,
  ThreadCounters,
} from '../../lib/metrics/counters.js'

describe('ThreadCounters', () => {
  it('show what is counted at once, each thread in a row of its own', () => {
    const rows = createCounterRows(2)
    const words = new Int32Array(rows)
    const [first, second] = [new ThreadCounters(rows, 0), new ThreadCounters(rows, 1)]
    first.values[Counter.queries]! += 3
    second.values[Counter.BADVERS]! += 4
    expect(words[Counter.queries]).toBe(3)
    expect(words[COUNTER_ROW_WORDS + Counter.BADVERS]).toBe(4)
    expect(words.reduce((sum, word) => sum + word, 0)).toBe(7)
  })

  it('go on from the row of the thread whose place they take', () => {
    const rows = createCounterRows(1)
    const dead = new ThreadCounters(rows, 0)
    dead.values[Counter.queries] = 0xfffffffe
    const replacement = new ThreadCounters(rows, 0)
    replacement.values[Counter.queries]! += 5
    // 0xfffffffe + 5, wrapped.
    expect(new Uint32Array(rows)[Counter.queries]).toBe(3)
  })

  it('have rows of whole cache lines', () => {
    expect(COUNTER_ROW_WORDS % 16).toBe(0)
    expect(COUNTER_ROW_WORDS).toBeGreaterThanOrEqual(COUNTER_NAMES.length)
  })
})

describe('CounterSampler', () => {
  it('adds up all threads, what they counted before it included', () => {
    const rows = createCounterRows(3)
    const threads = [0, 1, 2].map((thread) => new ThreadCounters(rows, thread))
    threads.forEach((thread, i) => {
      thread.values[Counter.queries]! += 10 ** i
    })
    using sampler = disposable(new CounterSampler(rows))
    expect(sampler.read()).toEqual({ ...Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])), queries: 111 })
  })

  it('tells what each thread counted, beyond 32 bits too', () => {
    const rows = createCounterRows(2)
    const threads = [0, 1].map((thread) => new ThreadCounters(rows, thread))
    using sampler = disposable(new CounterSampler(rows))
    for (let i = 0; i < 3; i++) {
      threads[0]!.values[Counter.queries]! += 0xf0000000
      threads[1]!.values[Counter.dropped]! += 1
      sampler.read()
    }
    expect(sampler.ofThread(0)).toEqual({ queries: 3 * 0xf0000000, responses: 0, dropped: 0 })
    expect(sampler.ofThread(1)).toEqual({ queries: 0, responses: 0, dropped: 3 })
    // One that answers nobody has no row.
    expect(sampler.ofThread(2)).toEqual({ queries: 0, responses: 0, dropped: 0 })
  })

  it('goes on where 32 bits wrap, time after time', () => {
    const rows = createCounterRows(1)
    const thread = new ThreadCounters(rows, 0)
    using sampler = disposable(new CounterSampler(rows))
    let expected = 0
    for (const step of [0x7fffffff, 1, 0x7fffffff, 0xffffffff, 0, 5, 0xfffffffb, 12]) {
      thread.values[Counter.queries]! += step
      expected += step
      expect(sampler.read().queries).toBe(expected)
    }
    expect(expected).toBeGreaterThan(2 ** 33)
  })

  it('does not count anew what a replaced thread goes on from', () => {
    const rows = createCounterRows(1)
    using sampler = disposable(new CounterSampler(rows))
    for (let life = 1; life <= 3; life++) {
      const thread = new ThreadCounters(rows, 0)
      thread.values[Counter.NXDOMAIN]! += 7
      expect(sampler.read().NXDOMAIN).toBe(7 * life)
    }
  })

  it('keeps no process alive', () => {
    // The test runner has timers of its own.
    const before = process.getActiveResourcesInfo()
    const sampler = new CounterSampler(createCounterRows(1))
    expect(process.getActiveResourcesInfo()).toEqual(before)
    sampler.stop()
    sampler.stop()
  })
})

function disposable<T extends { stop(): void }>(sampler: T): T & Disposable {
  return Object.assign(sampler, { [Symbol.dispose]: () => sampler.stop() })
}
