import { Bell } from '../handoff/bell.js'
import { HEAD, LOST, NONE, openRing, type RingHandle, SKIP, TAIL } from './ring-layout.js'

/** The side of a ring that has records. Belongs to one thread. Allocates nothing for a record, and never waits. */
export class RingWriter {
  /** Records stand at the offsets that `claim` gives. */
  readonly bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #control: Int32Array
  readonly #bell: Bell
  readonly #size: number
  #tail: number
  #shown: number
  /** As it was when it was last looked up. */
  #head: number

  /** Goes on where a dead thread has left off: what that had not shown yet is overwritten. */
  constructor(handle: RingHandle) {
    const { control, bytes } = openRing(handle)
    this.bytes = bytes
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    this.#control = control
    this.#bell = new Bell(handle.readerBell)
    this.#size = bytes.length
    this.#tail = Atomics.load(control, TAIL)
    this.#shown = this.#tail
    this.#head = Atomics.load(control, HEAD)
  }

  /** Room for a record of `size` bytes, a multiple of 8, whose first word is set; NONE, and the record is counted as lost, if there is none. */
  claim(size: number): number {
    const offset = this.#tail & (this.#size - 1)
    const toEnd = this.#size - offset
    const needed = size <= toEnd ? size : toEnd + size
    if (!this.#hasRoom(needed)) {
      Atomics.add(this.#control, LOST, 1)
      return NONE
    }
    this.#tail = (this.#tail + needed) | 0
    if (size <= toEnd) {
      this.#words[offset >>> 2] = size
      return offset
    }
    this.#words[offset >>> 2] = SKIP
    this.#words[0] = size
    return 0
  }

  /** Shows the reader what was claimed since; once a batch. */
  show(): void {
    if (this.#tail === this.#shown) return
    this.#shown = this.#tail
    Atomics.store(this.#control, TAIL, this.#tail)
    this.#bell.ring()
  }

  /** The reader's word is on a cache line of its own, which is fetched only when what was known of it is not enough. */
  #hasRoom(needed: number): boolean {
    if (needed <= this.#size - ((this.#tail - this.#head) >>> 0)) return true
    this.#head = Atomics.load(this.#control, HEAD)
    return needed <= this.#size - ((this.#tail - this.#head) >>> 0)
  }
}
