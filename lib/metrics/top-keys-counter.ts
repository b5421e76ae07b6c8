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
 * A key that is new to a full set weakens the weakest of the set's eight entries with a probability that falls with what that has
 * been counted (HeavyGuardian, KDD 2018): a key that comes often soon has a count that passing ones do not dent, and is counted
 * exactly from there on. Keys are told apart by 32 bits of a hash with a secret seed. Counts are too low at worst, by what a key
 * lost before it was established: in 300 000 queries of a Zipf load over 100 000 names, less than 1 % for the hundred largest.
 */
export class TopKeysCounter {
  readonly #control: Int32Array
  readonly #tables: readonly [TopKeyTable, TopKeyTable]
  readonly #keyWords: number
  readonly #random: FastRandom
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
    const { sets } = this.#table
    const set = hash & (SETS - 1)
    const first = SET_WORDS * set
    let weakest = 0
    let least = MAX_COUNT
    for (let way = 0; way < WAYS; way++) {
      const at = first + way
      const count = sets[at + COUNT]!
      if (sets[at + HASH] === hash && count !== 0) {
        sets[at + COUNT] = count + 1
        sets[at + LAST] = now
        return
      }
      if (count < least) {
        weakest = way
        least = count
        if (count === 0) break
      }
    }
    if (least === 0 || this.#weaken(first + weakest)) this.#replace(set, weakest, key, length, hash, now)
  }

  #replace(set: number, way: number, key: Int32Array, length: number, hash: number, now: number): void {
    const { keys, lengths, sets } = this.#table
    const entry = WAYS * set + way
    const start = this.#keyWords * entry
    const words = (length + 3) >>> 2
    for (let i = 0; i < words; i++) keys[start + i] = key[i]!
    lengths[entry] = length
    const at = SET_WORDS * set + way
    sets[at + HASH] = hash
    sets[at + FIRST] = now
    sets[at + LAST] = now
    // Last: of an entry that a thread has left unfinished, nothing is read.
    sets[at + COUNT] = 1
  }

  /** Whether nothing is left of the entry whose words stand at `at`. */
  #weaken(at: number): boolean {
    if (!this.#isCrowded) {
      this.#isCrowded = true
      Atomics.store(this.#control, CROWDED + (this.#generation & 1), 1)
    }
    const { sets } = this.#table
    const count = sets[at + COUNT]!
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
