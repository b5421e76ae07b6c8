import type { DatagramHandler, EventLoopControl, ThreadEndpoints } from './datagram-transport.js'
import { serveBatch } from './udp-batch.js'
import { serveDgram } from './udp-dgram.js'
import { serveXdp } from './xdp/udp-xdp.js'

/** Serves a thread's sockets until `tick` says stop. `batch` and `xdp` block the thread until then, `dgram` leaves it its event loop. */
export async function serveDatagrams(
  endpoints: ThreadEndpoints,
  handler: DatagramHandler,
  control: EventLoopControl,
): Promise<void> {
  if (endpoints.kind === 'batch') serveBatch(endpoints, handler, control)
  else if (endpoints.kind === 'xdp') serveXdp(endpoints, handler, control)
  else await serveDgram(endpoints, handler, control)
}
