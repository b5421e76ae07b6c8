import { createSocket, type Socket } from 'node:dgram'
import { queryMessage } from '../../../lib/wire/query-message.js'

const TYPE_A = 1
const LOST_MS = 2_000
const SCAN_MS = 100
const RCODE_MASK = 0x0f

/** `address` is undefined for anything but NOERROR with one address; `sentAtMs` is when it was asked. */
type Check = (host: number, address: string | undefined, sentAtMs: number) => void

/** Asks for hosts at random from many ports, one query in flight on each, and has each answer checked. */
export class CheckedLoad implements Disposable {
  answered = 0
  lost = 0
  readonly #sockets: Socket[]
  readonly #sentAt: number[]
  /** The id of what is in flight, and the host that it asks for. */
  readonly #asked: number[]
  readonly #hosts: number[] = []
  readonly #port: number
  readonly #queries: Uint8Array[]
  readonly #check: Check
  readonly #timer: NodeJS.Timeout

  constructor(port: number, names: readonly string[], clients: number, check: Check) {
    this.#port = port
    this.#queries = names.map((name) => queryMessage(name, TYPE_A, 0))
    this.#check = check
    this.#sentAt = Array(clients).fill(0)
    this.#asked = Array(clients).fill(0)
    this.#sockets = Array.from({ length: clients }, (_, client) => {
      const socket = createSocket('udp4')
      socket.on('message', (response) => this.#take(client, response))
      return socket
    })
    for (let client = 0; client < clients; client++) this.#ask(client)
    this.#timer = setInterval(() => this.#giveUpOverdue(), SCAN_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    for (const socket of this.#sockets) socket.close()
  }

  #ask(client: number): void {
    const host = Math.floor(Math.random() * this.#queries.length)
    const query = this.#queries[host]!
    const id = (this.#asked[client]! + 1) & 0xffff
    this.#asked[client] = id
    query[0] = id >>> 8
    query[1] = id & 0xff
    this.#sentAt[client] = performance.now()
    this.#hosts[client] = host
    // Copied: the bytes are the next client's before Node has sent them.
    this.#sockets[client]!.send(Buffer.from(query), this.#port, '127.0.0.1')
  }

  #take(client: number, response: Buffer): void {
    // Late, and counted as lost already.
    if (response.readUInt16BE(0) !== this.#asked[client]) return
    const isAnswer = (response[3]! & RCODE_MASK) === 0 && response.readUInt16BE(6) === 1
    this.answered++
    this.#check(this.#hosts[client]!, isAnswer ? response.subarray(-4).join('.') : undefined, this.#sentAt[client]!)
    this.#ask(client)
  }

  #giveUpOverdue(): void {
    const limit = performance.now() - LOST_MS
    for (const [client, sentAt] of this.#sentAt.entries()) {
      if (sentAt > limit) continue
      this.lost++
      this.#ask(client)
    }
  }
}
