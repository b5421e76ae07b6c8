import { ContainerDnsError } from '../errors.js'
import { BatchSockets } from './batch-sockets.js'
import type { DatagramSockets, OpenOptions, TransportChoice, TransportKind } from './datagram-transport.js'
import { openDgramSockets } from './dgram-sockets.js'
import { batchObstacle } from './libc.js'
import { XdpSockets } from './xdp/xdp-sockets.js'

/**
 * Chooses the transport, once, and opens its sockets. Main thread.
 *
 * Rejects with CDNS_PORT_IN_USE, CDNS_ADDRESS_UNAVAILABLE, CDNS_PERMISSION_DENIED or CDNS_SOCKET_FAILED, and then has
 * nothing open; with CDNS_TRANSPORT_UNAVAILABLE where `batch` or `xdp` is asked for and does not work on this system at all, and with
 * a CDNS_XDP_… code where `xdp` is and fails.
 */
export async function openDatagramSockets(options: OpenOptions): Promise<DatagramSockets> {
  const sockets = await open(options)
  options.logger.info({ transport: sockets.kind, reason: sockets.reason }, 'chose the datagram transport')
  return sockets
}

function open(options: OpenOptions): DatagramSockets | Promise<DatagramSockets> {
  const { addresses, threads } = options
  const { kind, reason } = chooseTransport(options.kind)
  if (kind === 'dgram') return openDgramSockets(addresses, threads, reason)
  const sockets = new BatchSockets(addresses, threads, reason)
  return kind === 'xdp' && addresses.length > 0 ? openXdp(sockets, options, reason) : sockets
}

/** In front of `kernel`; or `kernel` alone, where that will do. */
function openXdp(kernel: BatchSockets, options: OpenOptions, asked: string): DatagramSockets {
  const { addresses, kind, logger, xdp } = options
  const isShared = addresses.some(({ share, port }) => share && port !== 0)
  try {
    return new XdpSockets(kernel, xdp!, { asked, logger, isShared, mayGoWithout: kind !== 'xdp' })
  } catch (error) {
    if (kind === 'xdp') {
      kernel.close()
      throw error
    }
    kernel.reason = `xdp does not work here: ${(error as Error).message}`
    logger.warn({ err: error }, 'AF_XDP cannot be used; all queries go through sockets of the kernel')
    return kernel
  }
}

/** The kind and why. `obstacle` says what is in the way of `batch`, and of `xdp`, which cannot do without. */
export function chooseTransport(
  asked: TransportChoice,
  obstacle: () => string | undefined = batchObstacle,
): { kind: TransportKind; reason: string } {
  if (asked === 'dgram') return { kind: 'dgram', reason: 'it was asked for' }
  const inTheWay = obstacle()
  if (inTheWay === undefined) return CHOICES[asked]
  if (asked === 'auto' || asked === 'auto-xdp') {
    return { kind: 'dgram', reason: `batch does not work here: ${inTheWay}` }
  }
  throw new ContainerDnsError('CDNS_TRANSPORT_UNAVAILABLE', `transport ${asked} does not work here: ${inTheWay}`)
}

const CHOICES = {
  auto: { kind: 'batch', reason: 'recvmmsg and sendmmsg work here' },
  batch: { kind: 'batch', reason: 'it was asked for' },
  xdp: { kind: 'xdp', reason: 'it was asked for' },
  'auto-xdp': { kind: 'xdp', reason: 'it works here' },
} as const
