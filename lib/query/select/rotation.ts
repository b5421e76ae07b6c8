import type { FastRandom } from '../../fast-random.js'
import { hashEnd } from '../../wire/name.js'

/** log2 of the counters that a thread has. */
const COUNTER_BITS = 12
const TAG_SHIFT = 16
const TURN_MASK = 0xffff
/** Odd, so that types of one name come to lie apart. */
const TYPE_FACTOR = 0x9e3779b1

/**
 * Whose turn it is, for each name and type that a thread is asked for, in 16 KiB.
 *
 * A counter knows by a tag whose it is. Of names that share one, each begins anew at a random turn when the other has been
 * asked in between, which is as even as turns are; without a tag, two names asked by turns would each get every other record.
 */
export class Rotation {
  // | tag u16 | turn u16 |
  readonly #counters = new Int32Array(1 << COUNTER_BITS)
  readonly #random: FastRandom

  constructor(random: FastRandom) {
    this.#random = random
  }

  /** The next turn of a name and type: one more than the last, from 0 to 65535. */
  next(ownerHash: number, type: number): number {
    const hash = hashEnd(ownerHash ^ Math.imul(type, TYPE_FACTOR))
    const at = hash & ((1 << COUNTER_BITS) - 1)
    const tag = hash >>> TAG_SHIFT
    const counter = this.#counters[at]!
    const isOurs = counter >>> TAG_SHIFT === tag
    const turn = (isOurs ? counter + 1 : this.#random.below(TURN_MASK + 1)) & TURN_MASK
    this.#counters[at] = (tag << TAG_SHIFT) | turn
    return turn
  }
}
