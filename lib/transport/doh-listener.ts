import { constants } from 'node:crypto'
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { CertificateWatch } from './certificate-watch.js'
import { DohAnswers } from './doh-answers.js'
import { DohMemory } from './doh-memory.js'
import { DohSession, type DohSetting, refuse } from './doh-session.js'
import type { HeldConnection } from './held-connection.js'
import type { StreamConnections } from './stream-connections.js'
import type { StreamListener } from './stream-listener.js'
import type { StreamService } from './stream-transport.js'
import { secureOptions } from './tls-certificate.js'
import { TlsHandshakes } from './tls-handshakes.js'

/** Requests of a session at a time: what RFC 9113 §6.5.2 recommends at least. */
const MAX_STREAMS = 100
/** Of all headers of a request: a GET with the largest message that is read, and what clients say of themselves. */
const MAX_HEADERS_SIZE = 16 * 1024
const MAX_HEADERS = 64
/** How long the body of a POST may take, as long as a client keeps us waiting elsewhere. */
const BODY_MS = 5_000

/** DNS over HTTPS (RFC 8484), over HTTP/2 alone: what HTTP/1.1 would bring is limits of its own. */
export async function createDohListener(
  { tls, path }: Extract<StreamService, { protocol: 'doh' }>,
  connections: StreamConnections,
): Promise<StreamListener> {
  const server = createSecureServer({
    ...secureOptions(tls.certificate),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADERS_SIZE, enablePush: false },
    maxHeaderListPairs: MAX_HEADERS,
  })
  const { handler } = connections
  const handshakes = new TlsHandshakes(server, connections, () => handler.onConnection('handshakeFailed'))
  const setting: DohSetting = {
    path,
    connections,
    answers: new DohAnswers(handler),
    memory: new DohMemory(),
    unfinished: new Map(),
  }
  takeSessions(server, handshakes, setting)
  const watch = new CertificateWatch(tls, server, handler)
  await watch.start()
  return {
    renew: (renewed) => watch.replace(renewed),
    accept(socket) {
      // HTTP/2 ends a session in its own way; Node's waits for the connection to close when the client has ended its side.
      socket.allowHalfOpen = false
      handshakes.accept(socket)
    },
    sweep() {
      handshakes.sweep()
      watch.look()
      sweepBodies(setting.unfinished)
    },
  }
}

/** Node makes the session in a listener of its own to 'secureConnection': ours stands before it. */
function takeSessions(
  server: ReturnType<typeof createSecureServer>,
  handshakes: TlsHandshakes,
  setting: DohSetting,
): void {
  let held: HeldConnection | undefined
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    held = handshakes.take(socket)
    if (held === undefined) socket.destroy()
  })
  server.on('session', (session: ServerHttp2Session) => {
    if (held === undefined) session.destroy()
    else new DohSession(session, held, setting)
    held = undefined
  })
  // A client of HTTP/1.1, or of no protocol that it names.
  server.on('unknownProtocol', (socket: TLSSocket) => socket.destroy())
  server.on('sessionError', () => {})
}

/** RFC 9110 §15.5.9. */
function sweepBodies(unfinished: Map<ServerHttp2Stream, number>): void {
  const limit = performance.now() - BODY_MS
  for (const [stream, startedMs] of unfinished) {
    if (startedMs > limit) return
    unfinished.delete(stream)
    refuse(stream, 408)
  }
}
