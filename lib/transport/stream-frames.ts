import { MAX_REQUEST_SIZE } from './datagram-transport.js'

/** RFC 1035 §4.2.2: a message in a stream stands behind its length in two octets. */
export const FRAME_HEAD_SIZE = 2
/** The largest message that a length of two octets can tell. */
export const MAX_FRAME_SIZE = 0xffff
/** A message has a DNS header at least (RFC 1035 §4.1.1); what is shorter means that the client and we are out of step. */
const MIN_FRAME_SIZE = 12

/** What an unfinished message is given at first: nearly all queries are shorter. */
const FIRST_ROOM = 512
const NOTHING = new Uint8Array(0)

/**
 * Cuts a stream into messages, however its bytes come. One for each connection.
 *
 * `feed` a chunk, then take messages while `next` says that there is one: `length` bytes of `bytes`, from `start` on, that stay
 * as they are until the next call. A chunk that is done with is not held on to, and of an unfinished message only what came of it.
 */
export class StreamFrames {
  bytes: Uint8Array = NOTHING
  start = 0
  /** At most `MAX_REQUEST_SIZE`: a longer message is cut, as a longer datagram is. */
  length = 0
  /** A message without a header came: nothing behind it can be trusted. */
  failed = false

  #chunk: Uint8Array = NOTHING
  #at = 0
  /** Of the length in front of the message: its octets so far, and how many. */
  #head = 0
  #headCount = 0
  /** Of an unfinished message: what is kept of it, and how many of its bytes have come, kept or not. */
  #held: Uint8Array = NOTHING
  #received = 0

  /** Whether the chunk has been used up. */
  get isDrained(): boolean {
    return this.#at === this.#chunk.length
  }

  /** The chunk before must have been used up. It is not copied. */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#at = 0
  }

  next(): boolean {
    if (!this.failed && this.#readHead()) {
      if (this.#head < MIN_FRAME_SIZE) this.failed = true
      else if (this.#received === 0 && this.#chunk.length - this.#at >= this.#head) return this.#takeWhole()
      else if (this.#holdMore()) return this.#takeHeld()
    }
    this.#letGo()
    return false
  }

  #readHead(): boolean {
    while (this.#headCount < FRAME_HEAD_SIZE) {
      if (this.isDrained) return false
      this.#head = (this.#head << 8) | this.#chunk[this.#at++]!
      this.#headCount++
    }
    return true
  }

  #takeWhole(): boolean {
    const length = this.#head
    this.#give(this.#chunk, this.#at, length)
    this.#at += length
    return true
  }

  #takeHeld(): boolean {
    this.#give(this.#held, 0, this.#head)
    this.#held = NOTHING
    return true
  }

  #give(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes
    this.start = start
    this.length = Math.min(length, MAX_REQUEST_SIZE)
    this.#head = 0
    this.#headCount = 0
    this.#received = 0
  }

  /** Says whether the message is whole now. */
  #holdMore(): boolean {
    const count = Math.min(this.#chunk.length - this.#at, this.#head - this.#received)
    const kept = Math.min(count, MAX_REQUEST_SIZE - this.#received)
    if (kept > 0) {
      this.#makeRoom(this.#received + kept)
      this.#held.set(this.#chunk.subarray(this.#at, this.#at + kept), this.#received)
    }
    this.#at += count
    this.#received += count
    return this.#received === this.#head
  }

  /** A client that announces much and sends little costs little. */
  #makeRoom(size: number): void {
    if (this.#held.length >= size) return
    const most = Math.min(this.#head, MAX_REQUEST_SIZE)
    const larger = new Uint8Array(size <= FIRST_ROOM ? Math.min(FIRST_ROOM, most) : most)
    larger.set(this.#held)
    this.#held = larger
  }

  #letGo(): void {
    this.#chunk = NOTHING
    this.#at = 0
    this.bytes = NOTHING
  }
}
