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

/**
 * One thread's counters, counted where the main thread reads them.
 *
 * Plain stores and no atomic ones: each word has one writer, and an element of 32 bits is never seen half written (ECMA-262,
 * IsNoTearConfiguration). A reader may be late by what the processor holds back, and loads atomically. An atomic store costs 8 ns and a
 * plain one 0.6 (Node 20, 2026-11): for batches of one, that was 75 ns a query.
 */
export class ThreadCounters {
  /** Add to these by `Counter` index; they wrap. They go on from those of a dead thread whose place this one takes. */
  readonly values: Uint32Array

  constructor(rows: SharedArrayBuffer, thread: number) {
    this.values = new Uint32Array(rows, 4 * COUNTER_ROW_WORDS * thread, COUNTER_ROW_WORDS)
  }
}
