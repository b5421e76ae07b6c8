import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.js'
import type { UpstreamAddress } from '../upstream-address.js'
import type { Try } from './forwarded-query.js'
import type { Random } from './secure-random.js'
import type { UpstreamCounts } from './upstream-counts.js'
import { connectTo, type StreamHandler, UpstreamStream } from './upstream-stream.js'

/** Connections to one upstream at once. RFC 7766 §6.2.2 asks for few: one does, but for a burst or one that is stuck. */
const MAX_STREAMS = 3
/** RFC 7766 §6.2.3: a few seconds. An upstream that closes them sooner costs a new connection for the query that meets that. */
const IDLE_MS = 10_000

export interface StreamNeeds {
  readonly clock: Clock
  readonly random: Random
  readonly counts: UpstreamCounts
  readonly handler: StreamHandler
}

/** The TCP or TLS connections to one upstream, opened when they are needed and kept for a while. */
export class StreamPool {
  readonly #address: UpstreamAddress
  readonly #needs: StreamNeeds
  readonly #streams = new Set<UpstreamStream>()
  /** What went wrong with a connection last, for the log. */
  fault: string | undefined
  #session: Buffer | undefined
  #isClosed = false

  constructor(address: UpstreamAddress, needs: StreamNeeds) {
    this.#address = address
    this.#needs = needs
  }

  get isEmpty(): boolean {
    return this.#streams.size === 0
  }

  /** Sends a query; what becomes of it is told to the handler. False when all connections are full or stuck. */
  send(one: Try): boolean {
    const stream = this.#usable() ?? this.#open()
    if (stream === undefined) return false
    one.stream = stream
    stream.send(one)
    return true
  }

  closeIdle(nowMs: number): void {
    for (const stream of this.#streams) {
      if (stream.load === 0 && nowMs - stream.idleSinceMs >= IDLE_MS) stream.close()
    }
  }

  /** Connections with queries on their way are closed when those are over. */
  close(): void {
    this.#isClosed = true
    for (const stream of this.#streams) {
      if (stream.load === 0) stream.close()
      else stream.isStalled = true
    }
  }

  #usable(): UpstreamStream | undefined {
    for (const stream of this.#streams) if (stream.isUsable) return stream
    return undefined
  }

  #open(): UpstreamStream | undefined {
    if (this.#isClosed || this.#streams.size >= MAX_STREAMS) return undefined
    const { clock, random, counts, handler } = this.#needs
    counts.connects++
    const connection = connectTo(this.#address, this.#session)
    const stream: UpstreamStream = new UpstreamStream(connection, {
      ...{ random, handler },
      nowMs: () => clock.monotonicMs(),
      onClose: () => this.#streams.delete(stream),
    })
    connection.socket.on('error', ({ message }) => this.#failed(message))
    if (connection.readyEvent === 'secureConnect') this.#keepSession(connection.socket as TLSSocket)
    this.#streams.add(stream)
    return stream
  }

  #failed(message: string): void {
    this.fault = message
    // It may be the session that was wrong.
    this.#session = undefined
  }

  /** A handshake that takes up a session again costs a tenth of a full one. */
  #keepSession(socket: TLSSocket): void {
    socket.on('session', (session) => {
      this.#session = session
    })
  }
}
