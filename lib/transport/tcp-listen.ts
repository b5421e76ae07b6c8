import { once } from 'node:events'
import type { ListenOptions, Server } from 'node:net'
import { familyOf } from './socket-address.js'
import { type SocketPlace, socketError, systemNameOf } from './socket-error.js'

/** Connections that the system holds until they are accepted; it cuts the number to its limit (Linux: net.core.somaxconn). */
export const BACKLOG = 4096

/** Has a server of Node's listen on a place. `reusePort` only where `canReusePort` says so. */
export async function listenOnPlace(server: Server, place: SocketPlace, reusePort: boolean): Promise<void> {
  const { host, port } = place
  try {
    // `exclusive`: in a cluster's worker, the primary would otherwise bind, and hold on to, the port.
    const options: ListenOptionsWithReusePort = {
      host,
      port,
      ipv6Only: familyOf(host) === 6,
      exclusive: true,
      reusePort,
    }
    await listening(server.listen({ ...options, backlog: BACKLOG }))
  } catch (error) {
    throw socketError(place, systemNameOf(error), error)
  }
}

/** Has a server of Node's listen on a socket that listens already. It closes the descriptor in the end. */
export function listenOnDescriptor(server: Server, fd: number): Promise<void> {
  // With a descriptor, Node takes the number from here alone, and sets the socket's anew.
  return listening(server.listen({ fd }, BACKLOG))
}

/** Node's types of version 20 do not know `reusePort` yet. */
type ListenOptionsWithReusePort = ListenOptions & { reusePort: boolean }

/** Node tells in a later turn, good or bad. */
async function listening(server: Server): Promise<void> {
  await once(server, 'listening')
}
