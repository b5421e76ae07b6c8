import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

interface Waiting {
  readonly resolve: (response: Uint8Array) => void
  readonly reject: (cause: Error) => void
  readonly query: Uint8Array
  sentAt: number
  tries: number
}

const TRY_MS = 1_000
const TRIES = 5
const LOOK_EVERY_MS = 100

/** One socket that asks a server many things at a time. What the kernel drops is asked again. */
export class UdpAsker implements AsyncDisposable {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #timer: NodeJS.Timeout
  #nextId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes) => this.#take(bytes))
    socket.on('error', () => {
      // Nobody listens there yet; the next try tells.
    })
    this.#timer = setInterval(() => this.#sendAgain(), LOOK_EVERY_MS)
  }

  static async open({ host, port }: { host: string; port: number }): Promise<UdpAsker> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 21 })
    socket.connect(port, host)
    await once(socket, 'connect')
    return new UdpAsker(socket)
  }

  /** Sends a query with an id of its own, and resolves to the response. The bytes are kept until then. */
  ask(query: Uint8Array): Promise<Uint8Array> {
    const id = this.#nextId++ & 0xffff
    query[0] = id >>> 8
    query[1] = id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, query, sentAt: performance.now(), tries: 1 })
      this.#socket.send(query)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }

  #take(bytes: Buffer): void {
    if (bytes.length < 2) return
    const id = bytes.readUInt16BE(0)
    this.#waiting.get(id)?.resolve(new Uint8Array(bytes))
    this.#waiting.delete(id)
  }

  #sendAgain(): void {
    const now = performance.now()
    for (const [id, waiting] of this.#waiting) {
      if (now - waiting.sentAt < TRY_MS) continue
      if (waiting.tries === TRIES) {
        this.#waiting.delete(id)
        waiting.reject(new Error(`no response to ${Buffer.from(waiting.query).toString('hex')}`))
        continue
      }
      waiting.tries++
      waiting.sentAt = now
      this.#socket.send(waiting.query)
    }
  }
}

/** Does something for each of many items, so many of them at a time. */
export async function concurrently<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<void>,
) {
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const i = next++
      await work(items[i]!, i)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
