/**
 * Extends rows of wrapping 32-bit words, one row a thread, to whole numbers, added up over the threads. Belongs to the main thread.
 *
 * Some words of a row may be kept for each thread, too.
 */
export class WrappingTotals {
  /** By their places in a row. Good after `sample`. */
  readonly sums: Float64Array
  readonly #keptStart: number
  readonly #kept: readonly Float64Array[]
  readonly #words: Int32Array
  readonly #seen: Int32Array

  /** The words from `keptStart` up to `keptEnd` are kept for each thread. */
  constructor(rows: SharedArrayBuffer, rowWords: number, keptStart = 0, keptEnd = rowWords) {
    this.#words = new Int32Array(rows)
    this.#seen = new Int32Array(this.#words.length)
    this.sums = new Float64Array(rowWords)
    this.#keptStart = keptStart
    this.#kept = Array.from({ length: this.#words.length / rowWords }, () => new Float64Array(keptEnd - keptStart))
  }

  /** What one thread has in one of the words that are kept for each; a thread without a row has 0. Good after `sample`. */
  ofThread(thread: number, word: number): number {
    return this.#kept[thread]?.[word - this.#keptStart] ?? 0
  }

  /** To be called before any word can have gone round once. */
  sample(): void {
    const { sums } = this
    const rowWords = sums.length
    for (const [thread, kept] of this.#kept.entries()) {
      const row = thread * rowWords
      for (let i = 0; i < rowWords; i++) {
        const now = Atomics.load(this.#words, row + i)
        const moved = (now - this.#seen[row + i]!) >>> 0
        if (moved === 0) continue
        this.#seen[row + i] = now
        sums[i]! += moved
        const place = i - this.#keptStart
        if (place >= 0 && place < kept.length) kept[place]! += moved
      }
    }
  }
}
