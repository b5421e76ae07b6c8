import { createSocket, type Socket } from 'node:dgram'
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet'

/** One client socket that asks a server, and matches answers by id. */
export class UdpClient implements AsyncDisposable {
  readonly #socket: Socket
  readonly #port: number
  readonly #host: string
  readonly #waiting = new Map<number, (packet: Decoded) => void>()
  #nextId = 1
  /** RD. */
  isRecursionDesired = false

  private constructor(socket: Socket, host: string, port: number) {
    this.#socket = socket
    this.#host = host
    this.#port = port
    socket.on('message', (bytes) => {
      const packet = decode(bytes) as Decoded
      this.#waiting.get(packet.id!)?.(packet)
    })
  }

  /** On a socket that is bound. */
  static on(socket: Socket, { host, port }: { host: string; port: number }): UdpClient {
    return new UdpClient(socket, host, port)
  }

  /** `from` is the client's own address. */
  static open(
    { host, port }: { host: string; port: number },
    from = host.includes(':') ? '::1' : '127.0.0.1',
  ): Promise<UdpClient> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(0, from, () => resolve(new UdpClient(socket, host, port)))
    })
  }

  /** Its own. */
  get port(): number {
    return this.#socket.address().port
  }

  /** Asks once. Rejects when no answer came in time: the query or its answer is lost. */
  async ask(name: string, type = 'A', timeoutMs = 2_000): Promise<Decoded> {
    const id = this.#nextId++ & 0xffff
    const answer = new Promise<Decoded>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${name} ${type} in ${timeoutMs} ms`)), timeoutMs)
      this.#waiting.set(id, (packet) => {
        clearTimeout(timer)
        resolve(packet)
      })
    })
    this.send(name, type, id)
    return answer.finally(() => this.#waiting.delete(id))
  }

  /** Asks and does not wait. */
  send(name: string, type = 'A', id = 0): void {
    const flags = this.isRecursionDesired ? RECURSION_DESIRED : 0
    const query = encode({ type: 'query', id, flags, questions: [{ type, name, class: 'IN' }] } as Packet)
    this.#socket.send(query, this.#port, this.#host)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }
}

export type Decoded = DecodedPacket & { rcode: string }

/** The data of the answers, in the order they came. */
export function dataOf(packet: Decoded): unknown[] {
  return (packet.answers ?? []).map((answer) => (answer as { data?: unknown }).data)
}
