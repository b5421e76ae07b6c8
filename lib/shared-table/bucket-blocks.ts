import type { Arena } from './arena.js'
import {
  BLOCK_COUNT,
  BLOCK_PAIRS,
  PAIR_WORDS,
  SEGMENT_BUCKET_BITS,
  SEGMENT_BUCKET_MASK,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  UNIT_WORDS,
} from './layout.js'
import type { SegmentSet } from './segments.js'

/** The pairs of a block: where the first stands in `words`, and how many there are. */
export interface BlockPairs {
  readonly words: Int32Array
  readonly first: number
  readonly count: number
}

/** A block that has just been made: its offset, and where its pairs go. */
export interface NewBlock {
  readonly offset: number
  readonly words: Int32Array
  readonly first: number
}

/**
 * The buckets of a table, and the blocks of pairs that they lead to. For whoever writes the table. A block never changes once a
 * bucket leads to it: each method that takes pairs in or out makes another. 0 stands for a block without pairs.
 */
export class BucketBlocks {
  readonly #segments: SegmentSet
  readonly #arena: Arena

  constructor(segments: SegmentSet, arena: Arena) {
    this.#segments = segments
    this.#arena = arena
  }

  /** The block of a bucket. */
  at(bucket: number): number {
    return this.#segments.tables[bucket >>> SEGMENT_BUCKET_BITS]![bucket & SEGMENT_BUCKET_MASK]!
  }

  /** Has the bucket lead to another block, for all readers at once. */
  set(bucket: number, block: number): void {
    Atomics.store(this.#segments.tables[bucket >>> SEGMENT_BUCKET_BITS]!, bucket & SEGMENT_BUCKET_MASK, block)
  }

  pairsOf(block: number): BlockPairs {
    const words = this.#segments.arenaWords[block >>> SEGMENT_UNIT_BITS]!
    const word = (block & SEGMENT_UNIT_MASK) * UNIT_WORDS
    return { words, first: word + BLOCK_PAIRS, count: words[word + BLOCK_COUNT]! }
  }

  /** Bytes that the block was allocated with. */
  sizeOf(block: number): number {
    return blockBytes(this.pairsOf(block).count)
  }

  /** A block with room for so many pairs, which the caller fills in. */
  make(count: number): NewBlock {
    const offset = this.#arena.allocate(blockBytes(count))
    const words = this.#segments.arenaWords[offset >>> SEGMENT_UNIT_BITS]!
    const word = (offset & SEGMENT_UNIT_MASK) * UNIT_WORDS
    words[word + BLOCK_COUNT] = count
    return { offset, words, first: word + BLOCK_PAIRS }
  }

  /** A block with one pair more. */
  with(block: number, hash: number, entry: number): number {
    const count = block === 0 ? 0 : this.pairsOf(block).count
    const { offset, words, first } = this.make(count + 1)
    if (block !== 0) {
      const old = this.pairsOf(block)
      for (let i = 0; i < count * PAIR_WORDS; i++) words[first + i] = old.words[old.first + i]!
    }
    words[first + count * PAIR_WORDS] = hash
    words[first + count * PAIR_WORDS + 1] = entry
    return offset
  }

  /** A block without the pair of an entry that it has. */
  without(block: number, entry: number): number {
    const old = this.pairsOf(block)
    if (old.count === 1) return 0
    const { offset, words, first } = this.make(old.count - 1)
    let to = first
    for (let i = 0; i < old.count; i++) {
      const from = old.first + i * PAIR_WORDS
      if (old.words[from + 1] === entry) continue
      words[to] = old.words[from]!
      words[to + 1] = old.words[from + 1]!
      to += PAIR_WORDS
    }
    return offset
  }

  /** A block of those pairs whose hashes are wanted. */
  filtered(block: number, wanted: (hash: number) => boolean): number {
    if (block === 0) return 0
    const old = this.pairsOf(block)
    let count = 0
    for (let i = 0; i < old.count; i++) if (wanted(old.words[old.first + i * PAIR_WORDS]!)) count++
    if (count === 0) return 0
    const { offset, words, first } = this.make(count)
    let to = first
    for (let i = 0; i < old.count; i++) {
      const from = old.first + i * PAIR_WORDS
      if (!wanted(old.words[from]!)) continue
      words[to] = old.words[from]!
      words[to + 1] = old.words[from + 1]!
      to += PAIR_WORDS
    }
    return offset
  }
}

function blockBytes(count: number): number {
  return 4 * (BLOCK_PAIRS + count * PAIR_WORDS)
}
