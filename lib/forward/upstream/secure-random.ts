import { randomFillSync } from 'node:crypto'

/** Bytes that are made at once: a call of node:crypto costs a microsecond, whatever it makes. */
const BATCH_BYTES = 16 * 1024

/** Numbers that nobody can predict: IDs, ports and spellings are what a forged answer has to guess (RFC 5452). */
export interface Random {
  /** 16 bits. */
  u16(): number
  /** A whole number from 0 up to, not including, `bound`, which is at most 65 536. */
  below(bound: number): number
}

export class SecureRandom implements Random {
  readonly #numbers = new Uint16Array(BATCH_BYTES / 2)
  #at = this.#numbers.length

  u16(): number {
    if (this.#at === this.#numbers.length) {
      randomFillSync(this.#numbers)
      this.#at = 0
    }
    return this.#numbers[this.#at++]!
  }

  below(bound: number): number {
    // The numbers that would make the first ones likelier than the others are drawn again.
    const limit = 65_536 - (65_536 % bound)
    for (;;) {
      const number = this.u16()
      if (number < limit) return number % bound
    }
  }
}
