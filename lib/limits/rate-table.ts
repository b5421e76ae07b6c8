// Who has had how much of their rate, in a fixed piece of shared memory that all threads change by compare-and-swap. A set is a
// cache line, and a source may stand in any entry of its set:
//
//   set:   | epoch of the last cleaning | entry | entry | … 15 times |
//   entry: | tag u16 | empty-at u16 |     0 = nobody
//
// An entry is a token bucket in one word: the millisecond, modulo 2^16, at which the source has all of its tokens again. How far
// that lies ahead is its load; WINDOW_MS ahead, the source has none left. So loads fall by themselves, and those of all kinds of
// limit can be compared: the entry with the least load gives way to a newcomer.
const SET_WORDS = 16
const SET_EPOCH = 0
const SET_ENTRIES = SET_EPOCH + 1
export const ENTRIES_PER_SET = SET_WORDS - SET_ENTRIES
const TAG_SHIFT = 16
const TIME_MASK = 0xffff

/** A bucket holds what comes in one second: clients ask in bursts, such as all the names of a page. */
export const WINDOW_MS = 1000
/** Further ahead than any load is a time from before the clock was set, or before it wrapped. Threads' clocks differ by less. */
const LATEST_MS = 2 * WINDOW_MS
/** log2 of the milliseconds of an epoch. Cleaned once in each, an entry is never so old that its time could be taken for one ahead. */
const EPOCH_BITS = 13
const EPOCH_MASK = (1 << (32 - EPOCH_BITS)) - 1
/** As often as other threads change the very same entry at the very same time, this can take several. */
const ATTEMPTS = 4

export const MAX_SETS = 1 << 16

/** Memory for at least so many sources at a time, up to MAX_SETS * ENTRIES_PER_SET. */
export function createRateTable(entries: number): SharedArrayBuffer {
  const sets = 2 ** Math.ceil(Math.log2(Math.max(1, entries / ENTRIES_PER_SET)))
  return new SharedArrayBuffer(4 * SET_WORDS * Math.min(sets, MAX_SETS))
}

/**
 * Token buckets of all sources, known by a hash. Any number of threads may have one on the same memory; no call waits.
 *
 * Two sources share a bucket when their hashes agree in set and tag: in a table that is full, one source in 4 400 does with one of the
 * fifteen others of its set. It then has less than its rate. A source that gives way to others starts again with all its
 * tokens: it had used the fewest.
 */
export class RateTable {
  readonly #words: Int32Array
  readonly #setMask: number

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#setMask = this.#words.length / SET_WORDS - 1
  }

  /** Reads the set of a source ahead: the sources of a batch, one after the other, wait for memory together. */
  prefetch(hash: number): number {
    return this.#words[(hash & this.#setMask) * SET_WORDS]!
  }

  /**
   * Takes `cost` milliseconds' worth of tokens from a source that still has `needed`. Returns whether it had.
   *
   * `nowMs` is of a clock that all threads share; 32 bits of it are enough. All bits of `hash` must be good.
   *
   * What is looked at is read without Atomics, which are calls of 6 ns in Node 20 and came to half of what limits cost: a word does not
   * tear, and whether it is still so is for compareExchange to say, which alone changes one.
   */
  charge(hash: number, cost: number, needed: number, nowMs: number): boolean {
    const words = this.#words
    const set = (hash & this.#setMask) * SET_WORDS
    const now = nowMs | 0
    if (words[set + SET_EPOCH] !== now >>> EPOCH_BITS) this.#clean(set, now)
    const tag = hash >>> TAG_SHIFT || 1
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const at = this.#place(set, tag, now)
      const seen = words[at]!
      const load = seen >>> TAG_SHIFT === tag ? loadOf(seen, now) : 0
      if (load + needed > WINDOW_MS) return false
      if (cost === 0) return true
      const charged = (tag << TAG_SHIFT) | ((now + load + cost) & TIME_MASK)
      if (Atomics.compareExchange(words, at, seen, charged) === seen) return true
    }
    // Others have been let through in its place: to let this one through as well could be more than the limit.
    return false
  }

  /** The entry of a source, or the one that has to make room for it. */
  #place(set: number, tag: number, now: number): number {
    const words = this.#words
    const end = set + SET_WORDS
    let place = set + SET_ENTRIES
    let least = LATEST_MS + 1
    for (let at = place; at < end; at++) {
      const entry = words[at]!
      if (entry >>> TAG_SHIFT === tag) return at
      const load = loadOf(entry, now)
      if (load < least) {
        least = load
        place = at
      }
    }
    return place
  }

  /** Empties what is over, when the set has not been looked at in this epoch. Two threads may do so at once. */
  #clean(set: number, now: number): void {
    const words = this.#words
    const epoch = now >>> EPOCH_BITS
    const seen = Atomics.load(words, set + SET_EPOCH)
    const elapsed = (epoch - seen) & EPOCH_MASK
    // A thread whose clock is a little behind. Any more, and the clock has been set, or nobody came for weeks.
    if (elapsed === EPOCH_MASK) return
    for (let at = set + SET_ENTRIES; at < set + SET_WORDS; at++) {
      const entry = Atomics.load(words, at)
      // After a whole epoch that nobody came in, no load is left.
      if (entry !== 0 && (elapsed > 1 || loadOf(entry, now) === 0)) Atomics.compareExchange(words, at, entry, 0)
    }
    Atomics.compareExchange(words, set + SET_EPOCH, seen, epoch)
  }
}

/** How many milliseconds ahead of `now` an entry's time lies. */
function loadOf(entry: number, now: number): number {
  if (entry === 0) return 0
  // The lower halves, as signed numbers of 16 bits.
  const ahead = ((entry - now) << 16) >> 16
  return ahead < 0 || ahead > LATEST_MS ? 0 : ahead
}
