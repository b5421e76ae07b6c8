import { randomInt } from 'node:crypto'
import { type HealthHandle, HealthReader } from '../health/health-reader.js'
import { type HealthOf, healthOf } from '../hooks/backends.js'
import { FaultReports } from '../hooks/fault-reports.js'
import type { HookTask } from '../hooks/function-hooks.js'
import type { Hooks } from '../hooks/hooks.js'
import { LateAnswers } from '../hooks/late-answers.js'
import { importHooks } from '../hooks/module-hooks.js'
import { ThreadHooks } from '../hooks/thread-hooks.js'
import { ThreadCounters } from '../metrics/counters.js'
import type { MeterHandle } from '../metrics/measurements.js'
import { QueryPipeline } from '../query/pipeline.js'
import { QueryMeter } from '../query/query-meter.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { type OtherMessage, receiveSegment } from '../threads/receive-segment.js'
import { SegmentInbox } from '../threads/segment-inbox.js'
import type { StreamService } from '../transport/stream-transport.js'
import type { ThreadControl } from './cluster-control.js'
import type { ThreadTask } from './thread-life.js'

/** What a thread that answers queries is given. */
export interface AnsweringTask extends ThreadTask, AnswerPolicy {
  readonly counters: SharedArrayBuffer
  readonly meter: MeterHandle
  readonly index: RecordIndexHandle
  readonly health: HealthHandle
  /** Left out where a host has no hooks. */
  readonly hooks?: HookTask
}

/** What a reload posts to the threads. */
export interface PostedPolicy {
  readonly policy: AnswerPolicy
  /** What is spoken on each stream socket, with other certificates. */
  readonly services: readonly StreamService[]
}

/** Where a thread hears of new policies. */
export interface PolicyChanges {
  readonly control: ThreadControl
  /** After the pipeline has taken the policy. */
  readonly onTaken?: (posted: PostedPolicy) => void
}

/** The query pipeline of one thread, with the tables that it reads and the counters that it counts in. */
export interface Answering {
  /** Before a batch is taken. */
  enter(): void
  /** After it has been answered. */
  leave(): void
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
  readonly meter: QueryMeter
  readonly hooks: ThreadHooks | undefined
  /** Where queries can be parked. */
  readonly late: LateAnswers | undefined
}

/**
 * Binds a pipeline for batches of up to `batchSize` queries to the tables and to this thread's row of counters; `calls` are the hooks
 * that can be called in this thread. Without `changes` it answers by its task for ever.
 */
export function openAnswering(
  task: AnsweringTask,
  batchSize: number,
  calls: Hooks = {},
  changes?: PolicyChanges,
): Answering {
  const policies = new PolicyInbox()
  const inbox = new SegmentInbox(() => receiveSegment(task.port, (message) => policies.take(message)))
  const index = RecordIndexReader.open(task.index, () => inbox.next('records'))
  const health = new HealthReader(task.health, () => inbox.next('health'))
  const counters = new ThreadCounters(task.counters, task.thread)
  const settings = openSettings(index, health, task)
  const meter = new QueryMeter(task.meter, task.thread, settings, randomInt(1, 2 ** 31))
  const hooks = task.hooks && openThreadHooks(task, task.hooks, calls, counters.values, healthOf(health))
  const answering = {
    enter() {
      index.enter()
      health.enter()
    },
    leave() {
      health.leave()
      index.leave()
    },
    counters,
    meter,
    pipeline: new QueryPipeline(settings, counters.values, randomInt(1, 2 ** 31), batchSize, hooks, meter),
  }
  if (changes !== undefined) {
    changes.control.onPolicy = () => {
      inbox.receiveAll()
      const { newest } = policies
      if (newest === undefined) return
      const posted = newest.policy as PostedPolicy
      const next = openSettings(index, health, posted.policy)
      answering.pipeline.use(next)
      meter.use(next)
      changes.onTaken?.(posted)
      task.port.postMessage({ type: 'policyTaken', number: newest.number } satisfies MessageFromThread)
    }
  }
  const late = hooks?.parked && new LateAnswers(hooks.parked, answering)
  return { ...answering, hooks, late }
}

/** Keeps the newest policy that was posted: it may come in the middle of a batch, on the way to a segment. */
class PolicyInbox {
  newest: Extract<OtherMessage, { type: 'policy' }> | undefined

  take(message: OtherMessage): void {
    if (message.type === 'policy') this.newest = message
  }
}

/** Imports what a thread needs before it can serve. Rejects with CDNS_HOOK_MODULE_FAILED where the server cannot do without. */
export async function importThreadHooks({ hooks, port }: AnsweringTask): Promise<Hooks> {
  if (hooks === undefined) return {}
  try {
    return await importHooks(hooks.modules)
  } catch (error) {
    if (hooks.mustImport) throw error
    port.postMessage({ type: 'hooksLost', error: toPlainError(error) } satisfies MessageFromThread)
    return {}
  }
}

function openThreadHooks(
  task: AnsweringTask,
  hooks: HookTask,
  calls: Hooks,
  counters: Uint32Array,
  healthOf: HealthOf,
): ThreadHooks {
  const report = (hook: string, error: unknown) => {
    const message: MessageFromThread = { type: 'hookFault', hook, error: toPlainError(error) }
    task.port.postMessage(message)
  }
  return new ThreadHooks({
    calls,
    guard: { memory: hooks.guard, thread: task.thread },
    ...(hooks.parking === undefined ? {} : { parking: hooks.parking }),
    healthOf,
    views: hooks.views,
    counters,
    faults: new FaultReports(report),
  })
}
