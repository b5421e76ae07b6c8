import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { framed, TcpClient } from './tcp-client.js'

interface Place {
  readonly host: string
  readonly port: number
}

/** Sends a message as it is, and resolves to the response. Rejects when none comes within five seconds. */
export type Exchange = (server: Place, query: Uint8Array) => Promise<Uint8Array>

/** From a port of its own, so that the queries of a test are spread over the threads. */
export const overUdp: Exchange = async ({ host, port }, query) => {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.send(query, port, host)
    const [response] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    return new Uint8Array(response)
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}

export const overTcp: Exchange = async (server, query) => {
  await using client = await TcpClient.open(server)
  client.socket.write(framed(query))
  return new Uint8Array(await client.next())
}

/** For `describe.each`. */
export const EXCHANGES: readonly (readonly [string, Exchange])[] = [
  ['UDP', overUdp],
  ['TCP', overTcp],
]
