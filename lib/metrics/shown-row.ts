/**
 * A row of shared words that one thread counts in: in memory of its own, of which it shows what has changed.
 *
 * A store that others see costs as much as ten that they do not, and most words of a row do not change from batch to batch.
 */
export class ShownRow {
  /** Add to these with `add`; they wrap. */
  readonly values: Uint32Array
  readonly #shown: Int32Array
  /** The words that have changed since they were last shown, and how many they are. */
  readonly #changed: Uint32Array
  readonly #isChanged: Uint8Array
  #changedCount = 0

  /** Goes on from what the row holds: the thread may be taking the place of a dead one. */
  constructor(rows: SharedArrayBuffer, rowWords: number, row: number) {
    this.values = new Uint32Array(rowWords)
    this.#shown = new Int32Array(rows, 4 * rowWords * row, rowWords)
    this.#changed = new Uint32Array(rowWords)
    this.#isChanged = new Uint8Array(rowWords)
    for (let i = 0; i < rowWords; i++) this.values[i] = Atomics.load(this.#shown, i)
  }

  add(word: number, count: number): void {
    this.values[word]! += count
    if (this.#isChanged[word] === 1) return
    this.#isChanged[word] = 1
    this.#changed[this.#changedCount++] = word
  }

  flush(): void {
    for (let i = 0; i < this.#changedCount; i++) {
      const word = this.#changed[i]!
      this.#isChanged[word] = 0
      Atomics.store(this.#shown, word, this.values[word]!)
    }
    this.#changedCount = 0
  }
}
