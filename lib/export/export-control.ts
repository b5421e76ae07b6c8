// Words that the main thread and the export thread share: | end | watched | reopen | posted | connected |, then totals of 64 bits.

const END = 0
const WATCHED = END + 1
const REOPEN = WATCHED + 1
const POSTED = REOPEN + 1
const CONNECTED = POSTED + 1
const WORDS = 8

/** What is counted, in the order of the totals. */
export const EXPORT_TOTALS = ['logWritten', 'logLost', 'dnstapWritten', 'dnstapLost', 'hostLost', 'ringLost'] as const
export type ExportTotal = (typeof EXPORT_TOTALS)[number]

/** Batches of queries that the main thread may have waiting: a host whose loop is blocked must not fill its memory. */
const MAX_POSTED = 16

/** Both sides of it: what a thread may call is said for each. */
export class ExportControl {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #totals: BigInt64Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * WORDS + 8 * EXPORT_TOTALS.length)) {
    this.memory = memory
    this.#words = new Int32Array(memory, 0, WORDS)
    this.#totals = new BigInt64Array(memory, 4 * WORDS)
  }

  /** Main thread: those who answer have ended, and what they have left is all that is to come. */
  end(): void {
    Atomics.store(this.#words, END, 1)
  }

  get isEnding(): boolean {
    return Atomics.load(this.#words, END) !== 0
  }

  /** Main thread: whether somebody has subscribed to queries. */
  set isWatched(isWatched: boolean) {
    Atomics.store(this.#words, WATCHED, Number(isWatched))
  }

  get isWatched(): boolean {
    return Atomics.load(this.#words, WATCHED) !== 0
  }

  /** Main thread: the log's file is to be opened anew. */
  reopen(): void {
    Atomics.add(this.#words, REOPEN, 1)
  }

  /** How often that was asked for; wraps. */
  get reopens(): number {
    return Atomics.load(this.#words, REOPEN)
  }

  /** Export thread: before a batch is posted to the main thread; false if too many wait there. */
  mayPost(): boolean {
    if (Atomics.load(this.#words, POSTED) >= MAX_POSTED) return false
    Atomics.add(this.#words, POSTED, 1)
    return true
  }

  /** Main thread: a batch has come. */
  received(): void {
    Atomics.sub(this.#words, POSTED, 1)
  }

  /** Main thread: the export thread is dead; what it has posted came, or never will. */
  forgetPosted(): void {
    Atomics.store(this.#words, POSTED, 0)
    this.isConnected = false
  }

  /** Export thread: whether dnstap has a reader. */
  set isConnected(isConnected: boolean) {
    Atomics.store(this.#words, CONNECTED, Number(isConnected))
  }

  get isConnected(): boolean {
    return Atomics.load(this.#words, CONNECTED) !== 0
  }

  /** Export thread. */
  count(total: ExportTotal, more: number): void {
    if (more > 0) Atomics.add(this.#totals, EXPORT_TOTALS.indexOf(total), BigInt(more))
  }

  total(total: ExportTotal): number {
    return Number(Atomics.load(this.#totals, EXPORT_TOTALS.indexOf(total)))
  }
}
