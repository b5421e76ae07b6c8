/** RFC 1035 §4.2.2: a message in a stream stands behind its length in two octets. */
export const FRAME_HEAD_SIZE = 2

const NOTHING = new Uint8Array(0)

/**
 * Cuts what a stream brings into messages of up to 65 535 bytes, however its bytes come.
 *
 * The `StreamFrames` of our own listeners cut queries short that are longer than any needs to be; responses are wanted whole.
 */
export class ReplyFrames {
  #rest: Uint8Array = NOTHING
  #at = 0

  /** Chunks are not copied unless a message is cut by their end. */
  feed(chunk: Uint8Array): void {
    const left = this.#rest.length - this.#at
    if (left === 0) this.#rest = chunk
    else {
      const joined = new Uint8Array(left + chunk.length)
      joined.set(this.#rest.subarray(this.#at))
      joined.set(chunk, left)
      this.#rest = joined
    }
    this.#at = 0
  }

  /** The next whole message; undefined when more has to come. */
  next(): Uint8Array | undefined {
    const bytes = this.#rest
    const start = this.#at + FRAME_HEAD_SIZE
    if (start > bytes.length) return undefined
    const end = start + ((bytes[start - 2]! << 8) | bytes[start - 1]!)
    if (end > bytes.length) return undefined
    this.#at = end
    return bytes.subarray(start, end)
  }
}
