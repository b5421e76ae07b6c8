import { Arena, newSharedMemory } from './arena.js'
import { BucketBlocks } from './bucket-blocks.js'
import { newControlBlock } from './control-block.js'
import { advanceEpoch, hasReached } from './epochs.js'
import {
  BUCKETS_PER_SEGMENT,
  bucketOf,
  CONTROL_BUCKET_COUNT,
  CONTROL_EPOCH,
  ENTRY_HEADER_WORDS,
  ENTRY_SIZE_SHIFT,
  INITIAL_BUCKETS,
  keyWords,
  MAX_LOAD,
  SEGMENT_BUCKET_BITS,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  UNIT_BYTES,
  UNIT_WORDS,
} from './layout.js'
import { RetiredBlocks } from './retired.js'
import { type Segment, SegmentSet } from './segments.js'
import type { TableImage } from './table-image.js'
import { TableKey } from './table-key.js'
import { TableReader } from './table-reader.js'

export interface TableOptions {
  /** Threads that may read at the same time. */
  readonly readers: number
  /** What hashes of keys are made with. */
  readonly seed: number
  /** Called before anything in a new segment is published: post it to every reader, then return. */
  readonly onSegment: (segment: Segment) => void
}

/** Retired blocks are looked through after this many; an epoch then covers a few milliseconds of writing. */
const RECLAIM_EVERY = 256
/** And no more than this are given back at once: some 0.1 ms, though a reader may have held up a million of them. */
const RECLAIM_AT_MOST = 16 * RECLAIM_EVERY
/** What a put takes besides its payload: header and key, its bucket's block, the two blocks of a split; each several times its usual size. */
const OVERHEAD_BYTES = 1024

/**
 * The one writer of a table. Only the thread that made it may call it, and nothing in it waits.
 *
 * An entry is written into free bytes, then published with one atomic store; a reader sees the old entry or the new one,
 * never a mixture. What has been unlinked is reused when no reader can see it any more. The table grows by splitting one
 * bucket at a time, so no call takes long.
 */
export class TableWriter {
  readonly control: Int32Array
  readonly segments: SegmentSet
  /** Sees everything that was published; for the writer's own thread. */
  readonly reader: TableReader
  /** Where `begin` has put the new entry: fill `words` and `bytes` from `payloadWord` on. */
  words: Int32Array
  bytes: Uint8Array
  payloadWord = 0

  readonly #arena: Arena
  readonly #blocks: BucketBlocks
  readonly #retired = new RetiredBlocks()
  readonly #onSegment: (segment: Segment) => void
  readonly #release: (offset: number, bytes: number) => void
  #bucketCount = INITIAL_BUCKETS
  #entryCount = 0
  readonly #key = new TableKey()
  #begun = 0
  #retiredSinceReclaim = 0
  #retiredBytes = 0

  constructor(options: TableOptions) {
    this.control = newControlBlock(options.seed, options.readers, this.#bucketCount)
    this.#onSegment = options.onSegment
    this.segments = new SegmentSet([], () => undefined)
    this.#arena = new Arena(this.segments, options.onSegment)
    this.#blocks = new BucketBlocks(this.segments, this.#arena)
    this.#release = (offset, bytes) => {
      this.#retiredBytes -= Arena.roundUp(bytes)
      this.#arena.free(offset, bytes)
    }
    this.#addTableSegment(0)
    this.reader = new TableReader(this.control, this.segments)
    this.words = this.segments.tables[0]!
    this.bytes = new Uint8Array(0)
  }

  get entryCount(): number {
    return this.#entryCount
  }

  /** Bytes of bucket words, entries and bucket blocks in use; what is retired but not yet reused counts too. */
  get usedBytes(): number {
    return this.#arena.usedBytes + 4 * this.#bucketCount
  }

  /** Bytes that wait for readers to move on. */
  get retiredBytes(): number {
    return this.#retiredBytes
  }

  /** Bytes of all segments. */
  get allocatedBytes(): number {
    return this.segments.allocatedBytes
  }

