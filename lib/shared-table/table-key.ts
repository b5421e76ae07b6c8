import { keyWords, MAX_KEY_LENGTH } from './layout.js'

/** A key as tables compare it: in whole words, the last one padded with zeros. Made once and set again for each key. */
export class TableKey {
  readonly words = new Int32Array(keyWords(MAX_KEY_LENGTH))
  /** In bytes, 1 to 255. */
  length = 0
  readonly #bytes = new Uint8Array(this.words.buffer)

  set(source: Uint8Array, start: number, length: number): void {
    this.words[keyWords(length) - 1] = 0
    for (let i = 0; i < length; i++) this.#bytes[i] = source[start + i]!
    this.length = length
  }
}
