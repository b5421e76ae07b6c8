import type { Socket } from 'node:net'

/** A connection that is counted and limited like all others, while something else than `StreamConnection` reads from it. */
export class HeldConnection {
  readonly client: string
  /** When the last whole message came, or the connection; kept by `StreamConnections`. */
  lastMessageMs = 0
  /** Says goodbye in the words of what is spoken, if that has any. Whoever serves the connection sets it. */
  sayGoodbye: (() => void) | undefined
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

  close(): void {
    if (this.sayGoodbye === undefined) {
      this.#socket.destroy()
      return
    }
    this.sayGoodbye()
    // Node hands it to the kernel at the end of this turn; for a client that does not read, nobody waits.
    setImmediate(() => this.#socket.destroy())
  }

  /** Somebody else counts it from now on. */
  release(): void {
    this.#socket.off('close', this.#onGone)
  }
}
