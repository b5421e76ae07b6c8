import type { FastRandom } from '../fast-random.js'
import { type RateTable, WINDOW_MS } from './rate-table.js'

/** From here on, less than a millisecond makes no difference: it is under 2 %. */
const SMALL_COST_MS = 64

/** So many a second for each source, with as many at once. One for each thread and kind of limit, on the threads' common table. */
export class Rate {
  readonly #table: RateTable
  readonly #random: FastRandom
  readonly #cost: number
  readonly #costFraction: number
  readonly #needed: number

  constructor(table: RateTable, perSecond: number, random: FastRandom) {
    this.#table = table
    this.#random = random
    const exact = WINDOW_MS / perSecond
    this.#cost = Math.floor(exact)
    this.#costFraction = this.#cost < SMALL_COST_MS ? exact - this.#cost : 0
    this.#needed = this.#costFraction > 0 ? this.#cost + 1 : this.#cost
  }

  /** Whether the source of this hash may have one more now; if so, it is counted. */
  admits(hash: number, nowMs: number): boolean {
    // The table counts whole milliseconds. What is left over of one is charged as often as its size says, so that a second's
    // worth comes out right for any rate.
    const extra = this.#costFraction > 0 && this.#random.fraction() < this.#costFraction ? 1 : 0
    return this.#table.charge(hash, this.#cost + extra, this.#needed, nowMs)
  }
}
