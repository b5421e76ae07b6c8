// Counters in shared memory: one row a thread, so that no two threads write the same word. 32 bits, wrapping; the main thread
// extends them to 64 (`counter-totals.ts`).

/** What a thread counts, in the order of its row. */
export const COUNTER_NAMES = [
  'queries',
  'responses',
  'dropped',
  'truncated',
  'nodata',
  'sendFailures',
  'batches',
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'BADVERS',
  'BADCOOKIE',
  'tcpQueries',
  'tcpAccepted',
  'tcpRefused',
  'tcpIdleClosed',
  'tcpEvicted',
  'tcpClosed',
  'dotQueries',
  'dohQueries',
  'tlsHandshakesFailed',
  'hookFaults',
  'hookTimeouts',
  'hookOverflows',
  'hookResponsesLost',
  'aclRefused',
  'aclDropped',
  'queriesLimited',
  'responsesLimited',
  'responsesSlipped',
  'amplificationAvoided',
  'cacheHits',
  'cacheMisses',
  'cacheStale',
  'forwarded',
  'forwardCoalesced',
  'forwardFailed',
  'forwardFull',
  'forwardLimited',
  'forwardOverdue',
  'forwardRenewed',
] as const

export type CounterName = (typeof COUNTER_NAMES)[number]

/** The place of each counter in a row. */
export const Counter = Object.freeze(Object.fromEntries(COUNTER_NAMES.map((name, index) => [name, index]))) as Readonly<
  Record<CounterName, number>
>

/** A row is whole cache lines. */
export const COUNTER_ROW_WORDS = 16 * Math.ceil(COUNTER_NAMES.length / 16)

export function createCounterRows(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * COUNTER_ROW_WORDS * threads)
}

/** One thread's counters: counted in memory of its own, shown to others once a batch. */
export class ThreadCounters {
  /** Add to these by `Counter` index; they wrap. */
  readonly values = new Uint32Array(COUNTER_ROW_WORDS)
  readonly #row: Int32Array
  /** What others see: a store for them costs as much as ten of ours, and most counters stand still. */
  readonly #shown = new Uint32Array(COUNTER_ROW_WORDS)

  /** Goes on from what the row holds: the thread may be taking the place of a dead one. */
  constructor(rows: SharedArrayBuffer, thread: number) {
    this.#row = new Int32Array(rows, 4 * COUNTER_ROW_WORDS * thread, COUNTER_ROW_WORDS)
    for (let i = 0; i < COUNTER_NAMES.length; i++) this.values[i] = Atomics.load(this.#row, i)
    this.#shown.set(this.values)
  }

  flush(): void {
    for (let i = 0; i < COUNTER_NAMES.length; i++) {
      const value = this.values[i]!
      if (value === this.#shown[i]) continue
      this.#shown[i] = value
      Atomics.store(this.#row, i, value)
    }
  }
}
