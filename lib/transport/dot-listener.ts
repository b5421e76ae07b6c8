import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { CertificateWatch } from './certificate-watch.js'
import type { StreamConnections } from './stream-connections.js'
import type { StreamListener } from './stream-listener.js'
import { secureOptions, type TlsIdentity } from './tls-certificate.js'
import { TlsHandshakes } from './tls-handshakes.js'

/** DNS over TLS (RFC 7858): the same stream of messages as over TCP, once the handshake is done. */
export async function createDotListener(tls: TlsIdentity, connections: StreamConnections): Promise<StreamListener> {
  const server = createServer({
    ...secureOptions(tls.certificate),
    // RFC 7858 §3.1 knows no name for it, clients of today send this one; those that send none are as welcome.
    ALPNProtocols: ['dot'],
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  })
  const { handler } = connections
  const handshakes = new TlsHandshakes(server, connections, () => handler.onConnection('handshakeFailed'))
  server.on('secureConnection', (socket: TLSSocket) => {
    const held = handshakes.take(socket)
    if (held === undefined) socket.destroy()
    else connections.carry(held, socket)
  })
  const watch = new CertificateWatch(tls, server, handler)
  await watch.start()
  return {
    renew: (renewed) => watch.replace(renewed),
    accept: (socket: Socket) => handshakes.accept(socket),
    sweep() {
      handshakes.sweep()
      watch.look()
    },
  }
}
