/** Blocks that are unlinked but may still be read, oldest first: a queue of (offset, bytes, epoch) without an object for each. */
export class RetiredBlocks {
  #items = new Int32Array(3 * 1024)
  #head = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  push(offset: number, bytes: number, epoch: number): void {
    const capacity = this.#items.length / 3
    if (this.#count === capacity) this.#grow()
    const at = 3 * ((this.#head + this.#count) % (this.#items.length / 3))
    this.#items[at] = offset
    this.#items[at + 1] = bytes
    this.#items[at + 2] = epoch
    this.#count++
  }

  /** The epoch of the oldest; only when `count` is not 0. */
  get oldestEpoch(): number {
    return this.#items[3 * this.#head + 2]!
  }

  /** Hands the oldest to `release` and forgets it. */
  shift(release: (offset: number, bytes: number) => void): void {
    const at = 3 * this.#head
    this.#head = (this.#head + 1) % (this.#items.length / 3)
    this.#count--
    release(this.#items[at]!, this.#items[at + 1]!)
  }

  #grow(): void {
    const grown = new Int32Array(2 * this.#items.length)
    const tail = this.#items.subarray(3 * this.#head)
    grown.set(tail)
    grown.set(this.#items.subarray(0, 3 * this.#head), tail.length)
    this.#items = grown
    this.#head = 0
  }
}
