import { ContainerDnsError } from '../errors.js'
import { ReaderSlot } from '../shared-table/epochs.js'
import { keyWords } from '../shared-table/layout.js'
import { NO_EXTENDED_ERROR } from '../wire/edns.js'
import type { FoldedName } from '../wire/folded-name.js'
import type { AnswerCacheHandle } from './answer-cache-memory.js'
import {
  BUCKET_CLAIMS,
  BUCKET_HITS,
  BUCKET_WORDS,
  bucketsStart,
  CACHE_MAGIC,
  CACHE_VERSION,
  CONTROL_BUCKET_COUNT,
  CONTROL_GENERATION,
  CONTROL_MAGIC,
  CONTROL_READER_COUNT,
  CONTROL_SEED,
  CONTROL_VERSION,
  ENTRY_ADDITIONAL,
  ENTRY_ANSWER_AUTHORITY,
  ENTRY_BODY,
  ENTRY_ENDS,
  ENTRY_EXPIRES_AT,
  ENTRY_GENERATION,
  ENTRY_NAME,
  ENTRY_RCODE,
  ENTRY_STALE_UNTIL,
  ENTRY_STORED_AT,
  ENTRY_TYPE_AND_CLASS,
  ENTRY_VIEW_FLAGS_LENGTH,
  EXTENDED_ERROR_SHIFT,
  HALF_SHIFT,
  hashKey,
  IS_AUTHENTICATED,
  IS_NODATA,
  LOW_HALF,
  NAME_LENGTH_MASK,
  PAIR_ENTRY,
  RCODE_MASK,
  typeAndClass,
  viewFlagsLength,
  WAYS,
} from './layout.js'

/** Where `write` puts records: the response as it has been begun, its question written. The query pipeline's response writer is one. */
export interface AnswerTarget {
  readonly bytes: Uint8Array
  position: number
  /** Where writing must end, as a position in `bytes`. */
  readonly limit: number
  answerCount: number
  authorityCount: number
  additionalCount: number
}

/** RFC 8767 §4: what the TTL of a record should be that is answered though it has expired. */
export const STALE_TTL = 30

/**
 * What upstreams have said, read without a lock. One for each thread; any thread may have one.
 *
 * `enter` before the first look-up of a batch, `leave` after the last: what was found stays as it is in between. After `find` has
 * returned true, the fields describe the answer that was found, until the next look-up.
 */
export class AnswerCacheReader {
  /** What the names must be hashed with that are looked up. */
  readonly seed: number
  rcode = 0
  /** AD, as the upstream had it. */
  isAuthenticated = false
  isNodata = false
  /** The Extended DNS Error to say, or NO_EXTENDED_ERROR. */
  extendedError = NO_EXTENDED_ERROR
  answerCount = 0
  authorityCount = 0
  additionalCount = 0
  /** Whether its time is over. Only `findStale` finds such. */
  isStale = false
  /** Seconds for which it is still good, at least 1; 0 when it is stale. */
  remainingSeconds = 0
  /** Seconds for which it may still be given when it is stale. */
  staleSeconds = 0
  /** Seconds for which it was good when it was stored. */
  lifetimeSeconds = 0

  readonly #words: Int32Array
  readonly #bytes: Uint8Array
  readonly #slot: ReaderSlot
  readonly #buckets: number
  readonly #bucketMask: number
  /** Of the look-up: its bucket and the way in it, the entry and its age. */
  #bucket = 0
  #way = 0
  #entry = 0
  #ageSeconds = 0
  readonly #expected = new Int32Array(MAX_EXPECTED)
  /** What was read ahead has to go somewhere, or the compiler would leave out reading it. */
  prefetched = 0

  static open(handle: AnswerCacheHandle): AnswerCacheReader {
    return new AnswerCacheReader(handle)
  }

  /** Throws CDNS_THREAD_FAILED for memory that is not laid out as here. */
  constructor({ memory, slot }: AnswerCacheHandle) {
    const words = new Int32Array(memory)
    if (words[CONTROL_MAGIC] !== CACHE_MAGIC || words[CONTROL_VERSION] !== CACHE_VERSION) {
      throw new ContainerDnsError(
        'CDNS_THREAD_FAILED',
        'the shared memory does not hold an answer cache of this version',
      )
    }
    this.#words = words
    this.#bytes = new Uint8Array(memory)
    this.#slot = new ReaderSlot(words, slot)
    this.#buckets = bucketsStart(words[CONTROL_READER_COUNT]!)
    this.#bucketMask = words[CONTROL_BUCKET_COUNT]! - 1
    this.seed = words[CONTROL_SEED]!
  }

  enter(): void {
    this.#slot.enter()
  }

