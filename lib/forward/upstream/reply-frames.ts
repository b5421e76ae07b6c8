/** RFC 1035 §4.2.2: a message in a stream stands behind its length in two octets. */
export const FRAME_HEAD_SIZE = 2

const NOTHING = new Uint8Array(0)

/**
 * Cuts what a stream brings into messages of up to 65 535 bytes, however its bytes come: each is copied once at most, also where an upstream
 * sends them one by one.
 *
 * The `StreamFrames` of our own listeners cut queries short that are longer than any needs to be; responses are wanted whole.
 */
export class ReplyFrames {
  #chunk: Uint8Array = NOTHING
  #at = 0
  /** A message that the ends of chunks have cut: its length, itself as soon as that is known, and how many bytes of both are there. */
  readonly #head = new Uint8Array(FRAME_HEAD_SIZE)
  #cut: Uint8Array | undefined
  #gathered = 0

  /** Once `next` has nothing more of the chunk before. A chunk is not copied unless its end cuts a message. */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /** The next whole message; undefined when more has to come. */
  next(): Uint8Array | undefined {
    return this.#gathered > 0 ? this.#gather() : (this.#wholeInChunk() ?? this.#gather())
  }

  #wholeInChunk(): Uint8Array | undefined {
    const bytes = this.#chunk
    const start = this.#at + FRAME_HEAD_SIZE
    if (start > bytes.length) return undefined
    const end = start + messageLength(bytes[start - 2]!, bytes[start - 1]!)
    if (end > bytes.length) return undefined
    this.#at = end
    return bytes.subarray(start, end)
  }

  #gather(): Uint8Array | undefined {
    const chunk = this.#chunk
    const head = this.#head
    while (this.#gathered < FRAME_HEAD_SIZE) {
      if (this.#at === chunk.length) return this.#wantMore()
      head[this.#gathered++] = chunk[this.#at++]!
    }
    this.#cut ??= new Uint8Array(messageLength(head[0]!, head[1]!))
    const cut = this.#cut
    const from = this.#gathered - FRAME_HEAD_SIZE
    const part = chunk.subarray(this.#at, this.#at + cut.length - from)
    cut.set(part, from)
    this.#at += part.length
    this.#gathered += part.length
    if (from + part.length < cut.length) return this.#wantMore()
    this.#cut = undefined
    this.#gathered = 0
    return cut
  }

  /** Nothing holds on to a chunk that has been read. */
  #wantMore(): undefined {
    this.#chunk = NOTHING
    this.#at = 0
  }
}

function messageLength(high: number, low: number): number {
  return (high << 8) | low
}
