import { createSocket, type Socket } from 'node:dgram'
import { queryMessage } from '../../../lib/wire/query-message.js'

const TYPE_A = 1
const HOST = '127.0.0.1'
/** A query or answer that is lost is asked for again after this. */
const LOST_MS = 50

/** A DNS client that asks for one name over and over, the next query as soon as an answer is there. */
export class AnswerWatch implements Disposable {
  readonly #socket: Socket = createSocket('udp4')
  readonly #query: Uint8Array
  readonly #port: number
  readonly #timer: NodeJS.Timeout
  #answeredAt = performance.now()
  #waiting: { readonly address: string; readonly resolve: (at: number) => void } | undefined

  constructor(name: string, port: number) {
    this.#query = queryMessage(name, TYPE_A, 0)
    this.#port = port
    this.#socket.on('message', (response) => this.#take(response))
    this.#timer = setInterval(() => {
      if (performance.now() - this.#answeredAt > LOST_MS) this.#ask()
    }, LOST_MS)
    this.#ask()
  }

  /** Resolves with the time when the first answer with this address came. */
  sees(address: string): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = { address, resolve }
    })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#socket.close()
  }

  #ask(): void {
    this.#socket.send(this.#query, this.#port, HOST)
  }

  /** The address is the last thing in an answer of one A record. */
  #take(response: Buffer): void {
    this.#answeredAt = performance.now()
    if (this.#waiting?.address === response.subarray(-4).join('.')) {
      this.#waiting.resolve(this.#answeredAt)
      this.#waiting = undefined
    }
    this.#ask()
  }
}
