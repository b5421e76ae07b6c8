import {
  COUNT,
  CROWDED,
  controlOf,
  FIRST,
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

/** What is known of one key. Times are seconds since 1970. */
export interface KeyTotal {
  queries: number
  first: number
  last: number
}

/** How many keys are remembered at least; between two looks, as many again. */
const KEPT_KEYS = 4096
/** How long a table that is crowded is counted in before it is taken: the longer, the less the keys lose that begin anew in each. */
const CROWDED_MS = 10_000
/** In a set that is full, most entries are keys that came once and were about to go: what was counted less is not worth its string. */
const FULL_SET_LEAST = 4

/** Main thread: adds up what the threads have counted, and keeps the largest. */
export class TopKeysTotals {
  readonly #threads: readonly ThreadTables[]
  /** By the octets of the keys, a character each. */
  readonly #totals = new Map<string, KeyTotal>()

  /** One handle a thread. */
  constructor(handles: readonly TopKeysHandle[]) {
    this.#threads = handles.map((handle) => new ThreadTables(handle))
  }

  /** Takes what one thread has handed over, and asks it for more. 2048 names take a millisecond (test/bench/micro/metrics.ts, Node 20, 2026-11). */
  collect(thread: number, nowMs: number): void {
    const tables = this.#threads[thread]!
    if (!tables.areHandedOver) return
    tables.take((key, queries, first, last) => this.#add(key, queries, first, last))
    if (this.#totals.size > 2 * KEPT_KEYS) this.#forgetSmallest()
    tables.ask(nowMs)
  }

  get(key: string): Readonly<KeyTotal> | undefined {
    return this.#totals.get(key)
  }

  /** The `n` largest, the largest first. */
  top(n: number): (readonly [key: string, total: Readonly<KeyTotal>])[] {
    return [...this.#totals].sort(([, a], [, b]) => b.queries - a.queries).slice(0, n)
  }

  #add(key: string, queries: number, first: number, last: number): void {
    const total = this.#totals.get(key)
    if (total === undefined) {
      this.#totals.set(key, { queries, first, last })
      return
    }
    total.queries += queries
    total.first = Math.min(total.first, first)
    total.last = Math.max(total.last, last)
  }

  #forgetSmallest(): void {
    const counts = Float64Array.from(this.#totals.values(), ({ queries }) => queries).sort()
    const least = counts[counts.length - KEPT_KEYS]!
    for (const [key, { queries }] of this.#totals) if (queries < least) this.#totals.delete(key)
    // Those that have as many as the least one are too many, if most came once: the older ones go.
    for (const [key, { queries }] of this.#totals) {
      if (this.#totals.size <= KEPT_KEYS) break
      if (queries === least) this.#totals.delete(key)
    }
  }
}

/** The two tables of one thread. */
class ThreadTables {
  readonly #control: Int32Array
  readonly #tables: readonly [TopKeyTable, TopKeyTable]
  readonly #keys: readonly [Buffer, Buffer]
  readonly #keyBytes: number
  #wanted = 0
  /** When the table that the thread counts in was given to it. */
  #givenMs = 0

  constructor(handle: TopKeysHandle) {
    this.#control = controlOf(handle)
    const tables = [tableOf(handle, 0), tableOf(handle, 1)] as const
    this.#tables = tables
    this.#keys = [octetsOf(tables[0]), octetsOf(tables[1])]
    this.#keyBytes = 4 * handle.keyWords
  }

  /** Whether the thread has gone on to the table that it was given last, so that the other one is ours. */
  get areHandedOver(): boolean {
    return Atomics.load(this.#control, IN_USE) === this.#wanted
  }

  /** Reads our table and clears it. */
  take(add: (key: string, queries: number, first: number, last: number) => void): void {
    const ours = (this.#wanted + 1) & 1
    const { lengths, sets } = this.#tables[ours]!
    const octets = this.#keys[ours]!
    for (let set = 0; set < SETS; set++) {
      const isFull = sets[SET_WORDS * set + COUNT + WAYS - 1] !== 0
      const least = isFull ? FULL_SET_LEAST : 1
      for (let way = 0; way < WAYS; way++) {
        const at = SET_WORDS * set + way
        const count = sets[at + COUNT]!
        // The rest of the set is free, too.
        if (count === 0) break
        sets[at + COUNT] = 0
        if (count < least) continue
        const entry = WAYS * set + way
        const start = this.#keyBytes * entry
        const key = octets.toString('latin1', start, start + lengths[entry]!)
        add(key, count, sets[at + FIRST]!, sets[at + LAST]!)
      }
    }
    Atomics.store(this.#control, CROWDED + ours, 0)
  }

  /** Wants the table that the thread has now, unless it is better left to it for a while. */
  ask(nowMs: number): void {
    const isCrowded = Atomics.load(this.#control, CROWDED + (this.#wanted & 1)) === 1
    const elapsedMs = nowMs - this.#givenMs
    if (isCrowded && elapsedMs >= 0 && elapsedMs < CROWDED_MS) return
    this.#givenMs = nowMs
    this.#wanted = (this.#wanted + 1) | 0
    Atomics.store(this.#control, WANTED, this.#wanted)
  }
}

function octetsOf({ keys }: TopKeyTable): Buffer {
  return Buffer.from(keys.buffer as unknown as ArrayBuffer, keys.byteOffset, keys.byteLength)
}
