import type { Socket } from 'node:net'
import type { ResponseStream } from './response-stream.js'
import { StreamFrames } from './stream-frames.js'
import type { LateReceiver, StreamEnds, StreamHandler, StreamProtocol } from './stream-transport.js'

/**
 * When this many bytes wait to be written, no more are read and no message is answered until all of them have gone: what a client
 * that does not read can make us hold. Room for some hundred usual responses; larger ones leave the kernel's buffers full as well.
 */
export const HIGH_WATER_BYTES = 32 * 1024

/** Messages of one connection that are answered before others have their turn: a tenth of a millisecond for usual ones (2026-11). */
const BURST_MESSAGES = 64

/** What a connection tells of itself. */
export interface ConnectionOwner {
  readonly handler: StreamHandler
  readonly responses: ResponseStream
  /** Whether a connection may hold on to messages until it is its turn; if not, it answers all that it has. */
  readonly mayWait: boolean
  /** Whole messages came. */
  onMessages(connection: StreamConnection): void
  /** There are more messages than one turn takes: reading has stopped until `goOn` is called, in a later turn. */
  onWaiting(connection: StreamConnection): void
  /** The client does not read fast enough: reading from it has stopped. */
  onBlocked(connection: StreamConnection): void
  onUnblocked(connection: StreamConnection): void
  onClosed(connection: StreamConnection): void
}

/** One client's connection: messages in, responses out, in the order in which they came. */
export class StreamConnection implements LateReceiver {
  readonly client: string
  readonly protocol: StreamProtocol
  /** When the last whole message came, or the connection; `performance.now()`. Kept by the owner. */
  lastMessageMs = 0
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #frames = new StreamFrames()
  /** Responses that come later. */
  #owed = 0
  #clientHasEnded = false

  /** The socket was made with `allowHalfOpen`, and with `HIGH_WATER_BYTES` as its mark; Node gives those of TLS one of their own. */
  constructor(socket: Socket, client: string, protocol: StreamProtocol, owner: ConnectionOwner) {
    this.client = client
    this.protocol = protocol
    this.#socket = socket
    this.#owner = owner
    socket.on('data', (chunk: Buffer) => {
      this.#frames.feed(chunk)
      this.#answer()
    })
    socket.on('drain', () => {
      owner.onUnblocked(this)
      this.goOn()
    })
    // RFC 7766 §6.2.4: a client may end its side and still wait for answers.
    socket.on('end', () => {
      this.#clientHasEnded = true
      if (this.#owed === 0) socket.end()
    })
    // A client that went away: 'close' comes next, and is all that there is to do.
    socket.on('error', () => {})
    socket.on('close', () => owner.onClosed(this))
  }

  get ends(): StreamEnds {
    return this.#socket
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Ends it in order: what was answered is still written, and the client told that there will be no more. */
  end(): void {
    this.#socket.destroySoon()
  }

  /** RFC 7766 §6.2.1.1: responses may come in another order than their queries. */
  respond(bytes: Uint8Array, start: number, length: number): void {
    const socket = this.#socket
    this.#owed--
    if (!socket.writable) return
    if (length > 0) {
      const { responses } = this.#owner
      responses.add(bytes, start, length)
      responses.flush(socket)
    }
    if (this.#clientHasEnded && this.#owed === 0) socket.end()
  }

  /** Goes on with the messages that are left of a chunk, and reads more once there are none. */
  goOn(): void {
    if (this.#frames.failed) return
    if (!this.#frames.isDrained) this.#answer()
    if (!this.#isWaiting) this.#socket.resume()
  }

  /** Whether there are messages that cannot be answered at once, or never will be. */
  get #isWaiting(): boolean {
    return this.#frames.failed || this.#socket.writableNeedDrain || !this.#frames.isDrained
  }

  /** Answers as many of the messages at hand as it is this connection's turn to have, and as the client's reading allows. */
  #answer(): void {
    const { handler, responses, mayWait } = this.#owner
    const socket = this.#socket
    const frames = this.#frames
    const most = mayWait ? BURST_MESSAGES : Number.POSITIVE_INFINITY
    let messages = 0
    handler.beginBurst(this.client, this.protocol, this)
    while (messages < most && socket.writable && !socket.writableNeedDrain && frames.next()) {
      messages++
      if (!responses.answer(handler, frames.bytes, frames.start, frames.length)) this.#owed++
      if (!responses.hasRoom) responses.flush(socket)
    }
    responses.flush(socket)
    handler.endBurst()
    if (messages > 0) this.#owner.onMessages(this)
    if (this.#isWaiting) this.#wait()
  }

  #wait(): void {
    this.#socket.pause()
    // What was answered before is still written.
    if (this.#frames.failed) this.#socket.destroySoon()
    else if (this.#socket.writableNeedDrain) this.#owner.onBlocked(this)
    else this.#owner.onWaiting(this)
  }
}
