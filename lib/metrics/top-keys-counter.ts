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
  /**
   * Where the entry of a key was last, in the place that its hash names: one look that is nearly always right for those that come most, where
   * the processor would guess wrong how many of a set it takes.
   */
  readonly #hints = new Uint16Array(HINTS)
  #generation: number
  #table: TopKeyTable
  /** Those of the table. */
  #sets: Int32Array
  #isCrowded = false

  /** Goes on with the table of the thread whose place it takes. `randomSeed` is a whole number other than 0. */
  constructor(handle: TopKeysHandle, randomSeed: number) {
    this.#control = controlOf(handle)
    this.#tables = [tableOf(handle, 0), tableOf(handle, 1)]
    this.#keyWords = handle.keyWords
    this.#random = new FastRandom(randomSeed)
    this.#generation = Atomics.load(this.#control, IN_USE)
    this.#table = this.#tables[this.#generation & 1]!
    this.#sets = this.#table.sets
  }

  /** Between batches: hands the table over if the main thread wants it. */
  tick(): void {
    const wanted = Atomics.load(this.#control, WANTED)
    if (wanted === this.#generation) return
    this.#generation = wanted
    this.#table = this.#tables[wanted & 1]!
    this.#sets = this.#table.sets
    this.#isCrowded = false
    Atomics.store(this.#control, IN_USE, wanted)
  }

  /** `key` has `length` octets; behind the last one up to the end of its word there are zeros. `now` is in seconds since 1970. */
  count(key: Int32Array, length: number, hash: number, now: number): void {
    if (!this.#countHash(hash, now)) this.countNew(key, 0, length, hash, now)
  }

  /**
   * Counts keys of which only the hashes are at hand, which is enough for nearly all; a hash of 0 is no key. Writes the places of those that want an entry into
   * `wanting`, and returns how many they are: `countNew` is for them, before anything else is counted.
   */
  countHashes(hashes: Int32Array, length: number, now: number, wanting: Uint8Array): number {
    const sets = this.#sets
    const hints = this.#hints
    let wants = 0
    for (let i = 0; i < length; i++) {
      const hash = hashes[i]!
      const at = hints[hintOf(hash)]!
      if (sets[at + HASH] === hash && sets[at + COUNT] !== 0) {
        sets[at + COUNT]!++
        sets[at + LAST] = now
      } else if (hash !== 0 && !this.#countHash(hash, now)) wanting[wants++] = i
    }
    return wants
  }

  /** Counts a key that wants an entry, and stands in `key` from word `keyAt` on. */
  countNew(key: Int32Array, keyAt: number, length: number, hash: number, now: number): void {
    // The query before may have been for the same name.
    if (this.#countKnown(hash, now)) return
    const set = hash & (SETS - 1)
    const weakest = this.#weakestOf(SET_WORDS * set)
    // What had room may have lost it to another.
    if (this.#sets[SET_WORDS * set + weakest + COUNT] !== 0) return
    const mark = markOf(hash)
    const isMarked = this.#marks[mark] === hash
    // The mark is for a query that has not been counted yet.
    if (isMarked) this.#marks[mark] = 0
    this.#replace(set, weakest, key, keyAt, length, hash, now, isMarked ? 2 : 1)
  }

  /** False for a key that wants an entry, for which there is room. */
  #countHash(hash: number, now: number): boolean {
    if (this.#countKnown(hash, now)) return true
    const first = SET_WORDS * (hash & (SETS - 1))
    // Free entries stand behind the others.
    if (this.#sets[first + WAYS - 1 + COUNT] === 0) return false
    return !this.#isMarked(hash) || !this.#weaken(first + this.#weakestOf(first))
  }

  #countKnown(hash: number, now: number): boolean {
    const sets = this.#sets
    const at = placeOf(sets, SET_WORDS * (hash & (SETS - 1)), hash)
    if (at < 0) return false
    const count = sets[at + COUNT]!
    if (count === 0) return false
    sets[at + COUNT] = count + 1
    sets[at + LAST] = now
    this.#hints[hintOf(hash)] = at
    return true
  }

  /** The first that is free, if one is. */
  #weakestOf(first: number): number {
    const sets = this.#sets
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
    const sets = this.#sets
    const count = sets[at + COUNT]!
    if (count === 0) return true
    if (count >= WEAKENING.length || this.#random.below(PROBABILITY_STEPS) >= WEAKENING[count]!) return false
    sets[at + COUNT] = count - 1
    return count === 1
  }
}

/** Where a hash stands in the set that begins at `at`; -1 for nowhere. Written out for eight ways: as a loop, a key without an entry costs 24 ns, not 14. */
function placeOf(sets: Int32Array, at: number, hash: number): number {
  if (sets[at] === hash) return at
  if (sets[at + 1] === hash) return at + 1
  if (sets[at + 2] === hash) return at + 2
  if (sets[at + 3] === hash) return at + 3
  if (sets[at + 4] === hash) return at + 4
  if (sets[at + 5] === hash) return at + 5
  if (sets[at + 6] === hash) return at + 6
  if (sets[at + 7] === hash) return at + 7
  return -1
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

/** 8 KiB, of which the five hundred largest keys take an eighth. */
const HINTS = 4096

/** By other bits than those that name the set, and the mark. */
function hintOf(hash: number): number {
  return (hash >>> (32 - HINT_BITS)) & (HINTS - 1)
}

/** By other bits than those that name the set. */
function markOf(hash: number): number {
  return (hash >>> SET_BITS) & (MARKS - 1)
}

const SET_BITS = 31 - Math.clz32(SETS)
const HINT_BITS = 31 - Math.clz32(HINTS)