  /**
   * Sees to it that so many puts, with so many bytes of payload together, cannot fail half-way; up to half a segment
   * of payload, and 256 puts.
   *
   * Throws CDNS_SHARED_MEMORY_FULL, and nothing has changed. Removing goes on then: it lives on what was reserved.
   */
  reserve(entryCount: number, payloadBytes: number): void {
    this.#arena.reserve(Arena.roundUp(payloadBytes) + entryCount * OVERHEAD_BYTES)
    const lastTable = (this.#bucketCount + entryCount) >>> SEGMENT_BUCKET_BITS
    if (lastTable === this.segments.tables.length) this.#addTableSegment(lastTable)
  }

  /**
   * Starts an entry with room for so many bytes of payload; the caller fills it, then calls `publish`. Nobody sees it before.
   *
   * A key has 1 to 255 bytes.
   */
  begin(key: Uint8Array, length: number, payloadBytes: number): void {
    this.#key.set(key, 0, length)
    const headWords = ENTRY_HEADER_WORDS + keyWords(length)
    const size = Arena.roundUp(4 * headWords + payloadBytes)
    const offset = this.#arena.allocate(size)
    const word = this.#open(offset)
    this.words[word] = ((size / UNIT_BYTES) << ENTRY_SIZE_SHIFT) | length
    for (let i = ENTRY_HEADER_WORDS; i < headWords; i++) this.words[word + i] = this.#key.words[i - ENTRY_HEADER_WORDS]!
    this.payloadWord = word + headWords
    this.#begun = offset
  }

  /** Makes the entry that `begin` started the one of its key, in the place of an older one if there is one. `hash` is the key's. */
  publish(hash: number): void {
    const pair = this.reader.findPair(hash, this.#key.words, this.#key.length)
    if (pair >= 0) {
      const words = this.reader.words
      const old = words[pair + 1]!
      Atomics.store(words, pair + 1, this.#begun)
      this.#retireEntry(old)
      return
    }
    this.#insert(hash, this.#begun)
    this.#entryCount++
    if (this.#entryCount > MAX_LOAD * this.#bucketCount) this.#split()
  }

  /** Whether there was such a key. */
  remove(hash: number, key: Uint8Array, length: number): boolean {
    this.#key.set(key, 0, length)
    const pair = this.reader.findPair(hash, this.#key.words, length)
    if (pair < 0) return false
    const entry = this.reader.words[pair + 1]!
    const bucket = bucketOf(hash, this.#bucketCount)
    const block = this.#blocks.at(bucket)
    this.#blocks.set(bucket, this.#blocks.without(block, entry))
    this.#retireBlock(block)
    this.#retireEntry(entry)
    this.#entryCount--
    return true
  }

  /** Ends the epoch: everything written before is what a reader sees that enters in the returned epoch or later. */
  seal(): number {
    const epoch = advanceEpoch(this.control)
    this.reclaim()
    return epoch
  }

  /** Whether every reader is idle or has entered since `seal` returned this epoch. */
  isSettled(epoch: number): boolean {
    return hasReached(this.control, epoch)
  }

  /** Gives back what no reader can see any more, oldest first, a bounded number at a time. */
  reclaim(): void {
    this.#retiredSinceReclaim = 0
    let reached = 0
    for (let given = 0; given < RECLAIM_AT_MOST && this.#retired.count > 0; given++) {
      const epoch = this.#retired.oldestEpoch
      if (epoch !== reached) {
        // Unlinked during this epoch, so readers of the next one cannot have met it.
        if (!hasReached(this.control, (epoch + 1) | 0 || 1)) return
        reached = epoch
      }
      this.#retired.shift(this.#release)
    }
  }

  get bucketCount(): number {
    return this.#bucketCount
  }

  /** Whether nothing has ever been put, so that `adopt` may be called. */
  get isUntouched(): boolean {
    return this.segments.arenaWords.length === 0
  }

  /** The table as it stands, for another thread; this writer must not be used any more. No reader may be entered. */
  image(): TableImage {
    while (this.#retired.count > 0) this.seal()
    return {
      control: this.control.buffer as SharedArrayBuffer,
      segments: this.segments.list(),
      arena: this.#arena.books,
      bucketCount: this.#bucketCount,
      entryCount: this.#entryCount,
    }
  }

  /**
   * Takes over a table that was built elsewhere with the same seed, memory and all: a step for each segment, and then one that
   * copies the bucket words. What is in it is not looked at. Only on a table that `isUntouched`, with nothing put between the steps.
   *
   * Until the last step nothing can be found; during it a reader may find some keys and not others, so none may look yet.
   */
  *adopt(image: TableImage): Generator<void, void> {
    if (!this.isUntouched) throw new Error('a table that has been written to cannot take over another')
    for (const segment of image.segments) {
      // Readers have a first table segment already, and no way to be given another in its place.
      if (segment.kind === 'table' && segment.number === 0) continue
      this.segments.add(segment)
      this.#onSegment(segment)
      yield
    }
    this.#arena.adopt(image.arena)
    const buckets = image.segments.find(({ kind, number }) => kind === 'table' && number === 0)!
    this.segments.tables[0]!.set(new Int32Array(buckets.buffer))
    this.#entryCount = image.entryCount
    this.#bucketCount = image.bucketCount
    Atomics.store(this.control, CONTROL_BUCKET_COUNT, this.#bucketCount)
  }

  #insert(hash: number, entry: number): void {
    const bucket = bucketOf(hash, this.#bucketCount)
    const block = this.#blocks.at(bucket)
    this.#blocks.set(bucket, this.#blocks.with(block, hash, entry))
    if (block !== 0) this.#retireBlock(block)
  }

  /**
   * Splits the bucket whose turn it is. The order of the three stores is what `TableReader.find` counts on; what can fail
   * comes before the first.
   */
  #split(): void {
    const topBit = 31 - Math.clz32(this.#bucketCount)
    const lower = this.#bucketCount - (1 << topBit)
    const upper = this.#bucketCount
    const upperSegment = upper >>> SEGMENT_BUCKET_BITS
    if (upperSegment === this.segments.tables.length) this.#addTableSegment(upperSegment)
    const block = this.#blocks.at(lower)
    const goesUp = (hash: number) => bucketOf(hash, upper + 1) === upper
    const upperBlock = this.#blocks.filtered(block, goesUp)
    const lowerBlock = this.#blocks.filtered(block, (hash) => !goesUp(hash))
    this.#blocks.set(upper, upperBlock)
    this.#bucketCount = upper + 1
    Atomics.store(this.control, CONTROL_BUCKET_COUNT, this.#bucketCount)
    this.#blocks.set(lower, lowerBlock)
    if (block !== 0) this.#retireBlock(block)
  }

  #retireEntry(entry: number): void {
    const word = this.segments.arenaWords[entry >>> SEGMENT_UNIT_BITS]![(entry & SEGMENT_UNIT_MASK) * UNIT_WORDS]!
    this.#retire(entry, (word >>> ENTRY_SIZE_SHIFT) * UNIT_BYTES)
  }

  #retireBlock(block: number): void {
    this.#retire(block, this.#blocks.sizeOf(block))
  }

  #retire(offset: number, bytes: number): void {
    this.#retired.push(offset, bytes, Atomics.load(this.control, CONTROL_EPOCH))
    this.#retiredBytes += Arena.roundUp(bytes)
    if (++this.#retiredSinceReclaim >= RECLAIM_EVERY) this.seal()
  }

  #open(offset: number): number {
    const number = offset >>> SEGMENT_UNIT_BITS
    this.words = this.segments.arenaWords[number]!
    this.bytes = this.segments.arenaBytes[number]!
    return (offset & SEGMENT_UNIT_MASK) * UNIT_WORDS
  }

  #addTableSegment(number: number): void {
    const segment: Segment = { kind: 'table', number, buffer: newSharedMemory(4 * BUCKETS_PER_SEGMENT) }
    this.segments.add(segment)
    this.#onSegment(segment)
  }
}
