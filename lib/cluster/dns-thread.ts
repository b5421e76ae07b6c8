import type { Hooks } from '../hooks/hooks.js'
import { Counter } from '../metrics/counters.js'
import {
  BATCH_SIZE,
  type DatagramHandler,
  type LateResponses,
  type ThreadEndpoints,
} from '../transport/datagram-transport.js'
import { LateRings } from '../transport/late-rings.js'
import { serveDatagrams } from '../transport/serve.js'
import { type Answering, type AnsweringTask, importThreadHooks, openAnswering } from './answering.js'
import type { ThreadControl } from './cluster-control.js'
import { liveThread } from './thread-life.js'

/** What a DNS thread is given: a plain object, posted to it. */
export interface DnsThreadTask extends AnsweringTask {
  readonly endpoints: ThreadEndpoints
}

/** The life of a DNS thread: answers what comes to its sockets until it is told to stop. */
export function runDnsThread(task: DnsThreadTask, handlerFor = createHandler): Promise<void> {
  return liveThread(task, async (control) => {
    const hooks = await importThreadHooks(task)
    return serveDatagrams(task.endpoints, handlerFor(task, hooks, control), control)
  })
}

/** Binds the query pipeline to the batches of the transport. */
export function createHandler(task: DnsThreadTask, calls: Hooks = {}, control?: ThreadControl): DatagramHandler {
  const answering = openAnswering(task, BATCH_SIZE, calls, control && { control })
  const { counters, meter, pipeline, hooks, forwarding } = answering
  const late = lateResponses(answering)
  control?.onTick(() => meter.tick())
  let next = 0
  return {
    ...(late === undefined ? {} : { late }),
    beginBatch(batch) {
      const { bytes, count, starts, lengths } = batch
      answering.enter()
      meter.begin()
      meter.protocol = 'udp'
      pipeline.clients = batch
      if (hooks !== undefined) {
        hooks.origin.protocol = 'udp'
        hooks.origin.routes = batch
      }
      if (forwarding !== undefined) {
        forwarding.protocol = 'udp'
        forwarding.routes = batch
      }
      for (let i = 0; i < count; i++) pipeline.take(i, bytes, starts[i]!, lengths[i]!)
      pipeline.prefetch(count)
      next = 0
    },
    answer: (_request, _start, _length, response, responseStart, capacity) =>
      pipeline.answerDatagram(next++, response, responseStart, capacity),
    endBatch(sendFailures) {
      answering.leave()
      counters.values[Counter.batches]!++
      counters.values[Counter.sendFailures]! += sendFailures
      pipeline.measure()
    },
  }
}

/** Hooks come first: what they let through may be parked for upstreams. */
function lateResponses({ late: { hooks, forwarding } }: Answering): LateResponses | undefined {
  if (hooks === undefined || forwarding === undefined) return hooks ?? forwarding
  return new LateRings([hooks, forwarding])
}
