import { COUNTER_NAMES, COUNTER_ROW_WORDS, type CounterName } from './counters.js'

/** Sums over all threads since the start. */
export type CounterTotals = Readonly<Record<CounterName, number>>

/**
 * Extends wrapping 32-bit counters to whole numbers: looks at least every `SAMPLE_INTERVAL_MS` how far each has moved on.
 * Belongs to the main thread.
 */
export class CounterSampler {
  readonly #rows: Int32Array
  readonly #seen: Int32Array
  readonly #totals: number[]
  readonly #timer: NodeJS.Timeout

  constructor(rows: SharedArrayBuffer) {
    this.#rows = new Int32Array(rows)
    this.#seen = new Int32Array(this.#rows.length)
    this.#totals = COUNTER_NAMES.map(() => 0)
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS)
    this.#timer.unref()
  }

  read(): CounterTotals {
    this.#sample()
    return Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, this.#totals[i]!])) as CounterTotals
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    for (let row = 0; row < this.#rows.length; row += COUNTER_ROW_WORDS) {
      for (let i = 0; i < COUNTER_NAMES.length; i++) {
        const now = Atomics.load(this.#rows, row + i)
        this.#totals[i]! += (now - this.#seen[row + i]!) >>> 0
        this.#seen[row + i] = now
      }
    }
  }
}

/** At ten million counts a second, 32 bits last seven minutes. */
const SAMPLE_INTERVAL_MS = 60_000
