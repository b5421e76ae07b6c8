import { randomInt } from 'node:crypto'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { ThreadCounters } from '../metrics/counters.js'
import { QueryPipeline } from '../query/pipeline.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import type { Segment } from '../shared-table/segments.js'
import type { MessageToThread } from '../threads/messages.js'
import type { ThreadTask } from './thread-life.js'

/** What a thread that answers queries is given. */
export interface AnsweringTask extends ThreadTask, AnswerPolicy {
  readonly counters: SharedArrayBuffer
  readonly index: RecordIndexHandle
}

/** The query pipeline of one thread, with the index that it reads and the counters that it counts in. */
export interface Answering {
  readonly index: RecordIndexReader
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
}

/** Binds a pipeline for batches of up to `batchSize` queries to the index and to this thread's row of counters. */
export function openAnswering(task: AnsweringTask, batchSize: number): Answering {
  const index = RecordIndexReader.open(task.index, () => receiveSegment(task.port))
  const counters = new ThreadCounters(task.counters, task.thread)
  const pipeline = new QueryPipeline(openSettings(index, task), counters.values, randomInt(1, 2 ** 31), batchSize)
  return { index, counters, pipeline }
}

/** The next segment of the index that was posted to this thread. */
function receiveSegment(port: MessagePort): Segment | undefined {
  const received = receiveMessageOnPort(port) as { message: MessageToThread } | undefined
  if (received === undefined) return undefined
  const { message } = received
  switch (message.type) {
    case 'segment':
      return message.segment
    default:
      return message.type satisfies never
  }
}
