import type { PageStats } from './api-data.js'
import { type Rates, ratesBetween, type ThreadRates } from './rates.js'

/** Five minutes, at a look a second. */
const KEPT = 300
/** After a longer pause, as in a tab that was not looked at, lines are interrupted. */
const PAUSE_MS = 5_000

interface Point {
  /** Seconds since 1970; plots want that. */
  readonly at: number
  readonly threads: readonly ThreadRates[] | undefined
}

/** What is known by now: the last look, what came between it and the one before, and how that has gone on. */
export class LiveFigures {
  readonly stats: PageStats
  /** Undefined at the first look, and after a restart of the server. */
  readonly rates: Rates | undefined
  readonly #points: readonly Point[]
  readonly #atMs: number

  private constructor(stats: PageStats, atMs: number, rates: Rates | undefined, points: readonly Point[]) {
    this.stats = stats
    this.rates = rates
    this.#atMs = atMs
    this.#points = points
  }

  static first(stats: PageStats, atMs: number): LiveFigures {
    return new LiveFigures(stats, atMs, undefined, [])
  }

  next(stats: PageStats, atMs: number): LiveFigures {
    const rates = ratesBetween(this.stats, stats, (atMs - this.#atMs) / 1000)
    const at = atMs / 1000
    const isAfterPause = atMs - this.#atMs > PAUSE_MS
    const gap = rates === undefined || isAfterPause ? [{ at: this.#atMs / 1000 + 0.001, threads: undefined }] : []
    const point = rates === undefined ? [] : [{ at, threads: rates.threads }]
    return new LiveFigures(stats, atMs, rates, [...this.#points, ...gap, ...point].slice(-KEPT))
  }

  /** Times, then a line for each thread of these numbers; null where there is nothing to tell. */
  lines(threads: readonly number[], of: (rates: ThreadRates) => number | null): (number | null)[][] {
    const times = this.#points.map(({ at }) => at)
    const line = (thread: number) =>
      this.#points.map(({ threads }) => {
        const rates = threads?.[thread]
        return rates === undefined ? null : of(rates)
      })
    return [times, ...threads.map(line)]
  }
}
