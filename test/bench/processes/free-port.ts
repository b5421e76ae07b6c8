import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'

/** A port of 127.0.0.1 that neither TCP nor UDP uses just now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, HOST)
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const isFree = await isFreeForUdp(port)
    await new Promise((resolve) => server.close(resolve))
    if (isFree) return port
  }
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind(port, HOST)
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}
