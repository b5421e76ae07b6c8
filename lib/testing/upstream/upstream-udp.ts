import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Reaction } from './fault-script.js'
import type { UpstreamSource } from './upstream-query.js'

/** Takes a message, and says what comes of it; undefined: nothing. */
export type OnMessage = (bytes: Uint8Array, source: UpstreamSource) => Promise<Reaction | undefined>

/** The UDP side of an upstream: its socket, and one on another port for what comes from the wrong place. */
export class UpstreamUdp {
  readonly #socket: Socket
  readonly #elsewhere: Socket
  readonly #timers = new Set<NodeJS.Timeout>()
  #isClosed = false

  private constructor(socket: Socket, elsewhere: Socket, onMessage: OnMessage) {
    this.#socket = socket
    this.#elsewhere = elsewhere
    for (const each of [socket, elsewhere]) {
      // A client that is gone makes the next call fail: nothing to do with those that are there.
      each.on('error', () => {})
    }
    socket.on('message', (bytes, { address, port }) => {
      const source = { protocol: 'udp', address, port } as const
      void onMessage(new Uint8Array(bytes), source).then((reaction) => this.#send(reaction, source))
    })
  }

  /** Rejects when the port is taken. */
  static async open(host: string, port: number, onMessage: OnMessage): Promise<UpstreamUdp> {
    const kind = host.includes(':') ? 'udp6' : 'udp4'
    const socket = await bound(createSocket({ type: kind, recvBufferSize: RECEIVE_BUFFER }), host, port)
    return new UpstreamUdp(socket, await bound(createSocket(kind), host, 0), onMessage)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all([this.#socket, this.#elsewhere].map((socket) => new Promise<void>((end) => socket.close(end))))
  }

  #send(reaction: Reaction | undefined, source: UpstreamSource): void {
    if (reaction === undefined || this.#isClosed) return
    const { delayMs } = reaction
    if (delayMs === 0) {
      this.#sendNow(reaction, source)
      return
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#sendNow(reaction, source)
    }, delayMs)
    this.#timers.add(timer)
  }

  #sendNow({ messages }: Reaction, { address, port }: UpstreamSource): void {
    for (const { bytes, isFromElsewhere } of messages) {
      const socket = isFromElsewhere ? this.#elsewhere : this.#socket
      // What the system does not take is lost, as datagrams are.
      socket.send(bytes, port, address, () => {})
    }
  }
}

/** Bursts of a load test are not to be lost here. */
const RECEIVE_BUFFER = 1 << 21

async function bound(socket: Socket, host: string, port: number): Promise<Socket> {
  socket.bind(port, host)
  try {
    await once(socket, 'listening')
  } catch (cause) {
    socket.close()
    throw cause
  }
  return socket
}
