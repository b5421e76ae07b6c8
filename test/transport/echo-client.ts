import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

export interface EchoResponse {
  readonly bytes: Buffer
  readonly from: RemoteInfo
}

/** A client with a port of its own. Not connected, so that it sees responses from wherever they come. */
export class EchoClient {
  readonly socket: Socket
  readonly #arrived: EchoResponse[] = []
  readonly #waiting: ((response: EchoResponse) => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', (bytes, from) => {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#arrived.push({ bytes, from })
      else waiting({ bytes, from })
    })
  }

  static async open(host: string): Promise<EchoClient> {
    return new EchoClient(await openEchoSocket(host))
  }

  send(bytes: Uint8Array, host: string, port: number): void {
    this.socket.send(bytes, port, host)
  }

  /** The next response; rejects if none comes within the deadline. */
  async next(deadlineMs = 5000): Promise<EchoResponse> {
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) return arrived
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no response within ${deadlineMs} ms`)), deadlineMs)
      this.#waiting.push((response) => {
        clearTimeout(timer)
        resolve(response)
      })
    })
  }

  async ask(bytes: Uint8Array, host: string, port: number): Promise<EchoResponse> {
    this.send(bytes, host, port)
    return this.next()
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }
}

/** A socket on loopback, for a server there. */
export async function openEchoSocket(host: string): Promise<Socket> {
  const isV6 = isIPv6(host)
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4' })
  socket.bind(0, isV6 ? '::1' : '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
