import { MAX_MESSAGE_SIZE, RDLENGTH_SIZE } from '../wire/constants.js'
import { SMALLEST_RECORD } from './response-writer.js'

/** No more fit in a message. */
const MAX_RECORDS = Math.floor(MAX_MESSAGE_SIZE / SMALLEST_RECORD)

/** A fast generator that nobody needs to trust (Marsaglia's xorshift): it decides the order of answers, no secret. */
export class FastRandom {
  #state: number

  /** `seed` must not be 0. */
  constructor(seed: number) {
    this.#state = seed | 0 || 1
  }

  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return Math.floor(((x >>> 0) / 2 ** 32) * bound)
  }
}

/** In which order the records of an RRset are answered. Works on places, never on the records. Made once per thread. */
export class RecordOrder {
  /** Where the rdlength of each record stands, in the order to answer in. Good until the next call. */
  readonly positions = new Uint32Array(MAX_RECORDS)
  readonly #random: FastRandom

  constructor(random: FastRandom) {
    this.#random = random
  }

  /** Shuffles (Fisher and Yates) the records that stand one after the other from `start` on, each with its rdlength before it. */
  shuffle(bytes: Uint8Array, start: number, count: number): void {
    const positions = this.positions
    let position = start
    for (let i = 0; i < count; i++) {
      positions[i] = position
      position += RDLENGTH_SIZE + ((bytes[position]! << 8) | bytes[position + 1]!)
    }
    for (let i = count - 1; i > 0; i--) {
      const j = this.#random.below(i + 1)
      const other = positions[j]!
      positions[j] = positions[i]!
      positions[i] = other
    }
  }
}
