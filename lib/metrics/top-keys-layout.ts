// Keys that are asked for most, as one thread counts them: two tables of the same kind, of which the thread has one and the main
// thread the other. They change hands like this, so that nobody reads what another writes:
//
//   main thread  sets WANTED to a generation it has not seen yet
//   thread       at its next tick: sets IN_USE to it, and from there on counts in table `generation & 1`
//   main thread  reads and clears the other table, and may want the next generation
//
//   | wanted | 15 unused | in use | crowded, for each table | 13 unused | table 0 | table 1 |
//
// A table is sets of eight entries; a key belongs to the set that its hash names. What stands of a set is two cache lines:
//
//   table: | set 0: hashes u32 × 8 | counts u32 × 8 | lasts u32 × 8 | firsts u32 × 8 | set 1 | … | lengths u32 × n | keys × n |
//
// A count of 0 is a free entry; the free ones of a set stand behind the others. Times are seconds since 1970, lengths are octets.

const CACHE_LINE_WORDS = 16
export const WANTED = 0
export const IN_USE = WANTED + CACHE_LINE_WORDS
/** 1 when an entry has had to make room, so that counts may be too low. */
export const CROWDED = IN_USE + 1
const CONTROL_WORDS = IN_USE + CACHE_LINE_WORDS

/** The entries that a key may have. */
export const WAYS = 8
/**
 * Of the five hundred largest keys, eight others of them fall into the set of one in a thousand (Poisson), so that hardly any is
 * missing. Two tables of names take 1.1 MB a thread.
 */
export const ENTRIES = 2048
export const SETS = ENTRIES / WAYS

/** Where the words of a set's first entry stand; those of the others follow them. */
export const HASH = 0
export const COUNT = HASH + WAYS
export const LAST = COUNT + WAYS
export const FIRST = LAST + WAYS
export const SET_WORDS = FIRST + WAYS

const WORD_BYTES = 4
/** Beside the key: what stands in the set, and the length. */
const ENTRY_WORDS = SET_WORDS / WAYS + 1

/** What both sides need. A plain object: it is posted to a thread. */
export interface TopKeysHandle {
  readonly memory: SharedArrayBuffer
  /** Room for a key. */
  readonly keyWords: number
}

export function createTopKeys(keyWords: number): TopKeysHandle {
  return { memory: new SharedArrayBuffer(WORD_BYTES * CONTROL_WORDS + 2 * tableBytes(keyWords)), keyWords }
}

export function controlOf({ memory }: TopKeysHandle): Int32Array {
  return new Int32Array(memory, 0, CONTROL_WORDS)
}

/** One of the two tables, as its owner of the moment sees it. */
export interface TopKeyTable {
  readonly sets: Int32Array
  /** By entry: `WAYS * set + way`. */
  readonly lengths: Int32Array
  readonly keys: Int32Array
}

export function tableOf({ memory, keyWords }: TopKeysHandle, generation: number): TopKeyTable {
  let at = WORD_BYTES * CONTROL_WORDS + (generation & 1) * tableBytes(keyWords)
  const next = (bytes: number) => {
    at += bytes
    return at - bytes
  }
  return {
    sets: new Int32Array(memory, next(WORD_BYTES * SET_WORDS * SETS), SET_WORDS * SETS),
    lengths: new Int32Array(memory, next(WORD_BYTES * ENTRIES), ENTRIES),
    keys: new Int32Array(memory, next(WORD_BYTES * keyWords * ENTRIES), keyWords * ENTRIES),
  }
}

function tableBytes(keyWords: number): number {
  return WORD_BYTES * (ENTRY_WORDS + keyWords) * ENTRIES
}
