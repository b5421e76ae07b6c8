import { ENTRY_HEADER_WORDS, keyWords } from '../shared-table/layout.js'
import { TableBuilder } from '../shared-table/table-builder.js'
import { hashName } from '../wire/name.js'
import type { IndexImage } from './index-image.js'
import { CHILDREN } from './layout.js'
import { RecordIndexWriter } from './record-index-writer.js'

/** Makes an index image from entries that another index has given out (`RecordIndexReader.visitBucket`), each name once. */
export class RecordIndexBuilder {
  readonly #seed: number
  readonly #table: TableBuilder

  constructor(seed: number, expectedNames: number) {
    this.#seed = seed
    this.#table = new TableBuilder(seed, expectedNames)
  }

  /**
   * Adds an entry with RRsets. Its words stand at `word` as in a table: a word of no account, the key, the payload; `bytes` are those
   * of the same memory.
   */
  add(words: Int32Array, bytes: Uint8Array, word: number, wordCount: number, keyLength: number): void {
    const hash = hashName(bytes, 4 * (word + ENTRY_HEADER_WORDS), keyLength, this.#seed)
    const table = this.#table
    table.add(hash, keyLength, 4 * wordCount)
    const target = table.words
    const at = table.entryWord
    for (let i = ENTRY_HEADER_WORDS; i < wordCount; i++) target[at + i] = words[word + i]!
    target[at + ENTRY_HEADER_WORDS + keyWords(keyLength) + CHILDREN] = 0
  }

  /** The index, empty non-terminals and all. The builder must not be used any more. */
  image(): IndexImage {
    const index = new RecordIndexWriter({ readers: 0, seed: this.#seed, serial: 0, onSegment: () => {} })
    index.adoptOrphans(this.#table)
    return index.image()
  }
}
