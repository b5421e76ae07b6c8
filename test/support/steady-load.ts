import { createSocket, type Socket } from 'node:dgram'
import { buildQuery } from './build-query.js'

/** After this an answer counts as lost. */
const LOST_MS = 3_000
const SCAN_MS = 100
/** QR, and an RCODE of NOERROR, in bytes 2 and 3 of a message; the answers are counted in bytes 6 and 7. */
const QR = 0x80
const RCODE_MASK = 0x0f

/** Asks for one name from many ports, one query in flight on each, the next as soon as the last is answered or lost. */
export class SteadyLoad implements AsyncDisposable {
  answered = 0
  lost = 0
  /** Anything but NOERROR with an answer. */
  wrong = 0
  readonly #query: Uint8Array
  readonly #port: number
  readonly #host: string
  readonly #sockets: Socket[]
  readonly #sentAt: number[]
  readonly #timer: NodeJS.Timeout
  #isEnding = false

  constructor({ host, port }: { host: string; port: number }, name: string, clients: number) {
    this.#query = buildQuery(name)
    this.#host = host
    this.#port = port
    this.#sentAt = Array(clients).fill(0)
    this.#sockets = Array.from({ length: clients }, (_, client) => {
      const socket = createSocket('udp4')
      socket.on('message', (response) => this.#take(client, response))
      return socket
    })
    for (let client = 0; client < clients; client++) this.#ask(client)
    this.#timer = setInterval(() => this.#giveUpOverdue(), SCAN_MS)
  }

  /** Asks nothing new, and resolves once all that was asked is answered or lost. */
  async end(): Promise<void> {
    this.#isEnding = true
    while (this.#sentAt.some((sentAt) => sentAt !== 0)) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#isEnding = true
    for (const socket of this.#sockets) socket.close()
  }

  #ask(client: number): void {
    this.#sentAt[client] = 0
    if (this.#isEnding) return
    this.#sentAt[client] = performance.now()
    this.#sockets[client]!.send(this.#query, this.#port, this.#host)
  }

  #take(client: number, response: Buffer): void {
    // Late, and counted as lost already.
    if (this.#sentAt[client] === 0) return
    const isRight = (response[2]! & QR) !== 0 && (response[3]! & RCODE_MASK) === 0 && response.readUInt16BE(6) > 0
    if (isRight) this.answered++
    else this.wrong++
    this.#ask(client)
  }

  #giveUpOverdue(): void {
    const limit = performance.now() - LOST_MS
    for (const [client, sentAt] of this.#sentAt.entries()) {
      if (sentAt === 0 || sentAt > limit) continue
      this.lost++
      this.#ask(client)
    }
  }
}
