import type { ForwarderTask } from '../forward/thread/forwarder-task.js'
import type { ParsedWorkerFiles } from '../threads/worker-files.js'
import type { ServerSockets } from '../transport/open-sockets.js'
import type { StreamLimits } from '../transport/stream-transport.js'
import type { AnsweringTask } from './answering.js'
import type { DnsThreadTask } from './dns-thread.js'
import type { ExportThreadTask } from './export-thread.js'
import type { ForwardThreadTask } from './forward-thread.js'
import type { StreamThreadTask } from './stream-thread.js'
import type { ThreadPlan } from './supervised-thread.js'
import type { ThreadTask } from './thread-life.js'

/** What threads are told beside how to answer. */
export interface ThreadSettings {
  readonly tcp: StreamLimits
  readonly workerFiles: ParsedWorkerFiles
}

/** How a thread answers, and what it shares with the main thread; asked for anew at each run. */
export type AnsweringOf = (thread: number) => Unsupervised<AnsweringTask>

/** How many threads serve these sockets. */
export function threadCount({ datagrams, streams }: ServerSockets, forwards: boolean): number {
  return datagrams.threads + (streams === undefined ? 0 : 1) + (forwards ? 1 : 0)
}

/**
 * The DNS threads, then the stream thread, then the forward thread, which `forwarder` is for. Thread i has row i of the counters, and reader
 * slot i of the index.
 */
export function threadPlans(
  sockets: ServerSockets,
  settings: ThreadSettings,
  answering: AnsweringOf,
  forwarder?: () => ForwarderTask,
): ThreadPlan[] {
  const { tcp, workerFiles } = settings
  const { datagrams, streams } = sockets
  const plans = Array.from({ length: datagrams.threads }, (_, thread): ThreadPlan => {
    const endpoints = datagrams.endpoints(thread)
    const task = (): Unsupervised<DnsThreadTask> => ({ ...answering(thread), endpoints })
    return { role: 'dns', workerFile: workerFiles.dns, task, wake: () => datagrams.wake(thread) }
  })
  if (streams !== undefined) {
    const { endpoints } = streams
    const thread = plans.length
    const task = (): Unsupervised<StreamThreadTask> => ({
      ...answering(thread),
      endpoints,
      services: sockets.services,
      limits: tcp,
    })
    // Its event loop looks often enough by itself.
    plans.push({ role: 'stream', workerFile: workerFiles.stream, task, wake: () => {} })
  }
  if (forwarder !== undefined) {
    const thread = plans.length
    const task = (): Unsupervised<ForwardThreadTask> => ({ ...answering(thread), forwarder: forwarder() })
    plans.push({ role: 'forward', workerFile: workerFiles.forward, task, wake: () => {} })
  }
  return plans
}

/** The thread that exports queries; the last one, since it has neither counters nor a slot in the index. */
export function exportPlan(settings: ThreadSettings, queries: ExportedThreads): ThreadPlan {
  const task = (): Unsupervised<ExportThreadTask> => ({ export: queries.handle() })
  return { role: 'export', workerFile: settings.workerFiles.export, task, wake: () => {}, end: () => queries.end() }
}

/** What the export thread is given, and how it is told that all others have ended. */
export interface ExportedThreads {
  handle(): ExportThreadTask['export']
  end(): void
}

/** A task, but for what the supervisor adds. */
type Unsupervised<Task extends ThreadTask> = Omit<Task, keyof ThreadTask>
