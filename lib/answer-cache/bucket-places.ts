import { keyWords } from '../shared-table/layout.js'
import type { FoldedName } from '../wire/folded-name.js'
import {
  BUCKET_HITS,
  BUCKET_WORDS,
  ENTRY_NAME,
  ENTRY_TYPE_AND_CLASS,
  ENTRY_VIEW_FLAGS_LENGTH,
  NAME_LENGTH_MASK,
  WAYS,
} from './layout.js'

/** The places in the buckets as the writer sees them: place `id` is way `id % WAYS` of bucket `id / WAYS`. What stands in them, and what readers have marked. */
export class BucketPlaces {
  /** Behind the last bucket, in words. */
  readonly end: number
  readonly #words: Int32Array
  readonly #start: number

  constructor(words: Int32Array, start: number, bucketCount: number) {
    this.#words = words
    this.#start = start
    this.end = start + bucketCount * BUCKET_WORDS
  }

  /** Unlinks whatever there is. */
  clear(): void {
    const words = this.#words
    for (let word = this.#start; word < this.end; word++) {
      if (Atomics.load(words, word) !== 0) Atomics.store(words, word, 0)
    }
  }

  /** Where the pair of a place stands. */
  pairOf(id: number): number {
    const bucket = Math.floor(id / WAYS)
    return this.#start + bucket * BUCKET_WORDS + 2 * (id - bucket * WAYS)
  }

  /** Whether a reader has had its entry lately. */
  isHit(id: number): boolean {
    const bucket = Math.floor(id / WAYS)
    const hits = Atomics.load(this.#words, this.#start + bucket * BUCKET_WORDS + BUCKET_HITS)
    return (hits & (1 << (id - bucket * WAYS))) !== 0
  }

  /** `marks` is BUCKET_HITS or BUCKET_CLAIMS. */
  clearMark(id: number, marks: number): void {
    const bucket = Math.floor(id / WAYS)
    const word = this.#start + bucket * BUCKET_WORDS + marks
    const bit = 1 << (id - bucket * WAYS)
    if ((Atomics.load(this.#words, word) & bit) !== 0) Atomics.and(this.#words, word, ~bit)
  }

  /** The hits of a bucket, a bit for each way, which are cleared. */
  takeHits(bucket: number): number {
    const words = this.#words
    const word = this.#start + bucket * BUCKET_WORDS + BUCKET_HITS
    const hits = Atomics.load(words, word)
    if (hits !== 0) Atomics.and(words, word, ~hits)
    return hits
  }

  hasSameKey(entry: number, other: number): boolean {
    const words = this.#words
    if (words[entry + ENTRY_TYPE_AND_CLASS] !== words[other + ENTRY_TYPE_AND_CLASS]) return false
    const viewFlags = words[entry + ENTRY_VIEW_FLAGS_LENGTH]!
    if (viewFlags !== words[other + ENTRY_VIEW_FLAGS_LENGTH]) return false
    const count = keyWords(viewFlags & NAME_LENGTH_MASK)
    for (let i = ENTRY_NAME; i < ENTRY_NAME + count; i++) if (words[entry + i] !== words[other + i]) return false
    return true
  }

  isOfName(entry: number, name: FoldedName): boolean {
    const words = this.#words
    if (entry === 0 || (words[entry + ENTRY_VIEW_FLAGS_LENGTH]! & NAME_LENGTH_MASK) !== name.length) return false
    const count = keyWords(name.length)
    for (let i = 0; i < count; i++) if (words[entry + ENTRY_NAME + i] !== name.words[i]) return false
    return true
  }
}
