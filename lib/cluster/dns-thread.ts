import { randomInt } from 'node:crypto'
import { type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads'
import { Counter, ThreadCounters } from '../metrics/counters.js'
import { QueryPipeline } from '../query/pipeline.js'
import { Zone, ZoneTable } from '../query/zone.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import type { Segment } from '../shared-table/segments.js'
import { type MessageFromDnsThread, type MessageToDnsThread, toPlainError } from '../threads/messages.js'
import { BATCH_SIZE, type DatagramHandler, type ThreadEndpoints } from '../transport/datagram-transport.js'
import { serveDatagrams } from '../transport/serve.js'
import { ThreadControl } from './cluster-control.js'

/** What a DNS thread is given: a plain object, posted to it. */
export interface DnsThreadTask {
  readonly thread: number
  readonly port: MessagePort
  readonly control: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly index: RecordIndexHandle
  readonly endpoints: ThreadEndpoints
  readonly zones: readonly string[]
  readonly udpPayloadSize: number
  readonly negativeTtl: number
}

/** The life of a DNS thread: answers what comes to its sockets until it is told to stop. */
export async function runDnsThread(task: DnsThreadTask, handlerFor = createHandler): Promise<void> {
  const post = (message: MessageFromDnsThread) => task.port.postMessage(message)
  const control = new ThreadControl(task.control, task.thread, () => post({ type: 'serving', threadId }))
  try {
    const handler = handlerFor(task)
    await serveDatagrams(task.endpoints, handler, control)
  } catch (error) {
    control.endStart()
    // Rejecting as well would lose the error's code on the way.
    post({ type: 'failed', error: toPlainError(error) })
    throw error
  } finally {
    task.port.close()
  }
}

/** Binds the query pipeline to the index and the counters of this thread. */
export function createHandler(task: DnsThreadTask): DatagramHandler {
  const index = RecordIndexReader.open(task.index, () => receiveSegment(task.port))
  const counters = new ThreadCounters(task.counters, task.thread)
  const zones = task.zones.map((zone) => new Zone(zone, task.negativeTtl))
  const pipeline = new QueryPipeline(
    {
      index,
      zones: new ZoneTable(zones, index.seed),
      udpPayloadSize: task.udpPayloadSize,
      negativeTtl: task.negativeTtl,
    },
    counters.values,
    randomInt(1, 2 ** 31),
    BATCH_SIZE,
  )
  let next = 0
  return {
    beginBatch({ bytes, count, starts, lengths }) {
      index.enter()
      for (let i = 0; i < count; i++) pipeline.take(i, bytes, starts[i]!, lengths[i]!)
      pipeline.prefetch(count)
      next = 0
    },
    answer: (_request, _start, _length, response, responseStart, capacity) =>
      pipeline.answerDatagram(next++, response, responseStart, capacity),
    endBatch(sendFailures) {
      index.leave()
      counters.values[Counter.batches]!++
      counters.values[Counter.sendFailures]! += sendFailures
      counters.flush()
    },
  }
}

/** The next segment of the index that was posted to this thread. */
function receiveSegment(port: MessagePort): Segment | undefined {
  const received = receiveMessageOnPort(port) as { message: MessageToDnsThread } | undefined
  if (received === undefined) return undefined
  const { message } = received
  switch (message.type) {
    case 'segment':
      return message.segment
    default:
      return message.type satisfies never
  }
}
