import type { Libc } from './libc.js'

/** Nothing stands at a place: the descriptor 0 is the process's input. */
const NOTHING = 0

/**
 * The descriptors that a thread has opened through libc, in shared memory: nobody else would close them when the thread dies.
 *
 * One thread notes them; the main thread closes them once that thread is dead.
 */
export class DescriptorList {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  static create(places: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * places)
  }

  /** What has no place here is closed with the process. */
  note(place: number, fd: number): void {
    if (place < this.#words.length) Atomics.store(this.#words, place, fd)
  }

  /** Before the descriptor is closed, so that no other of the same number is closed in its stead. */
  forget(place: number): void {
    this.note(place, NOTHING)
  }

  /** Returns how many there were. */
  closeAll(libc: Pick<Libc, 'close'>): number {
    let count = 0
    for (let place = 0; place < this.#words.length; place++) {
      const fd = Atomics.exchange(this.#words, place, NOTHING)
      if (fd === NOTHING) continue
      libc.close(fd)
      count++
    }
    return count
  }
}