  leave(): void {
    this.#slot.leave()
  }

  /** Announces look-up number `i` of a batch, below 64, so that `prefetch` can read ahead for it. */
  expect(i: number, name: FoldedName, type: number, klass: number, flags: number, view: number): void {
    this.#expected[i] = hashKey(name.hash, typeAndClass(type, klass), viewFlagsLength(view, flags, name.length))
  }

  /** Says that number `i` of a batch will look nothing up. */
  expectNothing(i: number): void {
    this.#expected[i] = 0
  }

  /**
   * Reads what look-ups 0 to `count - 1` will read, and forgets it: then it is in the processor's caches. As in `TableReader.prefetch`,
   * a loop for each step, so that its reads wait together.
   */
  prefetch(count: number): void {
    const words = this.#words
    const expected = this.#expected
    let sum = 0
    for (let i = 0; i < count; i++) sum += Atomics.load(words, this.#bucketOf(expected[i]!))
    for (let i = 0; i < count; i++) {
      const entry = this.#entryOf(expected[i]!)
      sum += words[entry]! + words[entry + WORDS_PER_LINE]!
    }
    this.prefetched = sum | 0
  }

  /**
   * Whether there is an answer that is still good. `name` was read with `seed`; `flags` are FLAG_DO and FLAG_CD; `nowSeconds` is in whole
   * seconds of the clock that the writer stores by.
   *
   * A hit is marked, so that the answer stays when others have to go.
   */
  find(name: FoldedName, type: number, klass: number, flags: number, view: number, nowSeconds: number): boolean {
    if (!this.#find(name, typeAndClass(type, klass), viewFlagsLength(view, flags, name.length))) return false
    const entry = this.#entry
    const remaining = this.#words[entry + ENTRY_EXPIRES_AT]! - nowSeconds
    if (remaining <= 0) return false
    this.#open(entry, nowSeconds, remaining)
    this.#mark(BUCKET_HITS)
    return true
  }

  /** The same for what the upstreams fail to renew: an answer that is no longer good will do, if it is not too old. */
  findStale(name: FoldedName, type: number, klass: number, flags: number, view: number, nowSeconds: number): boolean {
    if (!this.#find(name, typeAndClass(type, klass), viewFlagsLength(view, flags, name.length))) return false
    const entry = this.#entry
    if (this.#words[entry + ENTRY_STALE_UNTIL]! - nowSeconds <= 0) return false
    this.#open(entry, nowSeconds, Math.max(0, this.#words[entry + ENTRY_EXPIRES_AT]! - nowSeconds))
    this.#mark(BUCKET_HITS)
    return true
  }

  /** True once for the answer that was found, in one thread of all: whoever gets it sees to it that the answer is renewed. */
  claimRenewal(): boolean {
    return this.#mark(BUCKET_CLAIMS)
  }

  /**
   * Copies the records of the answer that was found behind the question, with TTLs as they are by now, and adds to the counts. What the
   * names in them point to is relative to a message whose question is the name that was looked up, and whose header is before it.
   *
   * Sections are whole or left out. False when the answer is left out, or the authority section, which has what proves it and nothing else: the SOA
   * record of a negative one (RFC 2308 §3), and what DO asks for (RFC 4035 §3.1.3). The response is truncated then. That the
   * rest has found no room is not said (RFC 2181 §9).
   */
  write(target: AnswerTarget): boolean {
    const words = this.#words
    const entry = this.#entry
    const body = words[entry + ENTRY_BODY]!
    const ends = words[entry + ENTRY_ENDS]!
    const room = target.limit - target.position
    const answerEnd = ends >>> HALF_SHIFT
    if (answerEnd > room) return false
    const authorityEnd = ends & LOW_HALF
    const bodyLength = body & LOW_HALF
    if (bodyLength <= room) this.#copy(target, bodyLength, this.answerCount, this.authorityCount, this.additionalCount)
    else if (authorityEnd <= room) this.#copy(target, authorityEnd, this.answerCount, this.authorityCount, 0)
    else this.#copy(target, answerEnd, this.answerCount, 0, 0)
    return authorityEnd <= room
  }

  /** The entry of a key, if it is of this generation. */
  #find(name: FoldedName, typeClass: number, viewFlags: number): boolean {
    const words = this.#words
    const hash = hashKey(name.hash, typeClass, viewFlags)
    const bucket = this.#bucketOf(hash)
    for (let way = 0; way < WAYS; way++) {
      const pair = bucket + 2 * way
      // The two words of a pair may be of two answers, where one is just taking the other's place. The key decides.
      if (Atomics.load(words, pair) !== hash) continue
      const entry = Atomics.load(words, pair + PAIR_ENTRY)
      if (entry === 0 || !this.#holds(entry, name, typeClass, viewFlags)) continue
      this.#bucket = bucket
      this.#way = way
      this.#entry = entry
      return words[entry + ENTRY_GENERATION] === Atomics.load(words, CONTROL_GENERATION)
    }
    return false
  }

  #holds(entry: number, name: FoldedName, typeClass: number, viewFlags: number): boolean {
    const words = this.#words
    if (words[entry + ENTRY_TYPE_AND_CLASS] !== typeClass) return false
    // The length of the name is in there too.
    if (words[entry + ENTRY_VIEW_FLAGS_LENGTH] !== viewFlags) return false
    const count = keyWords(name.length)
    const key = name.words
    for (let i = 0; i < count; i++) if (words[entry + ENTRY_NAME + i] !== key[i]) return false
    return true
  }

  #open(entry: number, nowSeconds: number, remaining: number): void {
    const words = this.#words
    const marks = words[entry + ENTRY_RCODE]!
    const answerAuthority = words[entry + ENTRY_ANSWER_AUTHORITY]!
    const storedAt = words[entry + ENTRY_STORED_AT]!
    this.rcode = marks & RCODE_MASK
    this.isAuthenticated = (marks & IS_AUTHENTICATED) !== 0
    this.isNodata = (marks & IS_NODATA) !== 0
    this.extendedError = (marks >>> EXTENDED_ERROR_SHIFT) + NO_EXTENDED_ERROR
    this.answerCount = answerAuthority >>> HALF_SHIFT
    this.authorityCount = answerAuthority & LOW_HALF
    this.additionalCount = words[entry + ENTRY_ADDITIONAL]!
    this.isStale = remaining === 0
    this.remainingSeconds = remaining
    this.staleSeconds = words[entry + ENTRY_STALE_UNTIL]! - nowSeconds
    this.lifetimeSeconds = words[entry + ENTRY_EXPIRES_AT]! - storedAt
    this.#ageSeconds = Math.max(0, nowSeconds - storedAt)
  }

  /** Returns whether this was the first. Asks before it writes: a popular answer would have all threads write to one cache line otherwise. */
  #mark(marks: number): boolean {
    const word = this.#bucket + marks
    const bit = 1 << this.#way
    if ((Atomics.load(this.#words, word) & bit) !== 0) return false
    return (Atomics.or(this.#words, word, bit) & bit) === 0
  }

  #bucketOf(hash: number): number {
    return this.#buckets + (hash & this.#bucketMask) * BUCKET_WORDS
  }

  /** The entry that a bucket has for a hash, whatever its key; 0, which is the control block, for none. */
  #entryOf(hash: number): number {
    const words = this.#words
    const bucket = this.#bucketOf(hash)
    for (let pair = bucket; pair < bucket + BUCKET_HITS; pair += 2) {
      if (Atomics.load(words, pair) === hash) return Atomics.load(words, pair + PAIR_ENTRY)
    }
    return 0
  }

  #copy(target: AnswerTarget, length: number, answers: number, authorities: number, additionals: number): void {
    const words = this.#words
    const source = this.#bytes
    const entry = this.#entry
    const { bytes, position } = target
    const bodyStart = 4 * entry + (words[entry + ENTRY_BODY]! >>> HALF_SHIFT)
    // A loop, as in WireWriter.copy, and for the same reason.
    for (let i = 0; i < length; i++) bytes[position + i] = source[bodyStart + i]!
    const ttls = entry + ENTRY_NAME + keyWords(words[entry + ENTRY_VIEW_FLAGS_LENGTH]! & NAME_LENGTH_MASK)
    const records = answers + authorities + additionals
    for (let record = 0; record < records; record++) {
      const offset = (words[ttls + (record >>> 1)]! >>> ((record & 1) << 4)) & LOW_HALF
      this.#ageTtl(bytes, position + offset)
    }
    target.position = position + length
    target.answerCount += answers
    target.authorityCount += authorities
    target.additionalCount += additionals
  }

  /** A TTL is never less than what is left of the whole: where that was given more time than a record has, so is the record. */
  #ageTtl(bytes: Uint8Array, at: number): void {
    const stored = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    const least = this.isStale ? STALE_TTL : this.remainingSeconds
    const ttl = Math.max(stored - this.#ageSeconds, least)
    bytes[at] = ttl >>> 24
    bytes[at + 1] = ttl >>> 16
    bytes[at + 2] = ttl >>> 8
    bytes[at + 3] = ttl
  }
}

/** Look-ups in a batch. */
const MAX_EXPECTED = 64
const WORDS_PER_LINE = 16
