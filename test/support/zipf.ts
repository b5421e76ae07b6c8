import type { FastRandom } from '../../lib/fast-random.js'

/** Ranks from 0 on, of which rank r comes in proportion to 1 / (r + 1)^exponent. */
export class Zipf {
  readonly #random: FastRandom
  readonly #cumulated: Float64Array

  constructor(ranks: number, exponent: number, random: FastRandom) {
    this.#random = random
    let sum = 0
    this.#cumulated = Float64Array.from({ length: ranks }, (_, rank) => {
      sum += (rank + 1) ** -exponent
      return sum
    })
  }

  next(): number {
    const cumulated = this.#cumulated
    const wanted = this.#random.fraction() * cumulated[cumulated.length - 1]!
    let low = 0
    let high = cumulated.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulated[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
