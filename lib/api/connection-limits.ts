import type { Server as HttpServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Logger } from '../log.js'

/** How long a client may take for request line and headers, from the connection's beginning or from the request before. A silent one gets no more. */
const HEADERS_TIMEOUT_MS = 10_000
/** The same for all of a request: 1 MiB in that time is 400 kbit/s. */
const REQUEST_TIMEOUT_MS = 20_000
/** How often the two are looked at, and so by how much they may be exceeded. */
const CHECK_MS = 2_000
/** How long a client may read nothing of a response that waits for it. How long the response takes to be made is no matter of this. */
const UNREAD_TIMEOUT_MS = 20_000
/** How long a connection is kept for the next request. */
const IDLE_TIMEOUT_MS = 60_000
/** Until TLS is agreed on. */
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Those beyond are closed at once. A DNS server in the same process needs descriptors, too. */
const MAX_CONNECTIONS = 1000
/** When there is room for so few more, those that wait for a next request make room; not more often than this. */
const SPARE_CONNECTIONS = 100
const MAKE_ROOM_MS = 100
/** Who is turned away is logged this often. */
const DROPS_LOGGED_MS = 60_000

/** What Fastify is told. */
export const REQUEST_TIMEOUTS = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS } as const
/** What a server of Node's is made with: Fastify does not know these. */
export const SERVER_TIMEOUTS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_MS,
} as const
export const TLS_TIMEOUTS = { handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const

/** Bounds how many connections there are. Whoever holds on to many without a request, or without reading what they have asked for, cannot keep others out. */
export function limitConnections(server: Server, logger: Logger, unreadTimeoutMs = UNREAD_TIMEOUT_MS): void {
  server.maxConnections = MAX_CONNECTIONS
  makeRoom(server)
  dropWhoDoesNotRead(server as HttpServer, unreadTimeoutMs)
  let loggedAtMs = Number.NEGATIVE_INFINITY
  server.on('drop', () => {
    const nowMs = performance.now()
    if (nowMs - loggedAtMs < DROPS_LOGGED_MS) return
    loggedAtMs = nowMs
    logger.warn({ connections: MAX_CONNECTIONS }, 'the API turns connections away: it has as many as it takes')
  })
}

function dropWhoDoesNotRead(server: HttpServer, timeoutMs: number): void {
  // Requests without their response: a client need not wait for one before it sends the next.
  const asked = new WeakMap<Socket, number>()
  const count = (socket: Socket, by: number) => asked.set(socket, (asked.get(socket) ?? 0) + by)
  server.on('request', ({ socket }, response) => {
    count(socket, 1)
    response.once('close', () => count(socket, -1))
  })
  // As long as bytes are taken, it starts anew. With a listener, it is ours to end connections that wait for a next request, too.
  server.setTimeout(timeoutMs, (socket) => {
    if ((asked.get(socket) ?? 0) > 0 && socket.writableLength === 0) socket.setTimeout(timeoutMs)
    else socket.destroy()
  })
}

function makeRoom(server: Server): void {
  let open = 0
  let madeAtMs = Number.NEGATIVE_INFINITY
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => open--)
    const nowMs = performance.now()
    if (open < MAX_CONNECTIONS - SPARE_CONNECTIONS || nowMs - madeAtMs < MAKE_ROOM_MS) return
    madeAtMs = nowMs
    ;(server as HttpServer).closeIdleConnections()
  })
}
