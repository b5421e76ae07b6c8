import type { SocketPlace } from './socket-error.js'

/** The listening sockets of a server; belongs to the main thread. */
export interface StreamSockets {
  /** As bound, in the order of the addresses given. */
  readonly places: readonly SocketPlace[]
  readonly endpoints: StreamEndpoints
  /** Undoes what a server that left before us has said about others. After the stream thread listens. */
  join(): void
  /** Has new connections go to the server that takes over, if there is one. Those that are queued here are still to be accepted. */
  leave(): void
  /** Closes what is open here; only after the stream thread has ended. May be called twice. */
  close(): void
}

/** What the stream thread needs to listen. A plain object: it is posted to the thread. */
export type StreamEndpoints = DescriptorEndpoints | PlaceEndpoints

/** Sockets that listen already: the main thread's, so that clients wait in them while a thread that died is replaced. */
export interface DescriptorEndpoints {
  readonly kind: 'descriptors'
  readonly fds: readonly number[]
}

/** Places that the thread binds itself; nobody listens there while it is replaced. */
export interface PlaceEndpoints {
  readonly kind: 'places'
  /** Whether others of this user can listen there too; see `canReusePort`. */
  readonly reusePort: boolean
  readonly places: readonly SocketPlace[]
}

/** How many connections there may be, and for how long they may say nothing. */
export interface StreamLimits {
  /** From the last whole message on, or from the start: bytes of an unfinished one do not count. */
  readonly idleTimeoutMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerClient: number
}

/** What becomes of connections. All but `refused` ones are `accepted` first, and `closed` last, whatever the reason. */
export type ConnectionEvent = 'accepted' | 'refused' | 'idleClosed' | 'evicted' | 'closed'

/** What turns messages into responses. Runs in the stream thread, synchronously; must not throw. */
export interface StreamHandler {
  /** Before the first `answer` of a burst: the messages of one connection that can be answered without waiting. */
  beginBurst(): void
  /** Writes the response from `responseStart` on, and returns its length; 0 sends nothing. `length` may be cut: see `MAX_REQUEST_SIZE`. */
  answer(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    responseCapacity: number,
  ): number
  /** After the burst's last response; nothing of the requests is used any more. */
  endBurst(): void
  onConnection(event: ConnectionEvent): void
}
