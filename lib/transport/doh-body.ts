import { MAX_REQUEST_SIZE } from './datagram-transport.js'
import { MAX_BODY_SIZE } from './doh-request.js'

/** The body of a POST as it comes in. Of a long one as much is kept as of a long message over TCP; see `MAX_REQUEST_SIZE`. */
export class DohBody {
  readonly #chunks: Buffer[] = []
  #size = 0
  #kept = 0

  /** Says whether it is still one that may come. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length
    const kept = Math.min(chunk.length, MAX_REQUEST_SIZE - this.#kept)
    if (kept > 0) {
      // Copied: a chunk is a piece of something larger, that would be kept as a whole.
      this.#chunks.push(Buffer.from(chunk.subarray(0, kept)))
      this.#kept += kept
    }
    return this.#size <= MAX_BODY_SIZE
  }

  get message(): Uint8Array {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
  }
}
