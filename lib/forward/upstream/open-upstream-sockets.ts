import type { Logger } from '../../log.js'
import { DgramUpstreamSockets } from './dgram-upstream-sockets.js'
import type { ReplyHandler, UpstreamSockets } from './upstream-sockets.js'

export type UpstreamTransport = 'auto' | 'batch' | 'dgram'

/** Chooses once, and says why. */
export function openUpstreamSockets(_: UpstreamTransport, handler: ReplyHandler, logger: Logger): UpstreamSockets {
  logger.debug({ transport: 'dgram' }, 'upstreams are asked over sockets of this kind')
  return new DgramUpstreamSockets(handler)
}
