import { ContainerDnsError } from '../errors.js'
import type { BoundAddress, DatagramAddress, DatagramSockets, OpenOptions, Protocol } from './datagram-transport.js'
import { chooseTransport, openDatagramSockets } from './open-datagram-sockets.js'
import type { StreamService, StreamSockets } from './stream-transport.js'
import { openTcpSockets } from './tcp-sockets.js'
import { type CertificateSource, readCertificate } from './tls-certificate.js'

/** An address to answer on, and over what. With several protocols, a port of 0 becomes one number for all of them. */
export interface ListenAddress extends DatagramAddress {
  readonly protocols: readonly Protocol[]
  /** Where one of the protocols is `dot` or `doh`; that is the only one then. */
  readonly tls?: CertificateSource
  /** Where it is `doh`. */
  readonly dohPath?: string
}

export interface OpenSocketsOptions extends Omit<OpenOptions, 'addresses'> {
  readonly listen: readonly ListenAddress[]
}

/** Everything that a server has bound; belongs to the main thread. */
export interface ServerSockets {
  readonly datagrams: DatagramSockets
  /** Undefined where nobody is to be answered over TCP. */
  readonly streams: StreamSockets | undefined
  /** What is spoken on each of `streams`. */
  readonly services: readonly StreamService[]
  /** Reads and tries the certificates of other addresses, which differ from ours by them alone. Rejects as `readCertificate` does. */
  readServices(listen: readonly ListenAddress[]): Promise<readonly StreamService[]>
  /** From now on, threads that are run are given these. */
  setServices(services: readonly StreamService[]): void
  /** In the order of `listen`, udp first. */
  readonly addresses: readonly BoundAddress[]
  /** Whether others may be bound beside us, who answer until `join`. */
  readonly isShared: boolean
  /** Takes part in what comes to the shared addresses, once the threads serve. Throws as opening does. */
  join(): void
  /** Takes no part any more, as far as the transport can; what is queued by now is still to be answered. */
  leave(): void
  /** Closes all of it; only after the threads have ended. May be called twice. */
  close(): void
}

/** Opens all sockets of a server, or none. Rejects as `openDatagramSockets` and `readCertificate` do. */
export async function openSockets(options: OpenSocketsOptions): Promise<ServerSockets> {
  const services = await readServices(options.listen)
  const needsLuck = options.listen.some(({ port, protocols }) => port === 0 && protocols.length > 1)
  for (let tries = 1; ; tries++) {
    try {
      return await openOnce(options, services)
    } catch (error) {
      const isTaken = error instanceof ContainerDnsError && error.code === 'CDNS_PORT_IN_USE'
      if (!needsLuck || !isTaken || tries === PORT_TRIES) throw error
    }
  }
}

/** Port 0: the number that the system gives for TCP may be taken for UDP. Taken this often, something else is wrong. */
const PORT_TRIES = 10

function isOverStreams({ protocols }: ListenAddress): boolean {
  return protocols.some((protocol) => protocol !== 'udp')
}

function readServices(listen: readonly ListenAddress[]): Promise<readonly StreamService[]> {
  return Promise.all(listen.filter(isOverStreams).map(serviceOf))
}

async function serviceOf({ protocols, tls, dohPath }: ListenAddress): Promise<StreamService> {
  if (tls === undefined) return { protocol: 'tcp' }
  const identity = { source: tls, certificate: await readCertificate(tls) }
  if (protocols.includes('dot')) return { protocol: 'dot', tls: identity }
  return { protocol: 'doh', tls: identity, path: dohPath! }
}

async function openOnce(
  { listen, ...options }: OpenSocketsOptions,
  firstServices: readonly StreamService[],
): Promise<ServerSockets> {
  let services = firstServices
  const overTcp = listen.filter(isOverStreams)
  // What stands in the way of `batch` stands in the way of sockets of our own for TCP, too.
  const { kind } = chooseTransport(options.kind)
  const streams = overTcp.length === 0 ? undefined : await openTcpSockets(kind, overTcp)
  const ports = new Map(overTcp.map((address, i) => [address, streams!.places[i]!.port]))
  const placed = listen.map((address) => ({ ...address, port: ports.get(address) ?? address.port }))
  const overUdp = placed.filter(({ protocols }) => protocols.includes('udp'))
  try {
    const threads = overUdp.length === 0 ? 0 : options.threads
    const datagrams = await openDatagramSockets({ ...options, addresses: overUdp, threads })
    return {
      datagrams,
      streams,
      get services() {
        return services
      },
      readServices,
      setServices(renewed) {
        services = renewed
      },
      addresses: boundAddresses(placed, datagrams.addresses),
      isShared: listen.some(({ share }) => share),
      join() {
        datagrams.join()
        streams?.join()
      },
      leave() {
        datagrams.leave()
        streams?.leave()
      },
      close() {
        datagrams.close()
        streams?.close()
      },
    }
  } catch (error) {
    streams?.close()
    throw error
  }
}

const STREAM_PROTOCOLS = ['tcp', 'dot', 'doh'] as const

/** Where only UDP was asked for on port 0, its number is known to the datagram sockets alone. */
function boundAddresses(listen: readonly ListenAddress[], overUdp: readonly BoundAddress[]): readonly BoundAddress[] {
  let nextUdp = 0
  const addresses: BoundAddress[] = []
  for (const { host, port, protocols } of listen) {
    if (protocols.includes('udp')) addresses.push(overUdp[nextUdp++]!)
    for (const protocol of STREAM_PROTOCOLS) {
      if (protocols.includes(protocol)) addresses.push(Object.freeze({ protocol, host, port }))
    }
  }
  return Object.freeze(addresses)
}
