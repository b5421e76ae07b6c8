import type { SocketPlace } from './socket-error.js'
import type { CertificateSource, TlsIdentity } from './tls-certificate.js'

/** What a connection speaks: messages behind their lengths (RFC 7766), the same in TLS (RFC 7858), or HTTP/2 (RFC 8484). */
export type StreamProtocol = 'tcp' | 'dot' | 'doh'

/** What is spoken on one listening socket. A plain object: it is posted to the thread. */
export type StreamService =
  | { readonly protocol: 'tcp' }
  | { readonly protocol: 'dot'; readonly tls: TlsIdentity }
  | { readonly protocol: 'doh'; readonly tls: TlsIdentity; readonly path: string }

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

/**
 * What becomes of connections. All but `refused` ones are `accepted` first, and `closed` last, whatever the reason;
 * `handshakeFailed` are those that end before TLS has begun to carry anything.
 */
export type ConnectionEvent = 'accepted' | 'refused' | 'idleClosed' | 'evicted' | 'handshakeFailed' | 'closed'

/** The two ends of a connection, as Node's sockets tell them: undefined once it is gone. */
export interface StreamEnds {
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

/** Whoever waits for a response that comes later than its burst. The connection may be gone by then. */
export interface LateReceiver {
  /** Left out where nobody knows. */
  readonly ends?: StreamEnds | undefined
  /** `length` is 0 when there will be no response. The bytes are copied. */
  respond(bytes: Uint8Array, start: number, length: number): void
}

/** What turns messages into responses. Runs in the stream thread, synchronously; must not throw. */
export interface StreamHandler {
  /**
   * Before the first `answer` of a burst: the messages of one connection that can be answered without waiting. `client` is its
   * address; of `dot` and `doh`, nobody on the way can read them. Responses that come later go to `receiver`.
   */
  beginBurst(client: string, protocol: StreamProtocol, receiver: LateReceiver): void
  /** Writes the response from `responseStart` on, and returns its length; 0 sends nothing, LATER nothing yet. `length` may be cut: see `MAX_REQUEST_SIZE`. */
  answer(
    request: Uint8Array,
    start: number,
    length: number,
    response: Uint8Array,
    responseStart: number,
    responseCapacity: number,
  ): number
  /** The end is near: whatever is still to come later comes now. */
  giveUp(): void
  /** After the burst's last response; nothing of the requests is used any more. */
  endBurst(): void
  onConnection(event: ConnectionEvent): void
  /** For how many seconds a response may be kept by a cache that knows nothing of DNS. */
  freshness(response: Uint8Array, start: number, length: number): number
  /** Everything listens. From now on `renew` puts other certificates in the place of those of the services, which are the same but for them. */
  onListening?(renew: (services: readonly StreamService[]) => void): void
  /** The certificate of an address was replaced, or could not be. */
  onCertificate(source: CertificateSource, failure: Error | undefined): void
}
