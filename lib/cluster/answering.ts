import { randomInt } from 'node:crypto'
import { ExchangeRing } from '../export/exchange-ring.js'
import { type TapHandle, ThreadTap } from '../export/thread-tap.js'
import { UpstreamExchangesTap } from '../export/upstream-exchanges-tap.js'
import type { ReloadedForwarding } from '../forward/server-forwarding.js'
import { LateForwarded } from '../forward/thread/late-forwarded.js'
import { type ForwardingTask, ThreadForwarding } from '../forward/thread/thread-forwarding.js'
import { type HealthHandle, HealthReader } from '../health/health-reader.js'
import { healthOf } from '../hooks/backends.js'
import { FaultReports } from '../hooks/fault-reports.js'
import type { HookTask } from '../hooks/function-hooks.js'
import type { Hooks } from '../hooks/hooks.js'
import { LateAnswers } from '../hooks/late-answers.js'
import { importHooks } from '../hooks/module-hooks.js'
import { ThreadHooks } from '../hooks/thread-hooks.js'
import { ThreadCounters } from '../metrics/counters.js'
import type { MeterHandle } from '../metrics/measurements.js'
import { QueryPipeline } from '../query/pipeline.js'
import type { QuerySettings } from '../query/query-context.js'
import { QueryMeter } from '../query/query-meter.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { type OtherMessage, receiveSegment } from '../threads/receive-segment.js'
import { type PostedSegment, SegmentInbox } from '../threads/segment-inbox.js'
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
  /** Left out where nothing is forwarded, and for the forward thread itself. */
  readonly forwarding?: ForwardingTask
  /** Left out where no queries are exported. */
  readonly tap?: TapHandle
}

/** What a reload posts to the threads. */
export interface PostedPolicy {
  readonly policy: AnswerPolicy
  /** What is spoken on each stream socket, with other certificates. */
  readonly services: readonly StreamService[]
  /** Left out where nothing is forwarded. */
  readonly forwarding?: ReloadedForwarding
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
  readonly forwarding: ThreadForwarding | undefined
  /** Where queries can be parked: for hooks, and for upstreams. */
  readonly late: { readonly hooks: LateAnswers | undefined; readonly forwarding: LateForwarded | undefined }
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
  const tables = openTables(task, () => receiveSegment(task.port, (message) => policies.take(message)))
  const { counters, meter, settings } = tables
  const hooks = openThreadHooks(task, tables, calls)
  const forwarding = task.forwarding && new ThreadForwarding(task.forwarding, settings.index.seed, counters.values)
  const tap = openTaps(task, tables).queries
  if (tap !== undefined) {
    if (hooks !== undefined) hooks.origin.isTapped = true
    if (forwarding !== undefined) forwarding.isTapped = true
  }
  const answering = {
    enter() {
      tables.enter()
      forwarding?.enter()
    },
    leave() {
      forwarding?.leave()
      tables.leave()
      tap?.flush()
    },
    counters,
    meter,
    pipeline: new QueryPipeline({
      settings,
      counters: counters.values,
      randomSeed: randomInt(1, 2 ** 31),
      batchSize,
      hooks,
      meter,
      forwarding,
    }),
  }
  answering.pipeline.tap = tap
  const late = {
    hooks: hooks?.parked && new LateAnswers(hooks.parked, answering, forwarding),
    forwarding: forwarding && new LateForwarded(forwarding, answering, hooks),
  }
  if (changes !== undefined) {
    changes.control.onPolicy = () => {
      tables.receiveAll()
      if (policies.newest === undefined) return
      const { posted } = takePolicy(task, tables, answering.pipeline, policies.newest)
      if (posted.forwarding !== undefined) forwarding?.use(posted.forwarding.policy)
      changes.onTaken?.(posted)
    }
  }
  return { ...answering, hooks, forwarding, late }
}

/** Answers by a policy that was posted, from now on, and says so. Between two batches only. */
export function takePolicy(
  task: AnsweringTask,
  tables: ThreadTables,
  pipeline: QueryPipeline,
  { number, policy }: PolicyMessage,
): { posted: PostedPolicy; settings: QuerySettings } {
  const posted = policy as PostedPolicy
  const settings = tables.settingsOf(posted.policy)
  pipeline.use(settings)
  tables.meter.use(settings)
  task.port.postMessage({ type: 'policyTaken', number } satisfies MessageFromThread)
  return { posted, settings }
}

export type PolicyMessage = Extract<OtherMessage, { type: 'policy' }>

/** What a thread that answers reads, and where it counts. */
export interface ThreadTables {
  readonly settings: QuerySettings
  /** The same tables by another policy. */
  settingsOf(policy: AnswerPolicy): QuerySettings
  /** Takes in all segments that have been posted. */
  receiveAll(): void
  readonly counters: ThreadCounters
  readonly meter: QueryMeter
  readonly health: HealthReader
  enter(): void
  leave(): void
}

/** `receive` takes the next segment that was posted to the thread. */
export function openTables(task: AnsweringTask, receive: () => PostedSegment | undefined): ThreadTables {
  const inbox = new SegmentInbox(receive)
  const index = RecordIndexReader.open(task.index, () => inbox.next('records'))
  const health = new HealthReader(task.health, () => inbox.next('health'))
  const settings = openSettings(index, health, task)
  return {
    settings,
    settingsOf: (policy) => openSettings(index, health, policy),
    receiveAll: () => inbox.receiveAll(),
    counters: new ThreadCounters(task.counters, task.thread),
    meter: new QueryMeter(task.meter, task.thread, settings, randomInt(1, 2 ** 31)),
    health,
    enter() {
      index.enter()
      health.enter()
    },
    leave() {
      health.leave()
      index.leave()
    },
  }
}

/** What of a thread is exported: neither where nothing is. */
export interface ThreadTaps {
  /** To be flushed when a batch is left. */
  readonly queries?: ThreadTap
  /** For the thread that asks upstreams, where that is wanted. */
  readonly upstreams?: UpstreamExchangesTap
}

export function openTaps({ tap }: AnsweringTask, { meter }: ThreadTables): ThreadTaps {
  if (tap === undefined) return {}
  const ring = new ExchangeRing(tap.ring)
  const seed = () => randomInt(1, 2 ** 31)
  const queries = new ThreadTap(ring, tap, meter, seed())
  const { upstreamSample } = tap
  return upstreamSample === 0
    ? { queries }
    : { queries, upstreams: new UpstreamExchangesTap(ring, upstreamSample, seed()) }
}

/** Keeps the newest policy that was posted: it may come in the middle of a batch, on the way to a segment. */
class PolicyInbox {
  newest: PolicyMessage | undefined

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

/** Undefined where a host has no hooks. */
export function openThreadHooks(task: AnsweringTask, tables: ThreadTables, calls: Hooks): ThreadHooks | undefined {
  const { hooks } = task
  if (hooks === undefined) return undefined
  const report = (hook: string, error: unknown) => {
    const message: MessageFromThread = { type: 'hookFault', hook, error: toPlainError(error) }
    task.port.postMessage(message)
  }
  return new ThreadHooks({
    calls,
    guard: { memory: hooks.guard, thread: task.thread },
    ...(hooks.parking === undefined ? {} : { parking: hooks.parking }),
    healthOf: healthOf(tables.health),
    views: hooks.views,
    counters: tables.counters.values,
    faults: new FaultReports(report),
  })
}
