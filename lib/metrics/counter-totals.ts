import { COUNTER_NAMES, COUNTER_ROW_WORDS, type CounterName } from './counters.js'
import { WrappingTotals } from './wrapping-totals.js'

/** Sums over all threads since the start. */
export type CounterTotals = Readonly<Record<CounterName, number>>

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

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** At ten million counts a second, 32 bits last seven minutes. */
const SAMPLE_INTERVAL_MS = 60_000
