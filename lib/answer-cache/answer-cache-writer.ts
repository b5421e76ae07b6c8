import { advanceEpoch, hasReached } from '../shared-table/epochs.js'
import { RetiredBlocks } from '../shared-table/retired.js'
import type { FoldedName } from '../wire/folded-name.js'
import { type AnswerCacheHandle, type AnswerCacheSize, readSize } from './answer-cache-memory.js'
import { AnswerCacheReader } from './answer-cache-reader.js'
import { BucketPlaces } from './bucket-places.js'
import { type AnswerToKeep, EntryDrawing, entryBytes, isWhole } from './entry-drawing.js'
import { Eviction, NOBODY } from './eviction.js'
import {
  BUCKET_CLAIMS,
  BUCKET_HITS,
  bucketsStart,
  CONTROL_BUCKET_COUNT,
  CONTROL_BYTES,
  CONTROL_ENTRIES,
  CONTROL_EPOCH,
  CONTROL_EVICTED,
  CONTROL_EXPIRED,
  CONTROL_GENERATION,
  CONTROL_MAX_ENTRIES,
  CONTROL_PAGE_BYTES,
  CONTROL_READER_COUNT,
  CONTROL_REFUSED,
  CONTROL_STORED,
  CONTROL_WRITER,
  ENTRY_GENERATION,
  ENTRY_SLOT,
  ENTRY_STALE_UNTIL,
  ENTRY_STORED_AT,
  hashKey,
  PAIR_ENTRY,
  typeAndClass,
  viewFlagsLength,
  WAYS,
} from './layout.js'
import { PageMemory } from './page-memory.js'

/** Free pages that are kept for when all else is still being read: this part of all. */
const RESERVED_PART = 32
/** An epoch ends after this part of a page was retired in it, so that it can be used again soon; an epoch costs each reader a cache miss. */
const SEALED_PART = 8
/** Before answers leave for one more of their size there are blocks of this part of a page that are free, or retired: more than in one epoch. */
const SPARE_PART = 4
/** Blocks that are given back at once, at most. */
const RECLAIM_AT_MOST = 1024
/** Answers that leave for one that comes, before the page of one of them is cleared for it. */
const MOST_EVICTIONS = 8
/** Popular answers that are passed over in the search for one that may leave. */
const MOST_CHANCES = 256
/** Buckets for one call of `sweep`: some 50 µs. */
const BUCKETS_PER_SWEEP = 1024

/**
 * The one writer of the answer cache. Belongs to the forward thread; nothing in it waits, and no call takes longer than the work of a page.
 *
 * A writer begins with an empty cache, whatever its predecessor has left in the memory: to readers that is gone at once, and its bytes are
 * not used again before each of them has left the epoch. A writer that has a successor does nothing any more.
 */
export class AnswerCacheWriter {
  /** For the forward thread's own look-ups; entered and left as by others. */
  readonly reader: AnswerCacheReader
  readonly #words: Int32Array
  readonly #drawing: EntryDrawing
  readonly #number: number
  readonly #places: BucketPlaces
  readonly #bucketCount: number
  readonly #maxEntries: number
  readonly #pages: PageMemory
  readonly #reservedPages: number
  readonly #eviction: Eviction
  readonly #retired = new RetiredBlocks()
  readonly #free: (block: number) => void
  /** Of each place in a bucket, for `flush`. */
  readonly #nameHashes: Int32Array
  /** From this epoch on nobody reads what the predecessor has left; 0 = that is so. */
  #cleanFrom: number
  #generation: number
  #entries = 0
  /** What was stored last. */
  #newest = NOBODY
  /** Retired in this epoch. */
  #bytesToSeal = 0
  #nextToSweep = 0

