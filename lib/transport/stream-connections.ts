import type { Socket } from 'node:net'
import { HeldConnection } from './held-connection.js'
import { ResponseStream } from './response-stream.js'
import { type ConnectionOwner, StreamConnection } from './stream-connection.js'
import type { StreamHandler, StreamLimits } from './stream-transport.js'

/**
 * Connections that may wait for their clients to read. Each can hold about 256 KiB: a chunk of requests, what was read before
 * reading stopped, and the responses; so all of them together hold 32 MiB.
 */
const MAX_BLOCKED = 128

/**
 * Connections that may hold messages until it is their turn, each about 128 KiB: 64 MiB. More than these answer what they have at once.
 * With 128, a new client waited 1.5 s while 200 others asked without end; now 0.3 s at most, 10 ms as a rule (2026-11).
 */
const MAX_WAITING = 512

/** How long those are served in one piece, before the event loop looks for new connections and messages. */
const SLICE_MS = 5

/** What has a place among the connections: a `StreamConnection`, or one that others serve. */
interface OpenConnection {
  readonly client: string
  lastMessageMs: number
  close(): void
}

/** How often the heart beats in a turn of the event loop that is long; see `MAX_WAIT_MS`. */
const BEAT_MS = 50

/**
 * All connections of the stream thread, within their limits. Its event loop calls it; `sweep` must be called now and then.
 *
 * A client that has too many is refused its next one: what it has goes on. When there are too many in all, the one that has asked
 * nothing for the longest time is closed: refusing instead would let whoever comes first, and says nothing, keep all others out.
 * RFC 7766 §6.2.3 lets a server close an idle connection at any time, and §6.2.4 has clients open a new one.
 */
export class StreamConnections implements ConnectionOwner {
  readonly handler: StreamHandler
  readonly responses = new ResponseStream()
  readonly #limits: StreamLimits
  /** A Set keeps the order in which it was filled: the one whose last message is oldest stands first. */
  readonly #open = new Set<OpenConnection>()
  readonly #blocked = new Set<StreamConnection>()
  /** Those that have messages left, in the order of their turns. */
  readonly #waiting = new Set<StreamConnection>()
  readonly #perClient = new Map<string, number>()
  readonly #beat: () => void
  #lastBeatMs = 0
  #isScheduled = false
  #onEmpty: () => void = () => {}

  /** `beat` is called in between when there is much to do. */
  constructor(limits: StreamLimits, handler: StreamHandler, beat: () => void) {
    this.#limits = limits
    this.handler = handler
    this.#beat = beat
  }

  get mayWait(): boolean {
    return this.#waiting.size < MAX_WAITING
  }

  /** Takes a connection of plain TCP in, or closes it. */
  accept(socket: Socket): void {
    const client = this.#admit(socket)
    if (client !== undefined) this.#add(new StreamConnection(socket, client, 'tcp', this))
  }

  /** Takes in a connection that others serve: it is counted, and closed, as all are. Undefined for one that has been closed already. */
  hold(socket: Socket): HeldConnection | undefined {
    const client = this.#admit(socket)
    if (client === undefined) return undefined
    const held = new HeldConnection(socket, client, () => this.#onGone(held))
    this.#add(held)
    return held
  }

  /** Goes on with a connection that was held, as a stream of messages in TLS. */
  carry(held: HeldConnection, socket: Socket): void {
    held.release()
    this.#open.delete(held)
    this.#add(new StreamConnection(socket, held.client, 'dot', this))
  }

  /** The address of the client, if it may have one more connection; what it has instead is closed. */
  #admit(socket: Socket): string | undefined {
    const client = socket.remoteAddress
    const count = client === undefined ? 0 : (this.#perClient.get(client) ?? 0)
    if (client === undefined || count >= this.#limits.maxConnectionsPerClient) {
      this.handler.onConnection('refused')
      // Not closed in order: that would leave us the state of the connection for a minute (TIME_WAIT).
      socket.on('error', () => {})
      socket.resetAndDestroy()
      return undefined
    }
    if (this.#open.size >= this.#limits.maxConnections) this.#close(first(this.#open), 'evicted')
    this.#perClient.set(client, count + 1)
    this.handler.onConnection('accepted')
    return client
  }

  #add(connection: OpenConnection): void {
    connection.lastMessageMs = performance.now()
    this.#open.add(connection)
  }

  /** Closes what has been idle for too long. */
  sweep(): void {
    const limit = performance.now() - this.#limits.idleTimeoutMs
    for (const connection of this.#open) {
      if (connection.lastMessageMs > limit) return
      this.#close(connection, 'idleClosed')
    }
  }

  /** Closes all; resolves when they are gone. */
  async closeAll(): Promise<void> {
    if (this.#open.size === 0 && this.#perClient.size === 0) return
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const connection of this.#open) connection.close()
    await empty
  }

  onMessages(connection: OpenConnection): void {
    const now = performance.now()
    if (this.#open.delete(connection)) {
      connection.lastMessageMs = now
      this.#open.add(connection)
    }
    this.beat(now)
  }

  /** To be called while one turn of the event loop does much, however often. */
  beat(now = performance.now()): void {
    if (now - this.#lastBeatMs < BEAT_MS) return
    this.#lastBeatMs = now
    this.#beat()
  }

  /** Closes a connection to make room. */
  evict(connection: OpenConnection): void {
    this.#close(connection, 'evicted')
  }

  onWaiting(connection: StreamConnection): void {
    this.#waiting.add(connection)
    this.#scheduleTurns()
  }

  onBlocked(connection: StreamConnection): void {
    if (this.#blocked.size >= MAX_BLOCKED) this.#close(first(this.#blocked), 'evicted')
    this.#blocked.add(connection)
  }

  onUnblocked(connection: StreamConnection): void {
    this.#blocked.delete(connection)
  }

  onClosed(connection: StreamConnection): void {
    this.#blocked.delete(connection)
    this.#waiting.delete(connection)
    this.#onGone(connection)
  }

  #onGone(connection: OpenConnection): void {
    this.#open.delete(connection)
    const left = this.#perClient.get(connection.client)! - 1
    if (left > 0) this.#perClient.set(connection.client, left)
    else this.#perClient.delete(connection.client)
    this.handler.onConnection('closed')
    if (this.#perClient.size === 0) this.#onEmpty()
  }

  /** A turn each, those that have still more going to the end of the queue. */
  #serveWaiting(): void {
    this.#isScheduled = false
    const end = performance.now() + SLICE_MS
    for (const connection of this.#waiting) {
      if (performance.now() > end) break
      this.#waiting.delete(connection)
      connection.goOn()
    }
    if (this.#waiting.size > 0) this.#scheduleTurns()
  }

  #scheduleTurns(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#serveWaiting())
  }

  /** Its 'close' event comes in a later turn; until then it must not be chosen again. */
  #close(connection: OpenConnection, why: 'idleClosed' | 'evicted'): void {
    this.#open.delete(connection)
    if (connection instanceof StreamConnection) {
      this.#blocked.delete(connection)
      this.#waiting.delete(connection)
    }
    this.handler.onConnection(why)
    connection.close()
  }
}

function first<T>(set: ReadonlySet<T>): T {
  return set.values().next().value as T
}
