import { FastRandom } from '../fast-random.js'
import {
  COUNT,
  CROWDED,
  controlOf,
  FIRST,
  HASH,
  IN_USE,
  LAST,
  SET_WORDS,
  SETS,
  type TopKeysHandle,
  type TopKeyTable,
  tableOf,
  WANTED,
  WAYS,
} from './top-keys-layout.js'

/**
 * A thread's side: counts each key, and keeps those that come most, in memory that does not grow whatever comes.
 *
 * A key that is new to a full set is only marked; when it comes again while it is, it weakens the weakest of the set's eight entries, with
 * a probability that falls with what that has been counted (HeavyGuardian, KDD 2018). A key that comes often soon has a count that
 * others do not dent, and is counted exactly from there on; one that comes once costs a mark, and dents nothing. Keys are told apart by
 * 32 bits of a hash with a secret seed. Counts are too low at worst, by what a key lost before it was established: in 300 000 queries
 * of a Zipf load over 100 000 names, less than 1 % for the hundred largest.
 */
export class TopKeysCounter {
  readonly #control: Int32Array
  readonly #tables: readonly [TopKeyTable, TopKeyTable]
  readonly #keyWords: number
  readonly #random: FastRandom
  /** Hashes of keys that came once and were turned away, each in the place that it names; 0 for none. The next one there takes the place. */
  readonly #marks = new Int32Array(MARKS)
  #generation: number
  #table: TopKeyTable
  #isCrowded = false

  /** Goes on with the table of the thread whose place it takes. `randomSeed` is a whole number other than 0. */
  constructor(handle: TopKeysHandle, randomSeed: number) {
    this.#control = controlOf(handle)
    this.#tables = [tableOf(handle, 0), tableOf(handle, 1)]
    this.#keyWords = handle.keyWords
    this.#random = new FastRandom(randomSeed)
    this.#generation = Atomics.load(this.#control, IN_USE)
    this.#table = this.#tables[this.#generation & 1]!
  }

  /** Between batches: hands the table over if the main thread wants it. */
  tick(): void {
    const wanted = Atomics.load(this.#control, WANTED)
    if (wanted === this.#generation) return
    this.#generation = wanted
    this.#table = this.#tables[wanted & 1]!
    this.#isCrowded = false
    Atomics.store(this.#control, IN_USE, wanted)
  }

  /** `key` has `length` octets; behind the last one up to the end of its word there are zeros. `now` is in seconds since 1970. */
  count(key: Int32Array, length: number, hash: number, now: number): void {
    if (!this.countKnown(hash, now)) this.countNew(key, 0, length, hash, now)
  }

  /** Counts a key that has an entry. False for one that has none, which is for `countNew`: nearly all need no more than their hash. */
  countKnown(hash: number, now: number): boolean {
    const { sets } = this.#table
    const first = SET_WORDS * (hash & (SETS - 1))
    for (let at = first; at < first + WAYS; at++) {
      if (sets[at + HASH] !== hash) continue
      const count = sets[at + COUNT]!
      if (count === 0) return false
      sets[at + COUNT] = count + 1
      sets[at + LAST] = now
      return true
    }
    return false
  }

  /** The same for a key that has no entry. It stands in `key` from word `keyAt` on. */
  countNew(key: Int32Array, keyAt: number, length: number, hash: number, now: number): void {
    const { sets } = this.#table
    const set = hash & (SETS - 1)
    const first = SET_WORDS * set
    // Free entries stand behind the others.
    const isFull = sets[first + WAYS - 1 + COUNT] !== 0
    if (isFull && !this.#isMarked(hash)) return
    const weakest = this.#weakestOf(first)
    if (!isFull) this.#replace(set, weakest, key, keyAt, length, hash, now, 1)
    else if (this.#weaken(first + weakest)) {
      // The mark was for a query that has not been counted yet.
      this.#marks[markOf(hash)] = 0
      this.#replace(set, weakest, key, keyAt, length, hash, now, 2)
    }
  }

  /** The first that is free, if one is. */
  #weakestOf(first: number): number {
    const { sets } = this.#table
    let weakest = 0
    let least = MAX_COUNT
    for (let way = 0; way < WAYS && least > 0; way++) {
      const count = sets[first + way + COUNT]!
      if (count >= least) continue
      weakest = way
      least = count
    }
    return weakest
  }

  /** Whether a key has come before, to a set that is full; from here on it has. */
  #isMarked(hash: number): boolean {
    const mark = markOf(hash)
    if (this.#marks[mark] === hash) return true
    this.#marks[mark] = hash
    if (!this.#isCrowded) this.#showCrowd()
    return false
  }

  #showCrowd(): void {
    this.#isCrowded = true
    Atomics.store(this.#control, CROWDED + (this.#generation & 1), 1)
  }

  #replace(
    set: number,
    way: number,
    key: Int32Array,
    keyAt: number,
    length: number,
    hash: number,
    now: number,
    count: number,
  ): void {
    const { keys, lengths, sets } = this.#table
    const entry = WAYS * set + way
    const start = this.#keyWords * entry
    const words = (length + 3) >>> 2
    for (let i = 0; i < words; i++) keys[start + i] = key[keyAt + i]!
    lengths[entry] = length
    const at = SET_WORDS * set + way
    sets[at + HASH] = hash
    sets[at + FIRST] = now
    sets[at + LAST] = now
    // Last: of an entry that a thread has left unfinished, nothing is read.
    sets[at + COUNT] = count
  }

  /** Whether nothing is left of the entry whose words stand at `at`. */
  #weaken(at: number): boolean {
    const { sets } = this.#table
    const count = sets[at + COUNT]!
    if (count === 0) return true
    if (count >= WEAKENING.length || this.#random.below(PROBABILITY_STEPS) >= WEAKENING[count]!) return false
    sets[at + COUNT] = count - 1
    return count === 1
  }
}

/** A table is handed over long before a count comes near it. */
const MAX_COUNT = 0x7fffffff
const PROBABILITY_STEPS = 2 ** 16
/** 1.08^-count, as its authors have it; from 142 on it is less than a step, and a key is established. */
const WEAKENING = Uint32Array.from({ length: 142 }, (_, count) => Math.round(PROBABILITY_STEPS * 1.08 ** -count))
/**
 * 16 KiB, enough for a key of the hundred largest to be still marked when it comes again: one in 1200 queries of that load, of which 400
 * others leave marks.
 */
const MARKS = 4096

/** By other bits than those that name the set. */
function markOf(hash: number): number {
  return (hash >>> SET_BITS) & (MARKS - 1)
}

const SET_BITS = 31 - Math.clz32(SETS)
