import { newSharedMemory } from '../shared-table/arena.js'
import { releaseReader } from '../shared-table/epochs.js'
import {
  BUCKET_BYTES,
  BUCKET_WORDS,
  bucketsStart,
  CACHE_MAGIC,
  CACHE_VERSION,
  CONTROL_BUCKET_COUNT,
  CONTROL_BYTES,
  CONTROL_ENTRIES,
  CONTROL_EPOCH,
  CONTROL_EVICTED,
  CONTROL_EXPIRED,
  CONTROL_MAGIC,
  CONTROL_MAX_ENTRIES,
  CONTROL_PAGE_BYTES,
  CONTROL_READER_COUNT,
  CONTROL_REFUSED,
  CONTROL_SEED,
  CONTROL_STORED,
  CONTROL_VERSION,
  LARGEST_PAGE_BYTES,
  SMALLEST_PAGE_BYTES,
} from './layout.js'
import type { ParsedAnswerCacheOptions } from './options.js'

/** What a thread needs to read the cache, or to write it. A plain object: it is posted to the thread. */
export interface AnswerCacheHandle {
  readonly memory: SharedArrayBuffer
  /** The reader slot of the thread. */
  readonly slot: number
}

export interface AnswerCacheSize {
  /** Answers that can be found. */
  readonly entries: number
  /** Bytes that they take, with what is retired but not yet used again. */
  readonly usedBytes: number
  /** All of the shared memory; it never changes. */
  readonly allocatedBytes: number
  /** The following count from the start of the server, wrap at 32 bits, and go on when the forward thread is replaced. */
  readonly stored: number
  /** Answers that made room for others. */
  readonly evicted: number
  /** Answers that were dropped because nobody may have them any more. */
  readonly expired: number
  /** Answers that were not kept: too large, or there was no memory that no thread could still be reading. */
  readonly refused: number
}

/**
 * On average, at most. A full cache of 3.5 loses about one answer in a hundred to a full bucket, by calculation; of 2, one in a thousand. But
 * buckets that lie closer together are more often in the processor's caches: with a quarter as many, a hit took 0.2 µs less (40 000
 * names, 65 536 or 262 144 buckets, test/bench/micro/answer-cache.ts on a busy machine, 2026-11).
 */
const ENTRIES_PER_BUCKET = 3.5
/** Pages are made smaller before there are less of them. */
const FEWEST_PAGES = 96
/** Buckets are no more than this part of the memory, whatever `maxEntries` says. */
const LARGEST_BUCKETS_PART = 4

/**
 * The memory of the answer cache. The main thread makes it, all of it at once, and has it for as long as the server runs: threads that
 * read and the one that writes come and go. The system gives it real memory as it is written to.
 */
export class AnswerCacheMemory {
  readonly #memory: SharedArrayBuffer
  readonly #words: Int32Array

  /** `readers` counts all threads, the one that writes too. `seed` is what the names that are asked for are hashed with. Throws CDNS_SHARED_MEMORY_FULL. */
  constructor(options: ParsedAnswerCacheOptions & { readonly readers: number; readonly seed: number }) {
    const { maxBytes, maxEntries, readers, seed } = options
    const bucketCount = bucketCountFor(maxEntries, maxBytes)
    const headBytes = 4 * (bucketsStart(readers) + bucketCount * BUCKET_WORDS)
    const pageBytes = pageBytesFor(maxBytes - headBytes)
    const pageCount = Math.floor((maxBytes - headBytes) / pageBytes)
    this.#memory = newSharedMemory(headBytes + pageCount * pageBytes)
    this.#words = new Int32Array(this.#memory)
    this.#words[CONTROL_MAGIC] = CACHE_MAGIC
    this.#words[CONTROL_VERSION] = CACHE_VERSION
    this.#words[CONTROL_EPOCH] = 1
    this.#words[CONTROL_BUCKET_COUNT] = bucketCount
    this.#words[CONTROL_SEED] = seed
    this.#words[CONTROL_READER_COUNT] = readers
    this.#words[CONTROL_PAGE_BYTES] = pageBytes
    this.#words[CONTROL_MAX_ENTRIES] = maxEntries
  }

  /** What the thread of reader `slot`, counted from 0, needs. */
  handle(slot: number): AnswerCacheHandle {
    return { memory: this.#memory, slot }
  }

  /** For the supervisor: a dead thread reads nothing any more. */
  release(slot: number): void {
    releaseReader(this.#words, slot)
  }

  get size(): AnswerCacheSize {
    return readSize(this.#words)
  }
}

/** What the writer has said of its work so far, for any thread. */
export function readSize(words: Int32Array): AnswerCacheSize {
  const word = (at: number) => Atomics.load(words, at) >>> 0
  return {
    entries: word(CONTROL_ENTRIES),
    usedBytes: word(CONTROL_BYTES),
    allocatedBytes: words.byteLength,
    stored: word(CONTROL_STORED),
    evicted: word(CONTROL_EVICTED),
    expired: word(CONTROL_EXPIRED),
    refused: word(CONTROL_REFUSED),
  }
}

/** There are as many pages as answers of very different sizes need, one for each size at least, or as are of the largest kind. */
function pageBytesFor(bytes: number): number {
  let pageBytes = LARGEST_PAGE_BYTES
  while (pageBytes > SMALLEST_PAGE_BYTES && bytes / pageBytes < FEWEST_PAGES) pageBytes /= 2
  return pageBytes
}

/** A power of two, so that a mask finds the bucket. */
function bucketCountFor(maxEntries: number, maxBytes: number): number {
  const most = maxBytes / LARGEST_BUCKETS_PART / BUCKET_BYTES
  let count = 1
  while (count * ENTRIES_PER_BUCKET < maxEntries && 2 * count <= most) count *= 2
  return count
}
