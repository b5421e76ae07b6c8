import { HEAD, LOST, NONE, openRing, type RingHandle, SKIP, TAIL } from './ring-layout.js'

/** The side of a ring that takes records. Belongs to one thread. */
export class RingReader {
  /** Records stand at the offsets that `next` gives. */
  readonly bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #control: Int32Array
  #head: number
  #lost: number

  /** Goes on where a dead thread has left off. */
  constructor(handle: RingHandle) {
    const { control, bytes } = openRing(handle)
    this.bytes = bytes
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    this.#control = control
    this.#head = Atomics.load(control, HEAD)
    this.#lost = Atomics.load(control, LOST)
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#control, TAIL) === this.#head
  }

  /** The offset of the next record, which stays as it is until `free`; NONE if there is none. */
  next(): number {
    const tail = Atomics.load(this.#control, TAIL)
    if (this.#head === tail) return NONE
    const mask = this.bytes.length - 1
    let offset = this.#head & mask
    if (this.#words[offset >>> 2] === SKIP) {
      this.#head = (this.#head + this.bytes.length - offset) | 0
      offset = 0
    }
    this.#head = (this.#head + this.#words[offset >>> 2]!) | 0
    return offset
  }

  /** The writer may have back all that was taken. */
  free(): void {
    Atomics.store(this.#control, HEAD, this.#head)
  }

  /** How many records were lost since this was last asked, or the reader was made. */
  takeLost(): number {
    const lost = Atomics.load(this.#control, LOST)
    const more = (lost - this.#lost) >>> 0
    this.#lost = lost
    return more
  }
}
