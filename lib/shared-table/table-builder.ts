import { Arena, newSharedMemory } from './arena.js'
import { BucketBlocks } from './bucket-blocks.js'
import { newControlBlock } from './control-block.js'
import {
  BLOCK_PAIRS,
  BUCKETS_PER_SEGMENT,
  bucketOf,
  ENTRY_SIZE_SHIFT,
  INITIAL_BUCKETS,
  MAX_LOAD,
  PAIR_WORDS,
  SEGMENT_BUCKET_BITS,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  UNIT_BYTES,
  UNIT_WORDS,
} from './layout.js'
import { SegmentSet } from './segments.js'
import type { TableImage } from './table-image.js'

/**
 * Makes a table of entries whose keys are known to differ. Nothing is looked up, no bucket is split and nothing retired: each
 * bucket gets its block once, when all is there. A third of the time that a `TableWriter` takes for the same.
 */
export class TableBuilder {
  /** Where `add` has put the new entry: fill `words` from `entryWord` + 1 on with key and payload. */
  words: Int32Array = new Int32Array(0)
  entryWord = 0
  readonly #seed: number
  readonly #segments = new SegmentSet([], () => undefined)
  readonly #arena = new Arena(this.#segments, () => {})
  readonly #blocks = new BucketBlocks(this.#segments, this.#arena)
  #pairs: Int32Array
  #count = 0

  /** Takes more than was expected, at the price of a copy. */
  constructor(seed: number, expectedEntries: number) {
    this.#seed = seed
    this.#pairs = new Int32Array(PAIR_WORDS * Math.max(1, expectedEntries))
  }

  /** Makes room for an entry of so many bytes, header and key included. */
  add(hash: number, keyLength: number, bytes: number): void {
    const at = PAIR_WORDS * this.#count++
    if (at === this.#pairs.length) this.#grow()
    const size = Arena.roundUp(bytes)
    const offset = this.#arena.allocate(size)
    this.#pairs[at] = hash
    this.#pairs[at + 1] = offset
    this.words = this.#segments.arenaWords[offset >>> SEGMENT_UNIT_BITS]!
    this.entryWord = (offset & SEGMENT_UNIT_MASK) * UNIT_WORDS
    this.words[this.entryWord] = ((size / UNIT_BYTES) << ENTRY_SIZE_SHIFT) | keyLength
  }

  /** The table. The builder must not be used any more. */
  image(): TableImage {
    const bucketCount = Math.max(INITIAL_BUCKETS, Math.ceil(this.#count / MAX_LOAD))
    for (let number = 0; number <= (bucketCount - 1) >>> SEGMENT_BUCKET_BITS; number++) {
      this.#segments.add({ kind: 'table', number, buffer: newSharedMemory(4 * BUCKETS_PER_SEGMENT) })
    }
    this.#fillBuckets(bucketCount)
    return {
      // With one reader slot, for whoever looks at the image.
      control: newControlBlock(this.#seed, 1, bucketCount).buffer as SharedArrayBuffer,
      segments: this.#segments.list(),
      arena: this.#arena.books,
      bucketCount,
      entryCount: this.#count,
    }
  }

  /** Calls `visit` for each entry in the order in which they were added, which is the order of their places in memory. */
  visitAll(visit: (entryWord: number, words: Int32Array, bytes: Uint8Array) => void): void {
    const { arenaBytes, arenaWords } = this.#segments
    const end = PAIR_WORDS * this.#count
    for (let at = 0; at < end; at += PAIR_WORDS) {
      const entry = this.#pairs[at + 1]!
      const number = entry >>> SEGMENT_UNIT_BITS
      visit((entry & SEGMENT_UNIT_MASK) * UNIT_WORDS, arenaWords[number]!, arenaBytes[number]!)
    }
  }

  #fillBuckets(bucketCount: number): void {
    const sizes = new Int32Array(bucketCount)
    const end = PAIR_WORDS * this.#count
    for (let at = 0; at < end; at += PAIR_WORDS) sizes[bucketOf(this.#pairs[at]!, bucketCount)]!++
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      if (sizes[bucket]! > 0) this.#blocks.set(bucket, this.#blocks.make(sizes[bucket]!).offset)
    }
    // From now on how many pairs of the bucket have their place.
    sizes.fill(0)
    for (let at = 0; at < end; at += PAIR_WORDS) {
      const bucket = bucketOf(this.#pairs[at]!, bucketCount)
      // Without an object for each pair, which would double the time of it all (2026-11).
      const block = this.#blocks.at(bucket)
      const words = this.#segments.arenaWords[block >>> SEGMENT_UNIT_BITS]!
      const pair = (block & SEGMENT_UNIT_MASK) * UNIT_WORDS + BLOCK_PAIRS + PAIR_WORDS * sizes[bucket]!++
      words[pair] = this.#pairs[at]!
      words[pair + 1] = this.#pairs[at + 1]!
    }
  }

  #grow(): void {
    const grown = new Int32Array(2 * this.#pairs.length)
    grown.set(this.#pairs)
    this.#pairs = grown
  }
}
