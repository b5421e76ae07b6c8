import type { FastRandom } from '../fast-random.js'

/** Chooses one in so many, with gaps that nobody can foresee: every tenth of a client that asks ten names in turn would always be the same one. */
export class Sampler {
  readonly #every: number
  readonly #random: FastRandom
  #left: number

  /** `every` is at least 1: each. */
  constructor(every: number, random: FastRandom) {
    this.#every = every
    this.#random = random
    this.#left = this.#gap()
  }

  takes(): boolean {
    if (--this.#left > 0) return false
    this.#left = this.#gap()
    return true
  }

  /** From 1 to twice as many less one, which is `every` on average. */
  #gap(): number {
    return this.#every === 1 ? 1 : 1 + this.#random.below(2 * this.#every - 1)
  }
}
