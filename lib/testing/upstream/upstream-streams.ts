import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Reaction } from './fault-script.js'
import type { UpstreamSource } from './upstream-query.js'
import type { OnMessage } from './upstream-udp.js'

/** A certificate and its key, as PEM text. */
export interface UpstreamCertificate {
  readonly cert: string
  readonly key: string
}

/** The TCP side of an upstream, or its TLS side. */
export class UpstreamStreams {
  readonly port: number
  /** Connections taken so far, handshakes that failed left out. */
  connections = 0
  readonly #host: string
  readonly #certificate: UpstreamCertificate | undefined
  readonly #onMessage: OnMessage
  readonly #sockets = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #server: Server | undefined

  private constructor(
    host: string,
    server: Server,
    certificate: UpstreamCertificate | undefined,
    onMessage: OnMessage,
  ) {
    this.#host = host
    this.#certificate = certificate
    this.#onMessage = onMessage
    this.port = (server.address() as AddressInfo).port
    this.#take(server)
  }

  /** Rejects when the port is taken. With a certificate it is TLS. */
  static async open(
    host: string,
    port: number,
    onMessage: OnMessage,
    certificate?: UpstreamCertificate,
  ): Promise<UpstreamStreams> {
    return new UpstreamStreams(host, await listening(host, port, certificate), certificate, onMessage)
  }

  /** Connections are refused from now on, and those that there are end. */
  refuse(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Takes connections again, on the same port. */
  async accept(): Promise<void> {
    if (this.#server === undefined) this.#take(await listening(this.#host, this.port, this.#certificate))
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    const server = this.#server
    this.refuse()
    if (server?.listening === true) await once(server, 'close')
    await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')))
  }

  #take(server: Server): void {
    this.#server = server
    // Sockets that have not shaken hands yet are to be ended too.
    server.on('connection', (socket) => this.#keep(socket))
    server.on(this.#certificate === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections++
      this.#keep(socket)
      this.#read(socket)
    })
    server.on('tlsClientError', () => {
      // A client that does not trust the certificate, which may be what is tested.
    })
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    socket.on('error', () => {
      // A client may end as it likes.
    })
    socket.on('close', () => this.#sockets.delete(socket))
  }

  #read(socket: Socket): void {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket
    const source: UpstreamSource = { protocol: this.#certificate === undefined ? 'tcp' : 'tls', address, port }
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0)
        const message = new Uint8Array(rest.subarray(2, end))
        rest = rest.subarray(end)
        void this.#onMessage(message, source).then((reaction) => this.#answer(socket, reaction))
      }
    })
  }

  #answer(socket: Socket, reaction: Reaction | undefined): void {
    if (reaction === undefined) return
    const { delayMs, messages, closes } = reaction
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!socket.writable) return
      for (const { bytes } of messages) socket.write(framed(bytes))
      if (closes) socket.destroy()
    }, delayMs)
    this.#timers.add(timer)
  }
}

async function listening(host: string, port: number, certificate: UpstreamCertificate | undefined): Promise<Server> {
  const server = certificate === undefined ? createServer() : createTlsServer({ ...certificate })
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

/** RFC 1035 §4.2.2: two octets of length stand before a message. */
function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + bytes.length)
  frame[0] = bytes.length >>> 8
  frame[1] = bytes.length
  frame.set(bytes, 2)
  return frame
}
