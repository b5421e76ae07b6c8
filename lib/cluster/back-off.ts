/** A thread that has lived this long counts as well, and its next death as the first. */
const WELL_AFTER_MS = 10_000
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000

/** How long to wait before a dead thread is run again: not at all at first, then twice as long each time. */
export class BackOff {
  #failures = 0

  /** `livedMs` is how long the thread has lived. */
  next(livedMs: number): number {
    if (livedMs >= WELL_AFTER_MS) this.#failures = 0
    this.#failures++
    return this.#failures === 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 2), LONGEST_DELAY_MS)
  }
}
