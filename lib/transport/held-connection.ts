import type { Socket } from 'node:net'
import type { StreamEnds } from './stream-transport.js'

/** A connection that is counted and limited like all others, while something else than `StreamConnection` reads from it. */
export class HeldConnection {
  readonly client: string
  /** When the last whole message came, or the connection; kept by `StreamConnections`. */
  lastMessageMs = 0
  /** Says goodbye in the words of what is spoken, if that has any. Whoever serves the connection sets it. */
  sayGoodbye: (() => void) | undefined
  /** Ends it in order: what was answered is still written. Whoever serves the connection sets it, where there is such an order. */
  finish: (() => void) | undefined
  readonly #socket: Socket
  readonly #onGone: () => void

  constructor(socket: Socket, client: string, onGone: () => void) {
    this.client = client
    this.#socket = socket
    this.#onGone = onGone
    // A client that went away: 'close' comes next.
    socket.on('error', () => {})
    socket.on('close', onGone)
  }

  get ends(): StreamEnds {
    return this.#socket
  }

  close(): void {
    if (this.sayGoodbye === undefined) {
      this.#socket.destroy()
      return
    }
    this.sayGoodbye()
    // Node hands it to the kernel at the end of this turn; for a client that does not read, nobody waits.
    setImmediate(() => this.#socket.destroy())
  }

  end(): void {
    if (this.finish === undefined) this.#socket.destroy()
    else this.finish()
  }

  /** Somebody else counts it from now on. */
  release(): void {
    this.#socket.off('close', this.#onGone)
  }
}
