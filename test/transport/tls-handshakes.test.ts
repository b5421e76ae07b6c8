import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import type { Server } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { StreamConnections } from '../../lib/transport/stream-connections.js'
import type { StreamHandler } from '../../lib/transport/stream-transport.js'
import { TlsHandshakes } from '../../lib/transport/tls-handshakes.js'
import { eventually } from '../support/eventually.js'

/** A record of TLS, of a handshake, with an octet in it. */
const HELLO = Uint8Array.of(22, 3, 1, 0, 1, 1)
const MANY = '127.0.0.1'
const ONE = '127.0.0.2'
const HANDSHAKES = 60
const LIMITS = { idleTimeoutMs: 60_000, maxConnections: 1_000, maxConnectionsPerClient: 1_000 }

/** What each handshake would take of the loop. */
function spin(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

async function connect(port: number, from: string): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port, localAddress: from })
  await once(socket, 'connect')
  await new Promise((resolve) => socket.write(HELLO, resolve))
  return socket
}

describe('handshakes that are ready', () => {
  it('are begun by turns of clients: one that comes after sixty of another waits for few of them', async () => {
    const accepted: Socket[] = []
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (raw) => accepted.push(raw))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const clients: Socket[] = []
    try {
      for (let i = 0; i < HANDSHAKES; i++) clients.push(await connect(port, MANY))
      clients.push(await connect(port, ONE))
      await eventually(() => expect(accepted).toHaveLength(HANDSHAKES + 1))

      const server = new EventEmitter()
      const begun: string[] = []
      server.on('connection', (raw: Socket) => {
        begun.push(raw.remoteAddress!)
        spin(1)
      })
      const handler = { onConnection() {} } as unknown as StreamHandler
      const connections = new StreamConnections(LIMITS, handler, () => {})
      const handshakes = new TlsHandshakes(server as Server, connections, () => {})
      for (const raw of accepted) {
        handshakes.accept(raw)
        raw.resume()
      }
      await eventually(() => expect(begun).toHaveLength(HANDSHAKES + 1))
      expect(begun.indexOf(ONE)).toBeLessThan(HANDSHAKES / 2)
    } finally {
      for (const socket of [...clients, ...accepted]) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    }
  })
})
