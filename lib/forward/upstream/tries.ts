import type { ForwardedQuery, Try } from './forwarded-query.js'
import { NO_SOCKET, type OpenPorts } from './port-pool.js'
import { writeUpstreamQuery } from './query-writer.js'
import type { Random } from './secure-random.js'
import type { Upstream } from './upstream.js'
import type { UpstreamSockets } from './upstream-sockets.js'

/** Tries on their way: sends them, and knows by socket and ID which of them a datagram may belong to. */
export class Tries {
  /** Those that wait for a datagram, and those that wait on a stream. */
  waitingForDatagrams = 0
  waitingForStreams = 0
  readonly #random: Random
  readonly #ports: OpenPorts
  #sockets!: UpstreamSockets
  readonly #byKey = new Map<number, Try>()

  constructor(random: Random, ports: OpenPorts) {
    this.#random = random
    this.#ports = ports
  }

  useSockets(sockets: UpstreamSockets): void {
    this.#sockets = sockets
  }

  /** Begins the next try of a query. False when nothing could be sent, which is to be noted of the upstream. */
  begin(query: ForwardedQuery, upstream: Upstream, isOverStream: boolean, hasEdns: boolean, now: number): boolean {
    const one = query.tries[query.tryCount]!
    one.upstream = upstream
    one.isOverStream = isOverStream
    one.hasEdns = hasEdns
    one.sentMs = now
    one.isSettled = false
    one.isOverdue = false
    if (!(isOverStream ? upstream.streams.send(one) : this.#sendDatagram(one, now))) return false
    if (isOverStream) this.waitingForStreams++
    query.tryCount++
    upstream.sent++
    return true
  }

  find(socket: number, id: number): Try | undefined {
    return this.#byKey.get(keyOf(socket, id))
  }

  /** Seldom called: after three failures an upstream is left out. Collected first, as trying again adds to the map. */
  eachOn(socket: number, onTry: (one: Try) => void): void {
    const found = [...this.#byKey].filter(([key]) => key >>> 16 === socket)
    // One of them may end the query of another.
    for (const [key, one] of found) if (this.#byKey.get(key) === one) onTry(one)
  }

  /** Nothing that comes belongs to it any more. */
  forget(one: Try): void {
    if (one.isOverStream) {
      one.stream!.forget(one)
      one.stream = undefined
      this.waitingForStreams--
    } else {
      this.#byKey.delete(one.key)
      this.#ports.release(one.key >>> 16)
      this.waitingForDatagrams--
    }
    one.upstream = undefined
  }

  #sendDatagram(one: Try, now: number): boolean {
    const ports = one.upstream!.ports!
    const socket = ports.take(now)
    if (socket === NO_SOCKET) return false
    one.key = this.#freeKey(socket)
    const id = one.key & 0xffff
    const length = writeUpstreamQuery(one.query, id, one.hasEdns, this.#sockets.outgoing, 0)
    if (!ports.send(socket, length)) {
      this.#ports.release(socket)
      return false
    }
    this.#byKey.set(one.key, one)
    this.waitingForDatagrams++
    return true
  }

  /** A random ID that no other query on the socket has. */
  #freeKey(socket: number): number {
    for (;;) {
      const key = keyOf(socket, this.#random.u16())
      if (!this.#byKey.has(key)) return key
    }
  }
}

function keyOf(socket: number, id: number): number {
  return socket * 65_536 + id
}
