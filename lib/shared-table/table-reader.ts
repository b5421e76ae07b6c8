import { ContainerDnsError } from '../errors.js'
import {
  BLOCK_COUNT,
  BLOCK_PAIRS,
  bucketOf,
  CONTROL_BUCKET_COUNT,
  CONTROL_MAGIC,
  CONTROL_SEED,
  CONTROL_VERSION,
  ENTRY_HEADER_WORDS,
  ENTRY_KEY_LENGTH_MASK,
  keyWords,
  PAIR_WORDS,
  SEGMENT_BUCKET_BITS,
  SEGMENT_BUCKET_MASK,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  SEGMENT_UNITS,
  TABLE_MAGIC,
  TABLE_VERSION,
  UNIT_WORDS,
} from './layout.js'
import type { SegmentSet } from './segments.js'

/**
 * Looks keys up without a lock. Any thread may have one; between `ReaderSlot.enter` and `leave` what it found stays as it is.
 *
 * After `find` has returned true, `words` and `bytes` are the segment of the entry, and `payloadWord` is where its payload begins.
 */
export class TableReader {
  readonly control: Int32Array
  readonly seed: number
  words: Int32Array = NO_WORDS
  bytes: Uint8Array = NO_BYTES
  payloadWord = 0
  readonly #segments: SegmentSet
  /** The buckets there were when this reader last looked; since then there can only be more. */
  #bucketCount: number
  #pair = 0
  /** The number, in its batch, of the query for which keys are looked up now. With a wrong one nothing is found ahead, and nothing wrong. */
  inHand = 0
  readonly #expected = new Int32Array(MAX_EXPECTED)
  /** What `prefetch` has found for them: blocks first, and in the end entries, 0 for none. */
  readonly #ahead = new Int32Array(MAX_EXPECTED)
  /** How many of these were found since the reader's slot was entered. */
  #aheadCount = 0
  /** What was read ahead has to go somewhere, or the compiler would leave out reading it. */
  prefetched = 0

  /** Throws CDNS_THREAD_FAILED when the control block is not one of this version. */
  constructor(control: Int32Array, segments: SegmentSet) {
    if (control[CONTROL_MAGIC] !== TABLE_MAGIC || control[CONTROL_VERSION] !== TABLE_VERSION) {
      throw new ContainerDnsError(
        'CDNS_THREAD_FAILED',
        'the shared memory is not laid out as this version of the library lays it out',
      )
    }
    this.control = control
    this.seed = control[CONTROL_SEED]!
    this.#segments = segments
    this.#bucketCount = Atomics.load(control, CONTROL_BUCKET_COUNT)
  }

