import { createServer } from 'node:net'
import type { DatagramAddress, TransportKind } from './datagram-transport.js'
import { type Libc, loadLibc } from './libc.js'
import { ListenerGroup } from './listener-group.js'
import { openListeningSocket } from './open-listening-socket.js'
import { canReusePort } from './reuse-port.js'
import type { SocketPlace } from './socket-error.js'
import type { StreamEndpoints, StreamSockets } from './stream-transport.js'
import type { SystemSocket } from './system-socket.js'
import { BACKLOG, listenOnPlace } from './tcp-listen.js'

/**
 * Opens the listening sockets of TCP, or nothing. Main thread.
 *
 * Where `batch` works, the sockets are ours and the stream thread is given their numbers. Elsewhere places are tried, and the
 * thread binds them itself: Node cannot listen without accepting.
 */
export async function openTcpSockets(
  kind: TransportKind,
  addresses: readonly DatagramAddress[],
): Promise<StreamSockets> {
  return kind !== 'dgram' ? new DescriptorSockets(addresses) : tryPlaces(addresses)
}

class DescriptorSockets implements StreamSockets {
  readonly #libc: Libc = loadLibc()
  readonly #sockets: SystemSocket[] = []
  readonly #groups: ListenerGroup[] = []
  #isClosed = false

  constructor(addresses: readonly DatagramAddress[]) {
    try {
      for (const { host, port, share } of addresses) {
        const isShared = share && port !== 0
        const socket = openListeningSocket(this.#libc, { host, port }, isShared ? 'join' : 'exclusive')
        this.#sockets.push(socket)
        this.#groups.push(new ListenerGroup(this.#libc, socket.fd))
        // A shared one listens when the stream thread does: what came before would wait for that.
        if (!isShared) socket.listen(BACKLOG)
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  get places(): readonly SocketPlace[] {
    return this.#sockets.map(({ place }) => place)
  }

  get endpoints(): StreamEndpoints {
    return { kind: 'descriptors', fds: this.#sockets.map(({ fd }) => fd) }
  }

  join(): void {
    for (const group of this.#groups) group.join()
  }

  leave(): void {
    if (this.#isClosed) return
    for (const group of this.#groups) group.leave()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const socket of this.#sockets) socket.close()
  }
}

async function tryPlaces(addresses: readonly DatagramAddress[]): Promise<StreamSockets> {
  const places: SocketPlace[] = []
  for (const address of addresses) places.push(await tryPlace(address))
  const endpoints = { kind: 'places', reusePort: canReusePort(), places } as const
  return { places, endpoints, join: () => {}, leave: () => {}, close: () => {} }
}

/** Without `reusePort`, as only such a bind sees all others. A place that is shared fails, if at all, in the thread. */
async function tryPlace({ host, port, share }: DatagramAddress): Promise<SocketPlace> {
  if (share && port !== 0) return { host, port }
  const server = createServer((socket) => socket.destroy())
  await listenOnPlace(server, { host, port }, false)
  const bound = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return { host, port: bound.port }
}
