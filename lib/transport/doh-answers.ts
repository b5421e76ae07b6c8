import { LATER } from '../handoff/layout.js'
import { MAX_REQUEST_SIZE } from './datagram-transport.js'
import { MAX_FRAME_SIZE } from './stream-frames.js'
import type { StreamEnds, StreamHandler } from './stream-transport.js'

/** RFC 1035 §4.1.1: what is shorter than a header is no message. */
const MIN_MESSAGE_SIZE = 12

export interface DohAnswer {
  readonly bytes: Buffer
  /** In seconds; see `StreamHandler.freshness`. */
  readonly freshness: number
}

/** Who asks, and over which connection. */
export interface DohClient {
  readonly client: string
  readonly ends: StreamEnds
}

/** Answers messages that come by HTTP, one at a time: over other connections they come in bursts. */
export class DohAnswers {
  readonly #handler: StreamHandler
  readonly #room = new Uint8Array(MAX_FRAME_SIZE)

  constructor(handler: StreamHandler) {
    this.#handler = handler
  }

  /** `onAnswer` is called at once, or later, once; with undefined for a message that gets no answer. */
  to({ client, ends }: DohClient, message: Uint8Array, onAnswer: (answer: DohAnswer | undefined) => void): void {
    if (message.length < MIN_MESSAGE_SIZE) {
      onAnswer(undefined)
      return
    }
    const respond = (bytes: Uint8Array, start: number, size: number) => onAnswer(this.#answerOf(bytes, start, size))
    const handler = this.#handler
    const room = this.#room
    const length = Math.min(message.length, MAX_REQUEST_SIZE)
    handler.beginBurst(client, 'doh', { ends, respond })
    const size = handler.answer(message, 0, length, room, 0, room.length)
    handler.endBurst()
    if (size !== LATER) respond(room, 0, size)
  }

  #answerOf(bytes: Uint8Array, start: number, size: number): DohAnswer | undefined {
    if (size === 0) return undefined
    // Copied: it may have to wait, and the room is for the next one.
    return {
      bytes: Buffer.from(bytes.subarray(start, start + size)),
      freshness: this.#handler.freshness(bytes, start, size),
    }
  }
}