  /** Finds the entry of a key of `length` bytes, which begins with `key` and is padded with zeros. `hash` is the key's, made with `seed`. */
  find(hash: number, key: Int32Array, length: number): boolean {
    const { inHand } = this
    if (inHand < this.#aheadCount && this.#expected[inHand] === hash) {
      const entry = this.#ahead[inHand]!
      // It was the key's when the batch was taken, and stays as it was as long as the reader's slot is entered.
      if (entry !== 0 && this.#open(entry, key, length)) return true
    }
    for (;;) {
      const bucket = bucketOf(hash, this.#bucketCount)
      const number = bucket >>> SEGMENT_BUCKET_BITS
      const table = this.#segments.tables[number] ?? this.#segments.fetchTable(number)
      const block = Atomics.load(table, bucket & SEGMENT_BUCKET_MASK)
      if (block !== 0 && this.#search(block, hash, key, length)) return true
      // A split moves keys to a new bucket, says so in the count, and then takes them from the old one. What was found
      // is right whatever the count; who missed and sees another count looks again.
      const bucketCount = Atomics.load(this.control, CONTROL_BUCKET_COUNT)
      if (bucketCount === this.#bucketCount) return false
      this.#bucketCount = bucketCount
    }
  }

  /** Announces that a key of this hash will be looked up as number `i` of a batch, so that `prefetch` can read ahead for it. */
  expect(i: number, hash: number): void {
    this.#expected[i] = hash
  }

  /**
   * Reads what look-ups 0 to `count - 1` will read: then it is in the processor's caches. Of entries it remembers the places, so that a
   * look-up by the same hash begins there, and need not go through the bucket again.
   *
   * Each loop does one step for all, so that its reads from memory are independent of each other, and wait together. In a
   * table larger than the caches a look-up waits three times otherwise, once for each step. Of what is not found nothing is
   * remembered, so that a wrong bucket does no harm.
   */
  prefetch(count: number): void {
    const { arenaWords, tables } = this.#segments
    const hashes = this.#expected
    const ahead = this.#ahead
    let sum = 0
    for (let i = 0; i < count; i++) {
      const bucket = bucketOf(hashes[i]!, this.#bucketCount)
      const table = tables[bucket >>> SEGMENT_BUCKET_BITS]
      ahead[i] = table === undefined ? 0 : Atomics.load(table, bucket & SEGMENT_BUCKET_MASK)
    }
    for (let i = 0; i < count; i++) {
      const block = ahead[i]!
      const words = arenaWords[block >>> SEGMENT_UNIT_BITS]
      if (words !== undefined) sum += words[(block & SEGMENT_UNIT_MASK) * UNIT_WORDS + BLOCK_COUNT]!
    }
    for (let i = 0; i < count; i++) ahead[i] = this.#entryOf(ahead[i]!, hashes[i]!)
    for (let i = 0; i < count; i++) {
      const entry = ahead[i]!
      const words = arenaWords[entry >>> SEGMENT_UNIT_BITS]
      const word = (entry & SEGMENT_UNIT_MASK) * UNIT_WORDS
      if (words !== undefined) sum += words[word]! + words[(word + ENTRY_SECOND_LINE) & SEGMENT_WORD_MASK]!
    }
    this.#aheadCount = count
    this.prefetched = sum | 0
  }

  /** When the reader's slot is left: the places that were read ahead may be those of other keys from then on. */
  forget(): void {
    this.#aheadCount = 0
  }

  /** The entry that a bucket block has for a hash, whatever its key; 0 for none, and without a block. */
  #entryOf(block: number, hash: number): number {
    const words = this.#segments.arenaWords[block >>> SEGMENT_UNIT_BITS]
    if (block === 0 || words === undefined) return 0
    const first = (block & SEGMENT_UNIT_MASK) * UNIT_WORDS
    const end = first + BLOCK_PAIRS + words[first + BLOCK_COUNT]! * PAIR_WORDS
    for (let pair = first + BLOCK_PAIRS; pair < end; pair += PAIR_WORDS) {
      if (words[pair] === hash) return Atomics.load(words, pair + 1)
    }
    return 0
  }

  /** Buckets as they are now; `visitBucket` for each of them meets every entry once, however the table grows in between. */
  get bucketCount(): number {
    return Atomics.load(this.control, CONTROL_BUCKET_COUNT)
  }

  /**
   * Calls `visit` with each entry in a bucket, and in the buckets that have been split off it since there were `bucketCount`
   * of them: its hash, the word of its header and the segment. For a walk in the writer's thread, `visit` may publish and remove;
   * in any, the reader's slot must be entered. The entries are those that stood there before the first call.
   */
  visitBucket(bucket: number, bucketCount: number, visit: EntryVisitor): void {
    const stride = strideOf(bucket, bucketCount)
    let found: number[]
    let count: number
    do {
      count = this.bucketCount
      found = []
      for (let b = bucket; b < count; b += stride) this.#collect(b, count, found)
      // A split in between may have taken entries from a bucket before it was looked at to one that is not among these.
    } while (count !== this.bucketCount)
    for (let i = 0; i < found.length; i += PAIR_WORDS) {
      const entry = found[i + 1]!
      const words = this.#arena(entry)
      const bytes = this.#segments.arenaBytes[entry >>> SEGMENT_UNIT_BITS]!
      visit(found[i]!, (entry & SEGMENT_UNIT_MASK) * UNIT_WORDS, words, bytes)
    }
  }

  /** Adds the pairs of a bucket. Those that a split is just taking away stand in the upper bucket already, and not twice. */
  #collect(bucket: number, bucketCount: number, found: number[]): void {
    const table = this.#segments.fetchTable(bucket >>> SEGMENT_BUCKET_BITS)
    const block = Atomics.load(table, bucket & SEGMENT_BUCKET_MASK)
    if (block === 0) return
    const words = this.#arena(block)
    const first = (block & SEGMENT_UNIT_MASK) * UNIT_WORDS
    const end = first + BLOCK_PAIRS + words[first + BLOCK_COUNT]! * PAIR_WORDS
    for (let pair = first + BLOCK_PAIRS; pair < end; pair += PAIR_WORDS) {
      if (bucketOf(words[pair]!, bucketCount) === bucket) found.push(words[pair]!, Atomics.load(words, pair + 1))
    }
  }

  /** For the writer: the word of the pair that names the key's entry, in `words`; -1 without one. */
  findPair(hash: number, key: Int32Array, length: number): number {
    const bucket = bucketOf(hash, this.control[CONTROL_BUCKET_COUNT]!)
    const block = this.#segments.tables[bucket >>> SEGMENT_BUCKET_BITS]![bucket & SEGMENT_BUCKET_MASK]!
    if (block === 0 || !this.#search(block, hash, key, length)) return -1
    this.words = this.#arena(block)
    return this.#pair
  }

  #search(block: number, hash: number, key: Int32Array, length: number): boolean {
    const words = this.#arena(block)
    const first = (block & SEGMENT_UNIT_MASK) * UNIT_WORDS
    const end = first + BLOCK_PAIRS + words[first + BLOCK_COUNT]! * PAIR_WORDS
    for (let pair = first + BLOCK_PAIRS; pair < end; pair += PAIR_WORDS) {
      if (words[pair] === hash && this.#open(Atomics.load(words, pair + 1), key, length)) {
        this.#pair = pair
        return true
      }
    }
    return false
  }

  #open(entry: number, key: Int32Array, length: number): boolean {
    const words = this.#arena(entry)
    const word = (entry & SEGMENT_UNIT_MASK) * UNIT_WORDS
    if ((words[word]! & ENTRY_KEY_LENGTH_MASK) !== length) return false
    // Whole words, not bytes: a tenth less for a whole query in QueryPipeline (50 000 names, 2026-11).
    const keyAt = word + ENTRY_HEADER_WORDS
    const count = keyWords(length)
    for (let i = 0; i < count; i++) if (words[keyAt + i] !== key[i]) return false
    this.words = words
    this.bytes = this.#segments.arenaBytes[entry >>> SEGMENT_UNIT_BITS]!
    this.payloadWord = keyAt + count
    return true
  }

  #arena(offset: number): Int32Array {
    const number = offset >>> SEGMENT_UNIT_BITS
    const words = this.#segments.arenaWords[number]
    if (words !== undefined) return words
    this.#segments.fetchArena(number)
    return this.#segments.arenaWords[number]!
  }
}

export type EntryVisitor = (hash: number, entryWord: number, words: Int32Array, bytes: Uint8Array) => void

/** From a bucket to those split off it. Buckets that had been split by then were told apart by one more bit of the hash. */
function strideOf(bucket: number, bucketCount: number): number {
  const half = 1 << (31 - Math.clz32(bucketCount))
  return bucket < bucketCount - half || bucket >= half ? 2 * half : half
}

/** Look-ups in a batch. */
const MAX_EXPECTED = 64
/** An ordinary entry lies on two cache lines of 64 bytes. */
const ENTRY_SECOND_LINE = 14
const SEGMENT_WORD_MASK = SEGMENT_UNITS * UNIT_WORDS - 1

const NO_WORDS = new Int32Array(0)
const NO_BYTES = new Uint8Array(0)
