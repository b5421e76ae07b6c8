import { MAX_LABELS } from '../wire/constants.js'
import { depthBit } from './layout.js'

/** How many names of each label count have some property, and a control word with a bit for the label counts that occur. Main thread only. */
export class Depths {
  readonly #control: Int32Array
  readonly #word: number
  readonly #counts = new Uint32Array(depthBit(MAX_LABELS) + 1)

  constructor(control: Int32Array, word: number) {
    this.#control = control
    this.#word = word
  }

  /** Before the name is published: who sees it must have been told to look. */
  add(labelCount: number): void {
    const bit = depthBit(labelCount)
    if (this.#counts[bit]!++ === 0) Atomics.or(this.#control, this.#word, 1 << bit)
  }

  /** After the name has gone. */
  remove(labelCount: number): void {
    const bit = depthBit(labelCount)
    if (--this.#counts[bit]! === 0) Atomics.and(this.#control, this.#word, ~(1 << bit))
  }
}
