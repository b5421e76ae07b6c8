import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { HeldConnection } from './held-connection.js'
import type { StreamConnections } from './stream-connections.js'

/** From the connection to the end of its handshake: three round trips of a slow client, and time for a packet to be sent again. */
const HANDSHAKE_MS = 5_000

/** How long handshakes are begun in one piece. Each costs 0.8 ms with a key of P-256, 4.6 ms with one of RSA 4096 (2026-11). */
const SLICE_MS = 5

// RFC 8446 §5.1: | content type u8 | version u16 | length u16 | as many bytes |
const RECORD_LENGTH = 3
const RECORD_HEAD_SIZE = RECORD_LENGTH + 2
const HANDSHAKE_RECORD = 22

/** The first record of a client, with its head: a ClientHello with a key of ML-KEM and a ticket takes 2 KiB. */
const MAX_HELLO_SIZE = 8 * 1024

interface Handshake {
  readonly raw: Socket
  /** The address of the client. */
  readonly client: string
  readonly held: HeldConnection
  readonly startedMs: number
  /** Of the first record: what came of it. */
  hello: Buffer
}

/**
 * Clients on their way into TLS. They are connections from the first moment on, and cost no more than any until their first record is
 * whole: what does not begin as TLS is closed, and for the rest handshakes are begun a few at a time, so that many at once leave
 * the others their turns.
 */
export class TlsHandshakes {
  readonly #server: Server
  readonly #connections: StreamConnections
  readonly #onFailed: () => void
  /** By the addresses of both sides, oldest first: Node does not say which connection a socket of TLS was made of. */
  readonly #pending = new Map<string, Handshake>()
  /** Those whose client has spoken, by its address, in the order of their turns: a client of many waits for itself, and for one of each other. */
  readonly #ready = new Map<string, Set<Handshake>>()
  #isScheduled = false

  /** `server` is one that does not listen itself. `onFailed` is called for each client that goes or is closed before it is through. */
  constructor(server: Server, connections: StreamConnections, onFailed: () => void) {
    this.#server = server
    this.#connections = connections
    this.#onFailed = onFailed
    // The close of the connection tells all that there is to know.
    server.on('tlsClientError', (_, socket) => socket.destroy())
  }

  /** Takes a connection in, or closes it. */
  accept(raw: Socket): void {
    const held = this.#connections.hold(raw)
    if (held === undefined) return
    const handshake: Handshake = {
      raw,
      client: held.client,
      held,
      startedMs: performance.now(),
      hello: Buffer.alloc(0),
    }
    const ends = endsOf(raw)
    this.#pending.set(ends, handshake)
    raw.on('close', () => {
      this.#forget(handshake)
      if (this.#pending.get(ends) !== handshake) return
      this.#pending.delete(ends)
      this.#onFailed()
    })
    // A client may end its side when it likes; one that does so before it has said anything wants nothing.
    raw.once('end', () => {
      if (this.#pending.get(ends) === handshake) raw.destroy()
    })
    const onData = (chunk: Buffer) => {
      handshake.hello = Buffer.concat([handshake.hello, chunk])
      const verdict = readHello(handshake.hello)
      if (verdict === 'bad') raw.destroy()
      if (verdict !== 'whole') return
      raw.off('data', onData)
      raw.pause()
      this.#queue(handshake)
      this.#schedule()
    }
    raw.on('data', onData)
  }

  /** The connection that a socket has come out of, once. */
  take(socket: TLSSocket): HeldConnection | undefined {
    this.#connections.beat()
    const ends = endsOf(socket)
    const handshake = this.#pending.get(ends)
    this.#pending.delete(ends)
    return handshake?.held
  }

  /** Closes what takes too long. */
  sweep(): void {
    const limit = performance.now() - HANDSHAKE_MS
    for (const { raw, startedMs } of this.#pending.values()) {
      if (startedMs > limit) return
      raw.destroy()
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#begin(performance.now() + SLICE_MS))
  }

  #queue(handshake: Handshake): void {
    const others = this.#ready.get(handshake.client)
    if (others === undefined) this.#ready.set(handshake.client, new Set([handshake]))
    else others.add(handshake)
  }

  #forget(handshake: Handshake): void {
    const own = this.#ready.get(handshake.client)
    if (own?.delete(handshake) && own.size === 0) this.#ready.delete(handshake.client)
  }

  /** The next one: the oldest of the client whose turn it is, and that goes to the end of the queue with what it has left. */
  #next(): Handshake | undefined {
    for (const [client, own] of this.#ready) {
      const [handshake] = own
      this.#ready.delete(client)
      own.delete(handshake!)
      if (own.size > 0) this.#ready.set(client, own)
      return handshake
    }
    return undefined
  }

  /** Node feeds what the client has sent in the next tick, so that is where the time goes: the next one is begun behind it. */
  #begin(endMs: number): void {
    const handshake = performance.now() < endMs ? this.#next() : undefined
    if (handshake !== undefined) {
      handshake.raw.unshift(handshake.hello)
      this.#server.emit('connection', handshake.raw)
      process.nextTick(() => this.#begin(endMs))
      return
    }
    this.#isScheduled = false
    this.#connections.beat()
    if (this.#ready.size > 0) this.#schedule()
  }
}

/** Whether the first record has come. What is in it is for OpenSSL to say. */
function readHello(hello: Buffer): 'more' | 'whole' | 'bad' {
  if (hello[0] !== HANDSHAKE_RECORD) return 'bad'
  if (hello.length < RECORD_HEAD_SIZE) return 'more'
  const size = RECORD_HEAD_SIZE + hello.readUInt16BE(RECORD_LENGTH)
  if (size > MAX_HELLO_SIZE) return 'bad'
  return hello.length < size ? 'more' : 'whole'
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
