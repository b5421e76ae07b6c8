/** A fast generator that nobody needs to trust (Marsaglia's xorshift): it decides the order of answers, and who of many is turned away. No secret. */
export class FastRandom {
  #state: number

  /** Any seed will do; the same seed gives the same numbers. */
  constructor(seed: number) {
    this.#state = seed | 0 || 1
  }

  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  /** From 0 up to, not including, 1, in steps of 2^-32; never exactly 0. */
  fraction(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) / 2 ** 32
  }
}
