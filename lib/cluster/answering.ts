import { randomInt } from 'node:crypto'
import { type HealthHandle, HealthReader } from '../health/health-reader.js'
import { ThreadCounters } from '../metrics/counters.js'
import { QueryPipeline } from '../query/pipeline.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import { receiveSegment } from '../threads/receive-segment.js'
import { SegmentInbox } from '../threads/segment-inbox.js'
import type { ThreadTask } from './thread-life.js'

/** What a thread that answers queries is given. */
export interface AnsweringTask extends ThreadTask, AnswerPolicy {
  readonly counters: SharedArrayBuffer
  readonly index: RecordIndexHandle
  readonly health: HealthHandle
}

/** The query pipeline of one thread, with the tables that it reads and the counters that it counts in. */
export interface Answering {
  /** Before a batch is taken. */
  enter(): void
  /** After it has been answered. */
  leave(): void
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
}

/** Binds a pipeline for batches of up to `batchSize` queries to the index and to this thread's row of counters. */
export function openAnswering(task: AnsweringTask, batchSize: number): Answering {
  const inbox = new SegmentInbox(() => receiveSegment(task.port))
  const index = RecordIndexReader.open(task.index, () => inbox.next('records'))
  const health = new HealthReader(task.health, () => inbox.next('health'))
  const counters = new ThreadCounters(task.counters, task.thread)
  const settings = openSettings(index, health, task)
  const pipeline = new QueryPipeline(settings, counters.values, randomInt(1, 2 ** 31), batchSize)
  return {
    enter() {
      index.enter()
      health.enter()
    },
    leave() {
      health.leave()
      index.leave()
    },
    counters,
    pipeline,
  }
}
