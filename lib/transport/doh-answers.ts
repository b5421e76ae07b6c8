import { MAX_REQUEST_SIZE } from './datagram-transport.js'
import { MAX_FRAME_SIZE } from './stream-frames.js'
import type { StreamHandler } from './stream-transport.js'

/** RFC 1035 §4.1.1: what is shorter than a header is no message. */
const MIN_MESSAGE_SIZE = 12

export interface DohAnswer {
  readonly bytes: Buffer
  /** In seconds; see `StreamHandler.freshness`. */
  readonly freshness: number
}

/** Answers messages that come by HTTP, one at a time: over other connections they come in bursts. */
export class DohAnswers {
  readonly #handler: StreamHandler
  readonly #room = new Uint8Array(MAX_FRAME_SIZE)

  constructor(handler: StreamHandler) {
    this.#handler = handler
  }

  /** Undefined for a message that gets no answer. */
  to(client: string, message: Uint8Array): DohAnswer | undefined {
    if (message.length < MIN_MESSAGE_SIZE) return undefined
    const handler = this.#handler
    const room = this.#room
    const length = Math.min(message.length, MAX_REQUEST_SIZE)
    handler.beginBurst(client, 'doh')
    const size = handler.answer(message, 0, length, room, 0, room.length)
    handler.endBurst()
    if (size === 0) return undefined
    // Copied: it may have to wait, and the room is for the next one.
    return { bytes: Buffer.from(room.subarray(0, size)), freshness: handler.freshness(room, 0, size) }
  }
}
