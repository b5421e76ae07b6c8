import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { buildQuery } from './build-query.js'

/** One connection, over TCP or TLS: what goes out is up to the test, what comes in is cut into messages. */
export class TcpClient implements AsyncDisposable {
  readonly socket: Socket
  /** Whole messages that have not been taken yet. */
  readonly messages: Buffer[] = []
  /** Whether the server has ended its side. */
  ended = false
  closed = false
  error: Error | undefined
  #rest = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', (error) => {
      this.error = error
    })
  }

  /** `localAddress` tells clients apart: all of 127/8 is this host. */
  static async open(server: { host: string; port: number }, localAddress?: string): Promise<TcpClient> {
    const { host, port } = server
    const socket = connect({ host, port, allowHalfOpen: true, ...(localAddress === undefined ? {} : { localAddress }) })
    const client = new TcpClient(socket)
    await once(socket, 'connect')
    return client
  }

  /** The same over TLS; any certificate will do unless the options say otherwise. */
  static async openTls(server: { host: string; port: number }, options: TlsClientOptions = {}): Promise<TcpClient> {
    const { host, port } = server
    const given: TlsClientOptions = { host, port, rejectUnauthorized: false, allowHalfOpen: true, ...options }
    const socket = connectTls(given)
    const client = new TcpClient(socket)
    await once(socket, 'secureConnect')
    return client
  }

  /** Asks, and resolves to the next message that comes. */
  async ask(name: string, type = 'A'): Promise<Buffer> {
    this.socket.write(framed(buildQuery(name, type)))
    return this.next()
  }

  /** The next whole message. Rejects when the connection ends first, or after five seconds. */
  async next(): Promise<Buffer> {
    await this.#until(() => this.messages.length > 0 || this.ended || this.closed)
    const message = this.messages.shift()
    if (message === undefined) throw new Error('the connection has ended without a message')
    return message
  }

  /** Resolves once the server has ended the connection, in order or not. */
  untilEnded(timeoutMs?: number): Promise<void> {
    return this.#until(() => this.ended || this.closed, timeoutMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    if (!this.closed) await once(this.socket, 'close')
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    let at = 0
    while (this.#rest.length - at >= 2 && this.#rest.length - at >= 2 + this.#rest.readUInt16BE(at)) {
      const length = this.#rest.readUInt16BE(at)
      this.messages.push(this.#rest.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
    this.#rest = this.#rest.subarray(at)
  }

  async #until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs)
    while (!condition()) {
      const waiting = new AbortController()
      // An 'error' rejects them: it is a change as well, and 'close' comes next.
      const events = ['data', 'end', 'close'].map((name) =>
        once(this.socket, name, { signal: waiting.signal }).catch(() => {}),
      )
      const late = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error(`nothing came within ${timeoutMs} ms`)), {
          signal: waiting.signal,
        }),
      )
      try {
        await Promise.race([...events, late])
      } finally {
        waiting.abort()
      }
    }
  }
}

/** Those of the TCP connection below count as well, which Node's types leave out. */
export type TlsClientOptions = ConnectionOptions & { allowHalfOpen?: boolean; localAddress?: string }

/** A message with its length before it. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(2 + message.length)
  frame.writeUInt16BE(message.length)
  frame.set(message, 2)
  return frame
}
