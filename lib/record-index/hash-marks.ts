import { HASH_MARK_BITS, HASH_MARKS, hashMark } from './layout.js'

/** Marks names that have some property in the control words, by their hashes. Main thread only. */
export class HashMarks {
  readonly #control: Int32Array
  readonly #word: number
  /** How many names share each mark. One that has been shared by so many that they cannot be counted stays. */
  readonly #counts = new Uint8Array(1 << HASH_MARK_BITS)

  /** The marks stand from `word` on. */
  constructor(control: Int32Array, word: number) {
    this.#control = control
    this.#word = word
  }

  /** For each mark, how many names have it. */
  get counts(): Uint8Array {
    return this.#counts
  }

  /** Takes over those of another index with the same seed, before its names are published. Only when there are none. */
  adopt(counts: Uint8Array, control: Int32Array): void {
    this.#counts.set(counts)
    const end = this.#word + HASH_MARKS
    for (let i = this.#word; i < end; i++) if (control[i] !== 0) Atomics.store(this.#control, i, control[i]!)
  }

  /** Before the name is published: who sees it must have been told to look. */
  add(hash: number): void {
    const mark = hashMark(hash)
    const count = this.#counts[mark]!
    if (count < MOST) this.#counts[mark] = count + 1
    if (count === 0) Atomics.or(this.#control, this.#word + (mark >>> 5), 1 << (mark & 31))
  }

  /** After the name has gone. */
  remove(hash: number): void {
    const mark = hashMark(hash)
    const count = this.#counts[mark]!
    if (count === MOST) return
    this.#counts[mark] = count - 1
    if (count === 1) Atomics.and(this.#control, this.#word + (mark >>> 5), ~(1 << (mark & 31)))
  }
}

const MOST = 255
