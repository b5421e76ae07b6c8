import { COUNTER_NAMES, COUNTER_ROW_WORDS, Counter, type CounterName } from './counters.js'
import { WrappingTotals } from './wrapping-totals.js'

/** Sums over all threads since the start. */
export type CounterTotals = Readonly<Record<CounterName, number>>

/** What one thread has counted since the start, in all its lives. */
export interface ThreadCounts {
  readonly queries: number
  readonly responses: number
  readonly dropped: number
}

/**
 * Extends wrapping 32-bit counters to whole numbers: looks at least every `SAMPLE_INTERVAL_MS` how far each has moved on.
 * Belongs to the main thread.
 */
export class CounterSampler {
  readonly #totals: WrappingTotals
  readonly #timer: NodeJS.Timeout

  /** `others` are sampled as often. */
  constructor(rows: SharedArrayBuffer, ...others: { sample(): void }[]) {
    this.#totals = new WrappingTotals(rows, COUNTER_ROW_WORDS)
    this.#timer = setInterval(() => {
      for (const each of [this.#totals, ...others]) each.sample()
    }, SAMPLE_INTERVAL_MS)
    this.#timer.unref()
  }

  read(): CounterTotals {
    this.#totals.sample()
    return Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, this.#totals.sums[i]!])) as CounterTotals
  }

  /** One thread's part of what `read` has seen last. */
  ofThread(thread: number): ThreadCounts {
    const count = (name: CounterName) => this.#totals.ofThread(thread, Counter[name])
    return { queries: count('queries'), responses: count('responses'), dropped: count('dropped') }
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** At ten million counts a second, 32 bits last seven minutes. */
const SAMPLE_INTERVAL_MS = 60_000
