import type { Socket } from 'node:net'
import type { ResponseStream } from './response-stream.js'
import { StreamFrames } from './stream-frames.js'
import type { StreamHandler } from './stream-transport.js'

/**
 * When this many bytes wait to be written, no more are read and no message is answered until all of them have gone: what a client
 * that does not read can make us hold. Room for some hundred usual responses; larger ones leave the kernel's buffers full as well.
 */
export const HIGH_WATER_BYTES = 32 * 1024

/** What a connection tells of itself. */
export interface ConnectionOwner {
  readonly handler: StreamHandler
  readonly responses: ResponseStream
  /** A whole message came. */
  onMessages(connection: StreamConnection): void
  /** The client does not read fast enough: reading from it has stopped. */
  onBlocked(connection: StreamConnection): void
  onUnblocked(connection: StreamConnection): void
  onClosed(connection: StreamConnection): void
}

/** One client's connection: messages in, responses out, in the order in which they came. */
export class StreamConnection {
  readonly client: string
  /** When the last whole message came, or the connection; `performance.now()`. Kept by the owner. */
  lastMessageMs = 0
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #frames = new StreamFrames()

  /** The socket was made with `allowHalfOpen`, and with `HIGH_WATER_BYTES` as its mark. */
  constructor(socket: Socket, client: string, owner: ConnectionOwner) {
    this.client = client
    this.#socket = socket
    this.#owner = owner
    socket.on('data', (chunk: Buffer) => {
      this.#frames.feed(chunk)
      this.#answer()
    })
    socket.on('drain', () => this.#onDrain())
    // RFC 7766 §6.2.4: a client may end its side and still wait for answers; what it has asked has been answered by now.
    socket.on('end', () => socket.end())
    // A client that went away: 'close' comes next, and is all that there is to do.
    socket.on('error', () => {})
    socket.on('close', () => owner.onClosed(this))
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Answers as many of the messages at hand as the client's reading allows. */
  #answer(): void {
    const { handler, responses } = this.#owner
    const socket = this.#socket
    const frames = this.#frames
    let messages = 0
    handler.beginBurst()
    while (socket.writable && !socket.writableNeedDrain && frames.next()) {
      messages++
      responses.answer(handler, frames.bytes, frames.start, frames.length)
      if (!responses.hasRoom) responses.flush(socket)
    }
    responses.flush(socket)
    handler.endBurst()
    if (messages > 0) this.#owner.onMessages(this)
    if (frames.failed) this.#giveUp()
    else if (socket.writableNeedDrain) this.#block()
  }

  #block(): void {
    this.#socket.pause()
    this.#owner.onBlocked(this)
  }

  /** What was answered before is still written. */
  #giveUp(): void {
    this.#socket.pause()
    this.#socket.destroySoon()
  }

  #onDrain(): void {
    this.#owner.onUnblocked(this)
    if (this.#frames.failed) return
    if (!this.#frames.isDrained) this.#answer()
    if (!this.#socket.writableNeedDrain) this.#socket.resume()
  }
}
