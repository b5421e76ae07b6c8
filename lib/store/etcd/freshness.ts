import type { Clock } from '../../clock.js'

/**
 * How far what is answered may be behind etcd.
 *
 * What we hold is that of a moment for sure when we asked a majority for its revision after that moment, and the watch then said that
 * it has brought us as far. Between two such rounds the lag grows with the clock.
 */
export class Freshness {
  readonly #clock: Clock
  readonly #staleAfterMs: number
  /** Whatever etcd held by then is in the index; both on the monotonic clock. */
  #currentAtMs: number
  /** Questions that the watch has not come up to, in order; of those with one answer the last. */
  #asked: { readonly atMs: number; readonly revision: number }[] = []
  #lastContactAt = 0

  constructor(clock: Clock, staleAfterMs: number) {
    this.#clock = clock
    this.#staleAfterMs = staleAfterMs
    this.#currentAtMs = clock.monotonicMs()
  }

  get lagMs(): number {
    return Math.max(0, Math.round(this.#clock.monotonicMs() - this.#currentAtMs))
  }

  get isStale(): boolean {
    return this.lagMs > this.#staleAfterMs
  }

  /** Wall clock; 0: never. */
  get lastContactAt(): number {
    return this.#lastContactAt
  }

  contact(): void {
    this.#lastContactAt = this.#clock.wallMs()
  }

  /** Everything was read anew, as it was at that moment or later. */
  loaded(atMs: number): void {
    this.#currentAtMs = atMs
    // What was asked of another member, or before a backup was restored, is of no use.
    this.#asked = []
  }

  /** A majority has answered a question of `atMs` with this revision. */
  asked(atMs: number, revision: number): void {
    if (this.#asked.at(-1)?.revision === revision) this.#asked.pop()
    this.#asked.push({ atMs, revision })
  }

  /** Everything up to this revision is in the index. */
  reached(revision: number): void {
    const ahead = this.#asked.findIndex((question) => question.revision > revision)
    const passed = ahead === -1 ? this.#asked.splice(0) : this.#asked.splice(0, ahead)
    this.#currentAtMs = passed.at(-1)?.atMs ?? this.#currentAtMs
  }
}
