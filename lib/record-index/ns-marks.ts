import { CONTROL_NS_MARKS, NS_MARK_BITS, NS_MARKS, nsMark } from './layout.js'

/** Marks names with an NS RRset in the control words, by their hashes. Main thread only. */
export class NsMarks {
  readonly #control: Int32Array
  /** How many names share each mark. One that has been shared by so many that they cannot be counted stays. */
  readonly #counts = new Uint8Array(1 << NS_MARK_BITS)

  constructor(control: Int32Array) {
    this.#control = control
  }

  /** For each mark, how many names have it. */
  get counts(): Uint8Array {
    return this.#counts
  }

  /** Takes over those of another index with the same seed, before its names are published. Only when there are none. */
  adopt(counts: Uint8Array, control: Int32Array): void {
    this.#counts.set(counts)
    for (let i = CONTROL_NS_MARKS; i < CONTROL_NS_MARKS + NS_MARKS; i++) Atomics.store(this.#control, i, control[i]!)
  }

  /** Before the name is published: who sees it must have been told to look. */
  add(hash: number): void {
    const mark = nsMark(hash)
    const count = this.#counts[mark]!
    if (count < MOST) this.#counts[mark] = count + 1
    if (count === 0) Atomics.or(this.#control, CONTROL_NS_MARKS + (mark >>> 5), 1 << (mark & 31))
  }

  /** After the name has gone. */
  remove(hash: number): void {
    const mark = nsMark(hash)
    const count = this.#counts[mark]!
    if (count === MOST) return
    this.#counts[mark] = count - 1
    if (count === 1) Atomics.and(this.#control, CONTROL_NS_MARKS + (mark >>> 5), ~(1 << (mark & 31)))
  }
}

const MOST = 255
