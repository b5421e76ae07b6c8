import type { Socket } from 'node:dgram'
import { ContainerDnsError } from '../errors.js'
import type { BoundAddress, DatagramAddress, DatagramSockets, DgramEndpoints } from './datagram-transport.js'
import { bindDgramSocket, createDgramSocket } from './dgram-socket.js'
import { hostInterfaces } from './host-interfaces.js'
import { canReusePort } from './reuse-port.js'
import { familyOf, isWildcard } from './socket-address.js'
import { type SocketPlace, socketError } from './socket-error.js'

/**
 * Makes sure that every address can be bound, and gives the threads what they will bind themselves.
 *
 * A wildcard becomes the addresses that the host has now: Node cannot say from which address a response is to go.
 */
export async function openDgramSockets(
  addresses: readonly DatagramAddress[],
  threads: number,
  reason: string,
): Promise<DatagramSockets> {
  const reusePort = canReusePort()
  const bound: BoundAddress[] = []
  const places: SocketPlace[] = []
  const probes: Socket[] = []
  try {
    for (const address of addresses) {
      const hosts = hostsOf(address)
      const port = await probe(hosts, address, probes)
      bound.push({ protocol: 'udp', host: address.host, port })
      for (const host of hosts) places.push({ host, port })
    }
  } finally {
    await closeAll(probes)
  }
  const sockets = places.map((place) => ({ ...place, family: familyOf(place.host) }))
  const endpoints: DgramEndpoints = { kind: 'dgram', reusePort, sockets }
  return {
    kind: 'dgram',
    reason,
    addresses: bound,
    threads: reusePort ? threads : Math.min(threads, 1),
    endpoints: () => endpoints,
    wake: () => {},
    // The threads bind when they start, which is late enough.
    join: () => {},
    leave: () => {},
    close: () => {},
  }
}

/** Binds the port on every host and returns it; the sockets go to `probes`. Only a bind without `reusePort` sees all others. */
async function probe(hosts: readonly string[], address: DatagramAddress, probes: Socket[]): Promise<number> {
  if (address.share && address.port !== 0) return address.port
  for (let tries = 1; ; tries++) {
    const opened: Socket[] = []
    try {
      return await bindAll(hosts, address.port, opened)
    } catch (error) {
      const isTaken = error instanceof ContainerDnsError && error.code === 'CDNS_PORT_IN_USE'
      if (address.port !== 0 || !isTaken || tries === PORT_TRIES) throw error
    } finally {
      probes.push(...opened)
    }
  }
}

/** Port 0 on several hosts: the system's choice for the first may be taken on another. Taken this often, something else is wrong. */
const PORT_TRIES = 10

async function bindAll(hosts: readonly string[], wanted: number, opened: Socket[]): Promise<number> {
  let port = wanted
  for (const host of hosts) {
    const socket = createDgramSocket(familyOf(host), false)
    opened.push(socket)
    await bindDgramSocket(socket, { host, port })
    port = socket.address().port
  }
  return port
}

function hostsOf({ host, port }: DatagramAddress): string[] {
  if (!isWildcard(host)) return [host]
  const family = familyOf(host)
  const hosts: string[] = []
  for (const [name, addresses = []] of Object.entries(hostInterfaces())) {
    for (const address of addresses) {
      if (address.family !== `IPv${family}`) continue
      // A link-local address means nothing without its interface.
      const needsZone = address.family === 'IPv6' && address.scopeid !== 0
      hosts.push(needsZone ? `${address.address}%${name}` : address.address)
    }
  }
  if (hosts.length > 0) return hosts
  throw socketError({ host, port }, 'EADDRNOTAVAIL', new Error(`this host has no IPv${family} address`))
}

async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
}