  constructor(handle: AnswerCacheHandle) {
    const words = new Int32Array(handle.memory)
    this.reader = AnswerCacheReader.open(handle)
    this.#words = words
    this.#drawing = new EntryDrawing(handle.memory)
    this.#bucketCount = words[CONTROL_BUCKET_COUNT]!
    this.#places = new BucketPlaces(words, bucketsStart(words[CONTROL_READER_COUNT]!), this.#bucketCount)
    this.#maxEntries = words[CONTROL_MAX_ENTRIES]!
    const pages = new PageMemory(words, this.#places.end, words[CONTROL_PAGE_BYTES]!)
    this.#pages = pages
    this.#reservedPages = Math.ceil(pages.pageCount / RESERVED_PART)
    this.#eviction = new Eviction(this.#maxEntries)
    this.#nameHashes = new Int32Array(this.#bucketCount * WAYS)
    this.#free = (block) => this.#pages.free(block)
    this.#number = (Atomics.add(words, CONTROL_WRITER, 1) + 1) | 0
    this.#generation = (Atomics.add(words, CONTROL_GENERATION, 1) + 1) | 0
    this.#places.clear()
    // From now on nobody can have found what was there.
    this.#cleanFrom = advanceEpoch(words)
    this.#saySize()
  }

  get size(): AnswerCacheSize {
    return readSize(this.#words)
  }

  /**
   * Keeps an answer, in the place of an older one to the same query if there is one. `name` was read with the reader's seed.
   *
   * False, and counted, when it is not kept: it is larger than a page with its name, or not what it says, or there is no memory that no
   * thread could still be reading. An older one stays then.
   */
  put(name: FoldedName, type: number, klass: number, flags: number, view: number, answer: AnswerToKeep): boolean {
    if (!this.#mayWrite()) return false
    const bytes = entryBytes(name, answer)
    const block = bytes > this.#pages.pageBytes || !isWhole(answer) ? 0 : this.#allocate(this.#pages.classFor(bytes))
    if (block === 0) {
      Atomics.add(this.#words, CONTROL_REFUSED, 1)
      return false
    }
    const typeClass = typeAndClass(type, klass)
    const viewFlags = viewFlagsLength(view, flags, name.length)
    this.#drawing.write(block, name, typeClass, viewFlags, this.#generation, answer)
    this.#publish(block, hashKey(name.hash, typeClass, viewFlags), name.hash)
    Atomics.add(this.#words, CONTROL_STORED, 1)
    this.#makeRoom(this.#pages.classFor(bytes))
    this.#saySize()
    return true
  }

  /** Removes the answers to all queries for a name, whatever their type, flags and view; without a name, all there are. Returns how many. */
  flush(name?: FoldedName): number {
    if (!this.#mayWrite()) return 0
    const before = this.#entries
    if (name === undefined) this.#flushAll()
    else this.#flushName(name)
    const flushed = before - this.#entries
    this.#saySize()
    return flushed
  }

  /**
   * A slice of what has to be done now and then, some 50 µs of it: looks at the marks that readers have left, and drops what nobody may
   * have any more. Some ten times a second goes through 100 000 answers in a few seconds.
   */
  sweep(nowSeconds: number): void {
    if (!this.#mayWrite()) return
    const buckets = Math.min(BUCKETS_PER_SWEEP, this.#bucketCount)
    for (let i = 0; i < buckets; i++) {
      this.#sweepBucket(this.#nextToSweep, nowSeconds)
      this.#nextToSweep = (this.#nextToSweep + 1) % this.#bucketCount
    }
    if (this.#retired.count > 0) this.#seal()
    this.#saySize()
  }

  /** Not if there is a successor; that may be while this one's thread is still alive. */
  #mayWrite(): boolean {
    return Atomics.load(this.#words, CONTROL_WRITER) === this.#number
  }

  #isClean(): boolean {
    if (this.#cleanFrom !== 0 && hasReached(this.#words, this.#cleanFrom)) this.#cleanFrom = 0
    return this.#cleanFrom === 0
  }

  /** 0 when all memory that could be had is still being read. */
  #allocate(sizeClass: number): number {
    if (!this.#isClean()) return 0
    const block = this.#pages.allocate(sizeClass, this.#reservedPages)
    if (block !== 0) return block
    this.#makeRoom(sizeClass)
    this.#seal()
    return this.#pages.allocate(sizeClass, this.#reservedPages)
  }

  #publish(block: number, hash: number, nameHash: number): void {
    const words = this.#words
    const bucket = hash & (this.#bucketCount - 1)
    const id = bucket * WAYS + this.#wayFor(bucket, hash, block)
    const pair = this.#places.pairOf(id)
    const old = words[pair + PAIR_ENTRY]!
    words[block + ENTRY_SLOT] = id
    // Where the place is empty, a reader that sees the new hash already finds nothing, and one that sees the old hash compares keys.
    Atomics.store(words, pair, hash)
    Atomics.store(words, pair + PAIR_ENTRY, block)
    this.#places.clearMark(id, BUCKET_CLAIMS)
    if (old !== 0) {
      this.#retire(old)
    } else {
      this.#places.clearMark(id, BUCKET_HITS)
      this.#makeRoomForEntry()
    }
    if (old === 0 || words[old + ENTRY_GENERATION] !== this.#generation) this.#entries++
    this.#nameHashes[id] = nameHash
    this.#eviction.touch(id)
    this.#newest = id
  }

  /** The place in the bucket for an entry that is not linked yet: its predecessor's, an empty one, or one that is made empty. */
  #wayFor(bucket: number, hash: number, block: number): number {
    const words = this.#words
    let empty = -1
    for (let way = 0; way < WAYS; way++) {
      const pair = this.#places.pairOf(bucket * WAYS + way)
      const entry = words[pair + PAIR_ENTRY]!
      if (entry === 0) empty = way
      else if (words[pair] === hash && this.#places.hasSameKey(entry, block)) return way
    }
    if (empty >= 0) return empty
    const way = this.#wayToLeave(bucket)
    this.#evict(bucket * WAYS + way)
    return way
  }

  /** Of those in a full bucket: the oldest that is not popular, or the oldest. */
  #wayToLeave(bucket: number): number {
    const words = this.#words
    let oldest = 0
    let oldestAt = Number.POSITIVE_INFINITY
    for (let way = 0; way < WAYS; way++) {
      const id = bucket * WAYS + way
      const storedAt =
        words[words[this.#places.pairOf(id) + PAIR_ENTRY]! + ENTRY_STORED_AT]! + (this.#places.isHit(id) ? 2 ** 32 : 0)
      if (storedAt >= oldestAt) continue
      oldest = way
      oldestAt = storedAt
    }
    return oldest
  }

  /** One more entry is about to be counted. */
  #makeRoomForEntry(): void {
    if (this.#eviction.count < this.#maxEntries) return
    const id = this.#idToLeave()
    if (id !== NOBODY) this.#evict(id)
  }

  /**
   * Sees to it that there will be a block for the next answer of this size. Ahead of time, because what leaves now can be used again only
   * when each reader has ended its batch.
   */
  #makeRoom(sizeClass: number): void {
    const pages = this.#pages
    const spare = Math.ceil(pages.blocksPerPage(sizeClass) / SPARE_PART)
    let page = NO_PAGE
    for (let i = 0; i < MOST_EVICTIONS && !this.#hasRoom(sizeClass, spare); i++) {
      const id = this.#idToLeave()
      if (id === NOBODY) return
      page = pages.pageOf(this.#words[this.#places.pairOf(id) + PAIR_ENTRY]!)
      this.#evict(id)
    }
    if (page !== NO_PAGE && !this.#hasRoom(sizeClass, 1)) this.#drain(page)
  }

  /** Whether any size can have a page without touching the reserve; or this one has so many blocks, and the reserve is not used up. */
  #hasRoom(sizeClass: number, blocks: number): boolean {
    const { comingPages } = this.#pages
    if (comingPages > this.#reservedPages) return true
    return 2 * comingPages >= this.#reservedPages && this.#pages.supplyOf(sizeClass) >= blocks
  }

  /** Has all answers in a page leave, so that it can be cut up anew. */
  #drain(page: number): void {
    this.#pages.drain(page)
    this.#pages.visitBlocks(page, (block) => {
      const id = this.#words[block + ENTRY_SLOT]!
      // A block that is free or retired says anything; one that is linked says the truth.
      if (id >= 0 && id < this.#nameHashes.length && this.#words[this.#places.pairOf(id) + PAIR_ENTRY] === block)
        this.#evict(id)
    })
  }

  /** Who leaves first: not the newest, and not those that readers have had lately, which are passed over once for each mark. NOBODY when there is none. */
  #idToLeave(): number {
    for (let chances = MOST_CHANCES; ; chances--) {
      const id = this.#eviction.takeOldest()
      if (id === NOBODY) return NOBODY
      if (id !== this.#newest && (chances <= 0 || !this.#places.isHit(id))) return id
      this.#places.clearMark(id, BUCKET_HITS)
      this.#eviction.touch(id)
      if (this.#eviction.count === 1 && id === this.#newest) return NOBODY
    }
  }

  #evict(id: number): void {
    this.#remove(id)
    Atomics.add(this.#words, CONTROL_EVICTED, 1)
  }

  #remove(id: number): void {
    const words = this.#words
    const pair = this.#places.pairOf(id)
    const entry = words[pair + PAIR_ENTRY]!
    Atomics.store(words, pair + PAIR_ENTRY, 0)
    if (words[entry + ENTRY_GENERATION] === this.#generation) this.#entries--
    this.#eviction.remove(id)
    this.#retire(entry)
  }

  #retire(entry: number): void {
    const bytes = this.#pages.retire(entry)
    this.#retired.push(entry, bytes, Atomics.load(this.#words, CONTROL_EPOCH))
    this.#bytesToSeal += bytes
    if (SEALED_PART * this.#bytesToSeal >= this.#pages.pageBytes) this.#seal()
  }

  /** Ends the epoch, and gives back what nobody can read any more, oldest first. */
  #seal(): void {
    const words = this.#words
    advanceEpoch(words)
    this.#bytesToSeal = 0
    let reached = 0
    for (let given = 0; given < RECLAIM_AT_MOST && this.#retired.count > 0; given++) {
      const epoch = this.#retired.oldestEpoch
      if (epoch !== reached) {
        // Unlinked during this epoch, so readers of the next one cannot have met it.
        if (!hasReached(words, (epoch + 1) | 0 || 1)) return
        reached = epoch
      }
      this.#retired.shift(this.#free)
    }
  }

  #sweepBucket(bucket: number, nowSeconds: number): void {
    const words = this.#words
    const hits = this.#places.takeHits(bucket)
    for (let way = 0; way < WAYS; way++) {
      const id = bucket * WAYS + way
      const entry = words[this.#places.pairOf(id) + PAIR_ENTRY]!
      if (entry === 0) continue
      const isFlushed = words[entry + ENTRY_GENERATION] !== this.#generation
      if (isFlushed || words[entry + ENTRY_STALE_UNTIL]! <= nowSeconds) {
        this.#remove(id)
        if (!isFlushed) Atomics.add(words, CONTROL_EXPIRED, 1)
      } else if ((hits & (1 << way)) !== 0) {
        this.#eviction.touch(id)
      }
    }
  }

  /** With one store nothing is there any more. What takes up memory still leaves when it is swept or its place is wanted. */
  #flushAll(): void {
    this.#generation = (this.#generation + 1) | 0
    Atomics.store(this.#words, CONTROL_GENERATION, this.#generation)
    this.#entries = 0
  }

  #flushName(name: FoldedName): void {
    const { hash } = name
    const hashes = this.#nameHashes
    for (let id = 0; id < hashes.length; id++) {
      if (hashes[id] === hash && this.#places.isOfName(this.#words[this.#places.pairOf(id) + PAIR_ENTRY]!, name))
        this.#remove(id)
    }
  }

  #saySize(): void {
    Atomics.store(this.#words, CONTROL_ENTRIES, this.#entries)
    Atomics.store(this.#words, CONTROL_BYTES, this.#pages.usedBytes)
  }
}

const NO_PAGE = -1
