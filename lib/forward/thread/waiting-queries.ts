import type { Desk } from './desk.js'

/** A query that waits for an answer. Made once, and used again and again. */
export class WaitingQuery {
  /** The next one that waits for the same answer, or the next one that is not in use. */
  next: WaitingQuery | undefined
  desk: Desk | undefined
  /** The slot that is held for it; NONE where it was copied out of the ring. */
  slot = 0
  /** Where it stands, as in a slot. */
  bytes: Uint8Array
  start: number
  readonly #ownBytes: Uint8Array
  readonly #ownStart: number

  constructor(bytes: Uint8Array, start: number) {
    this.#ownBytes = bytes
    this.#ownStart = start
    this.bytes = bytes
    this.start = start
  }

  /** Copies what stands in a slot. */
  copy(bytes: Uint8Array, start: number, length: number): void {
    if (length <= ROOM) {
      this.bytes = this.#ownBytes
      this.start = this.#ownStart
    } else {
      this.bytes = new Uint8Array(length)
      this.start = 0
    }
    for (let i = 0; i < length; i++) this.bytes[this.start + i] = bytes[start + i]!
  }

  /** Leaves it in its slot. */
  hold(bytes: Uint8Array, start: number): void {
    this.bytes = bytes
    this.start = start
  }
}

/** Queries that wait at a time, in 16 MiB. At 5 000 misses a second and four seconds without an answer there are 20 000. */
const MAX_WAITING = 32_768
/** A usual query, with what stands before it in a slot; a longer one has bytes of its own. */
const ROOM = 512
const CHUNK = 1024

/** The queries that wait; bounded, so that silent upstreams and many clients together take no more memory than that. */
export class WaitingQueries {
  count = 0
  /** For one more than may wait, which is answered at once. */
  readonly spare = new WaitingQuery(new Uint8Array(ROOM), 0)
  #made = 0
  #free: WaitingQuery | undefined

  /** Undefined when there are too many already. */
  take(): WaitingQuery | undefined {
    if (this.#free === undefined) this.#makeMore()
    const query = this.#free
    if (query === undefined) return undefined
    this.#free = query.next
    query.next = undefined
    this.count++
    return query
  }

  give(query: WaitingQuery): void {
    query.desk = undefined
    if (query === this.spare) return
    query.next = this.#free
    this.#free = query
    this.count--
  }

  #makeMore(): void {
    if (this.#made >= MAX_WAITING) return
    const bytes = new Uint8Array(CHUNK * ROOM)
    for (let i = 0; i < CHUNK; i++) {
      const query = new WaitingQuery(bytes, i * ROOM)
      query.next = this.#free
      this.#free = query
    }
    this.#made += CHUNK
  }
}
