import { MESSAGES, QUERY_LENGTH, QUERY_TIME, RESPONSE_LENGTH, RESPONSE_TIME } from './exchange-layout.js'
import { NONE, RECORD_ALIGNMENT, type RingHandle } from './ring-layout.js'
import { RingWriter } from './ring-writer.js'

/** `performance.now()` counts from the thread's start, and does not follow when the wall clock is set: this often, we do. */
const SET_CLOCK_MS = 1000

/** The ring of one thread, as exchanges are written into it. */
export class ExchangeRing {
  readonly bytes: Uint8Array
  readonly halves: Uint16Array
  readonly #doubles: Float64Array
  readonly #ring: RingWriter
  /** What `performance.now()` lacks of the wall clock, and when that was found out. */
  #wallOffsetMs = 0
  #setAtMs = Number.NEGATIVE_INFINITY

  constructor(handle: RingHandle) {
    this.#ring = new RingWriter(handle)
    this.bytes = this.#ring.bytes
    const { buffer, byteOffset, length } = this.bytes
    this.halves = new Uint16Array(buffer, byteOffset, length >>> 1)
    this.#doubles = new Float64Array(buffer, byteOffset, length >>> 3)
  }

  /** Room for messages of so many octets, which are written down; NONE, and the exchange is counted as lost, if there is none. */
  claim(queryLength: number, responseLength: number): number {
    const size = (MESSAGES + queryLength + responseLength + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT
    const at = this.#ring.claim(size)
    if (at === NONE) return NONE
    this.halves[(at + QUERY_LENGTH) >>> 1] = queryLength
    this.halves[(at + RESPONSE_LENGTH) >>> 1] = responseLength
    return at
  }

  /** Times as `performance.now()` has them; the response is of now. Where the query's is not finite, so is that. */
  setTimes(at: number, queryMs: number, now: number): void {
    if (now > this.#setAtMs + SET_CLOCK_MS) this.#setClock(now)
    this.#doubles[(at + QUERY_TIME) >>> 3] = this.#wallOffsetMs + (Number.isFinite(queryMs) ? queryMs : now)
    this.#doubles[(at + RESPONSE_TIME) >>> 3] = this.#wallOffsetMs + now
  }

  /** `set` would take a view for each message. */
  copy(from: Uint8Array, start: number, at: number, length: number): void {
    const { bytes } = this
    for (let i = 0; i < length; i++) bytes[at + i] = from[start + i]!
  }

  /** Shows the reader what was written since. */
  show(): void {
    this.#ring.show()
  }

  #setClock(now: number): void {
    this.#setAtMs = now
    this.#wallOffsetMs = Date.now() - now
  }
}
