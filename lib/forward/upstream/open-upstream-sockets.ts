import { ContainerDnsError } from '../../errors.js'
import type { Logger } from '../../log.js'
import type { DescriptorList } from '../../transport/descriptor-list.js'
import { batchObstacle, loadLibc } from '../../transport/libc.js'
import { BatchUpstreamSockets } from './batch-upstream-sockets.js'
import { DgramUpstreamSockets } from './dgram-upstream-sockets.js'
import type { ReplyHandler, UpstreamSockets } from './upstream-sockets.js'

export interface UpstreamSocketNeeds {
  /** `batch` needs Linux and koffi; `auto` takes it where it works. */
  readonly transport: 'auto' | 'batch' | 'dgram'
  readonly logger: Logger
  /** `batch`: where descriptors are noted, so that they can be closed if this thread dies; and an eventfd that ends a wait. */
  readonly descriptors?: DescriptorList
  readonly wakeFd?: number
}

/** Chooses once, and says why. Throws CDNS_TRANSPORT_UNAVAILABLE. */
export function openUpstreamSockets(needs: UpstreamSocketNeeds, handler: ReplyHandler): UpstreamSockets {
  const { transport, logger } = needs
  const found = transport === 'dgram' ? 'dgram was asked for' : batchSockets(needs, handler)
  if (typeof found !== 'string') {
    logger.debug({ transport: 'batch' }, 'upstreams are asked over sockets of the kernel')
    return found
  }
  if (transport === 'batch') {
    throw new ContainerDnsError('CDNS_TRANSPORT_UNAVAILABLE', `upstreams cannot be asked over batch: ${found}`)
  }
  logger.debug({ transport: 'dgram', reason: found }, "upstreams are asked over Node's sockets")
  return new DgramUpstreamSockets(handler)
}

/** Or why there are none. */
function batchSockets(needs: UpstreamSocketNeeds, handler: ReplyHandler): UpstreamSockets | string {
  const obstacle = batchObstacle()
  if (obstacle !== undefined) return obstacle
  try {
    return new BatchUpstreamSockets(loadLibc(), handler, needs)
  } catch (error) {
    return (error as Error).message
  }
}
