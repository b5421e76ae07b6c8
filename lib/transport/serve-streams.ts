import { createServer, type Server, type Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ContainerDnsError } from '../errors.js'
import type { EventLoopControl } from './datagram-transport.js'
import { createDotListener } from './dot-listener.js'
import { type Libc, loadLibc } from './libc.js'
import { F_DUPFD_CLOEXEC } from './linux-constants.js'
import { HIGH_WATER_BYTES } from './stream-connection.js'
import { StreamConnections } from './stream-connections.js'
import type { StreamListener } from './stream-listener.js'
import type { StreamEndpoints, StreamHandler, StreamLimits, StreamService } from './stream-transport.js'
import { listenOnDescriptor, listenOnPlace } from './tcp-listen.js'
import { untilStopped } from './until-stopped.js'

/**
 * TCP, and what goes over it, on the event loop of the stream thread: listens until `tick` says stop, then answers what has come and
 * ends every connection. Service i is that of endpoint i.
 */
export async function serveStreams(
  endpoints: StreamEndpoints,
  services: readonly StreamService[],
  limits: StreamLimits,
  handler: StreamHandler,
  control: EventLoopControl,
): Promise<void> {
  const connections = new StreamConnections(limits, handler, () => void control.tick())
  const servers: Server[] = []
  const listeners: StreamListener[] = []
  const nextServer = () => {
    const listener = listeners[servers.length]!
    const server = createTcpServer((socket) => listener.accept(socket))
    servers.push(server)
    return server
  }
  try {
    for (const service of services) listeners.push(await createListener(service, connections))
    await listenOnAll(endpoints, nextServer)
    // A connection that could not be accepted: the system is out of descriptors, or the client was gone.
    for (const server of servers) server.on('error', () => handler.onConnection('refused'))
    handler.onListening?.((renewed) => {
      for (const [i, service] of renewed.entries()) if (service.protocol !== 'tcp') listeners[i]!.renew?.(service.tls)
    })
    await untilStopped(control, () => {
      connections.sweep(control.isDraining)
      for (const listener of listeners) listener.sweep()
    })
    await connections.untilQuiet()
    handler.giveUp()
  } finally {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    await connections.endAll()
    await Promise.all(closed)
  }
}

/** RFC 7766 §6.2.4: a client may end its side first, and still wait. No response is held back for others to join it. */
function createTcpServer(accept: (socket: Socket) => void): Server {
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_BYTES }
  return createServer(options, accept)
}

/** DoH is loaded where it is needed: it takes node:http2. */
async function createListener(service: StreamService, connections: StreamConnections): Promise<StreamListener> {
  switch (service.protocol) {
    case 'tcp':
      return { accept: (socket) => connections.accept(socket), sweep: () => {} }
    case 'dot':
      return createDotListener(service.tls, connections)
    case 'doh': {
      const { createDohListener } = await import('./doh-listener.js')
      return createDohListener(service, connections)
    }
  }
}

async function listenOnAll(endpoints: StreamEndpoints, nextServer: () => Server): Promise<void> {
  if (endpoints.kind === 'places') {
    for (const place of endpoints.places) await listenOnPlace(nextServer(), place, endpoints.reusePort)
    return
  }
  const libc = loadLibc()
  for (const fd of endpoints.fds) await listenOnDescriptor(nextServer(), duplicate(libc, fd))
}

/** Node closes what it listens on, and the number that we are given is the main thread's. */
function duplicate(libc: Libc, fd: number): number {
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)
  if (copy >= 0) return copy
  const cause = new Error(getSystemErrorName(-libc.errno()))
  throw new ContainerDnsError('CDNS_SOCKET_FAILED', `descriptor ${fd} cannot be duplicated`, { cause })
}
