/** Extends rows of wrapping 32-bit words, one row a thread, to whole numbers, added up over the threads. Belongs to the main thread. */
export class WrappingTotals {
  /** By their places in a row. Good after `sample`. */
  readonly sums: Float64Array
  readonly #words: Int32Array
  readonly #seen: Int32Array

  constructor(rows: SharedArrayBuffer, rowWords: number) {
    this.#words = new Int32Array(rows)
    this.#seen = new Int32Array(this.#words.length)
    this.sums = new Float64Array(rowWords)
  }

  /** To be called before any word can have gone round once. */
  sample(): void {
    const { sums } = this
    const rowWords = sums.length
    for (let row = 0; row < this.#words.length; row += rowWords) {
      for (let i = 0; i < rowWords; i++) {
        const now = Atomics.load(this.#words, row + i)
        sums[i]! += (now - this.#seen[row + i]!) >>> 0
        this.#seen[row + i] = now
      }
    }
  }
}
