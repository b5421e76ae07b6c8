import type { ForwardedQuery, Try } from './forwarded-query.js'
import { NO_SOCKET, type OpenPorts } from './port-pool.js'
import { MAX_UPSTREAM_QUERY_SIZE, writeUpstreamQuery } from './query-writer.js'
import type { Random } from './secure-random.js'
import type { Upstream } from './upstream.js'
import type { UpstreamSockets } from './upstream-sockets.js'
import type { UpstreamTap } from './upstream-tap.js'

/** Tries on their way: sends them, and knows by socket and ID which of them a datagram may belong to. */
export class Tries {
  /** Those that wait for a datagram, and those that wait on a stream. */
  waitingForDatagrams = 0
  waitingForStreams = 0
  readonly #random: Random
  readonly #ports: OpenPorts
  readonly #tap: UpstreamTap | undefined
  #sockets!: UpstreamSockets
  /**
   * By the number of a socket: the first of those that wait on it, one linked to the next. A port is used so often and no more, so that few do.
   * A Map of all of them would be as quick, and leave a hundred bytes of garbage for each.
   */
  readonly #firstOn: (Try | undefined)[] = []

  /** `tap` is shown what goes out. */
  constructor(random: Random, ports: OpenPorts, tap?: UpstreamTap) {
    this.#random = random
    this.#ports = ports
    this.#tap = tap
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
    // Probes are ours alone.
    one.isTapped = this.#tap !== undefined && !query.isProbe && this.#tap.takes()
    if (one.isTapped) this.#show(one, this.#tap!)
    return true
  }

  find(socket: number, id: number): Try | undefined {
    let one = this.#firstOn[socket]
    while (one !== undefined && one.id !== id) one = one.next
    return one
  }

  /** Seldom called: after three failures an upstream is left out. Collected first, as trying again adds to them. */
  eachOn(socket: number, onTry: (one: Try) => void): void {
    const found: [id: number, one: Try][] = []
    for (let one = this.#firstOn[socket]; one !== undefined; one = one.next) found.push([one.id, one])
    // One of them may end the query of another.
    for (const [id, one] of found) if (this.find(socket, id) === one) onTry(one)
  }

  /** Nothing that comes belongs to it any more. */
  forget(one: Try): void {
    if (one.isOverStream) {
      one.stream!.forget(one)
      one.stream = undefined
      this.waitingForStreams--
    } else {
      this.#unlink(one)
      this.#ports.release(one.socket)
      this.waitingForDatagrams--
    }
    one.upstream = undefined
  }

  /** What was sent is written once more: it may have gone into a frame, or wait for a connection. */
  #show({ query, id, hasEdns, upstream, isOverStream }: Try, tap: UpstreamTap): void {
    const bytes = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
    const length = writeUpstreamQuery(query, id, hasEdns, bytes, 0)
    tap.sent(upstream!.address, isOverStream, bytes, length)
  }

  #sendDatagram(one: Try, now: number): boolean {
    const ports = one.upstream!.ports!
    const socket = ports.take(now)
    if (socket === NO_SOCKET) return false
    one.id = this.#freeId(socket)
    const length = writeUpstreamQuery(one.query, one.id, one.hasEdns, this.#sockets.outgoing, 0)
    if (!ports.send(socket, length)) {
      this.#ports.release(socket)
      return false
    }
    one.socket = socket
    this.#link(one)
    this.waitingForDatagrams++
    return true
  }

  #link(one: Try): void {
    const next = this.#firstOn[one.socket]
    one.previous = undefined
    one.next = next
    if (next !== undefined) next.previous = one
    this.#firstOn[one.socket] = one
  }

  #unlink(one: Try): void {
    const { next, previous } = one
    if (next !== undefined) next.previous = previous
    if (previous === undefined) this.#firstOn[one.socket] = next
    else previous.next = next
    one.next = undefined
    one.previous = undefined
  }

  /** A random ID that no other query on the socket has. */
  #freeId(socket: number): number {
    for (;;) {
      const id = this.#random.u16()
      if (this.find(socket, id) === undefined) return id
    }
  }
}
