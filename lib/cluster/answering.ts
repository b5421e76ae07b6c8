import { randomInt } from 'node:crypto'
import { FaultReports } from '../hooks/fault-reports.js'
import type { HookTask } from '../hooks/function-hooks.js'
import type { Hooks } from '../hooks/hooks.js'
import { LateAnswers } from '../hooks/late-answers.js'
import { importHooks } from '../hooks/module-hooks.js'
import { ThreadHooks } from '../hooks/thread-hooks.js'
import { ThreadCounters } from '../metrics/counters.js'
import { QueryPipeline } from '../query/pipeline.js'
import { type AnswerPolicy, openSettings } from '../query/settings.js'
import { type RecordIndexHandle, RecordIndexReader } from '../record-index/record-index-reader.js'
import { type MessageFromThread, toPlainError } from '../threads/messages.js'
import { receiveSegment } from '../threads/receive-segment.js'
import type { ThreadTask } from './thread-life.js'

/** What a thread that answers queries is given. */
export interface AnsweringTask extends ThreadTask, AnswerPolicy {
  readonly counters: SharedArrayBuffer
  readonly index: RecordIndexHandle
  /** Left out where a host has no hooks. */
  readonly hooks?: HookTask
}

/** The query pipeline of one thread, with the index that it reads and the counters that it counts in. */
export interface Answering {
  readonly index: RecordIndexReader
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
  readonly hooks: ThreadHooks | undefined
  /** Where queries can be parked. */
  readonly late: LateAnswers | undefined
}

/**
 * Binds a pipeline for batches of up to `batchSize` queries to the index and to this thread's row of counters; `calls` are the hooks that
 * can be called in this thread.
 */
export function openAnswering(task: AnsweringTask, batchSize: number, calls: Hooks = {}): Answering {
  const index = RecordIndexReader.open(task.index, () => receiveSegment(task.port))
  const counters = new ThreadCounters(task.counters, task.thread)
  const settings = openSettings(index, task)
  const hooks = task.hooks && openThreadHooks(task, task.hooks, calls, counters.values)
  const pipeline = new QueryPipeline(settings, counters.values, randomInt(1, 2 ** 31), batchSize, hooks)
  const late = hooks?.owner && new LateAnswers(hooks, hooks.owner, { index, counters, pipeline })
  return { index, counters, pipeline, hooks, late }
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

function openThreadHooks(task: AnsweringTask, hooks: HookTask, calls: Hooks, counters: Uint32Array): ThreadHooks {
  const report = (hook: string, error: unknown) => {
    const message: MessageFromThread = { type: 'hookFault', hook, error: toPlainError(error) }
    task.port.postMessage(message)
  }
  return new ThreadHooks({
    calls,
    guard: { memory: hooks.guard, thread: task.thread },
    ...(hooks.parking === undefined ? {} : { parking: hooks.parking }),
    views: hooks.views,
    counters,
    faults: new FaultReports(report),
  })
}
