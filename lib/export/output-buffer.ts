import { NONE } from './ring-layout.js'

/**
 * Memory for what is on its way out: one half is filled while the other is being written. Bounded: what finds no room is the caller's to
 * count.
 */
export class OutputBuffer {
  /** What is being filled. */
  bytes: Buffer
  /** Whether there is somebody to write to: until there is, what was added first stays. */
  isReady: boolean
  #used = 0
  #items = 0
  #spare: Buffer
  readonly #write: (bytes: Buffer, items: number) => Promise<void>
  #writing: Promise<void> | undefined

  /** `write` is called for one half after the other, with how many items are in it; it must not reject. */
  constructor(halfBytes: number, isReady: boolean, write: (bytes: Buffer, items: number) => Promise<void>) {
    this.isReady = isReady
    this.bytes = Buffer.allocUnsafe(halfBytes)
    this.#spare = Buffer.allocUnsafe(halfBytes)
    this.#write = write
  }

  /** Where an item of at most `size` bytes can be written; NONE if there is no room. */
  claim(size: number): number {
    if (this.#used + size > this.bytes.length) this.flush()
    return this.#used + size > this.bytes.length ? NONE : this.#used
  }

  /** An item ends here. */
  add(end: number): void {
    this.#used = end
    this.#items++
  }

  /** Has what is there written, if nothing is being written; what comes meanwhile follows by itself. */
  flush(): void {
    if (!this.isReady || this.#writing !== undefined || this.#items === 0) return
    const full = this.bytes
    const used = this.#used
    const items = this.#items
    this.bytes = this.#spare
    this.#spare = full
    this.#used = 0
    this.#items = 0
    this.#writing = this.#write(full.subarray(0, used), items).finally(() => {
      this.#writing = undefined
      this.flush()
    })
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    this.flush()
    while (this.#writing !== undefined) await this.#writing
  }

  /** Forgets what has not been given to `write` yet, and returns how many items that were. */
  clear(): number {
    const items = this.#items
    this.#used = 0
    this.#items = 0
    return items
  }
}
