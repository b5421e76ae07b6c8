import type { ParsedWorkerFiles } from '../threads/worker-files.js'
import type { ServerSockets } from '../transport/open-sockets.js'
import type { StreamLimits } from '../transport/stream-transport.js'
import type { AnsweringTask } from './answering.js'
import type { DnsThreadTask } from './dns-thread.js'
import type { StreamThreadTask } from './stream-thread.js'
import type { ThreadPlan } from './supervisor.js'
import type { ThreadTask } from './thread-life.js'

/** What all threads of a server are told alike. */
export interface AnsweringSettings {
  readonly zones: readonly string[]
  readonly udpPayloadSize: number
  readonly negativeTtl: number
  readonly tcp: StreamLimits
  readonly workerFiles: ParsedWorkerFiles
}

/** What a thread shares with the main thread; asked for anew at each run. */
export type SharedWith = (thread: number) => Pick<AnsweringTask, 'counters' | 'index'>

/** How many threads serve these sockets. */
export function threadCount({ datagrams, streams }: ServerSockets): number {
  return datagrams.threads + (streams === undefined ? 0 : 1)
}

/** The DNS threads, then the stream thread. Thread i has row i of the counters, and reader slot i of the index. */
export function threadPlans(sockets: ServerSockets, settings: AnsweringSettings, sharedWith: SharedWith): ThreadPlan[] {
  const { zones, negativeTtl, udpPayloadSize, tcp, workerFiles } = settings
  const { datagrams, streams, services } = sockets
  const answering = (thread: number): Unsupervised<AnsweringTask> => ({
    ...sharedWith(thread),
    zones,
    udpPayloadSize,
    negativeTtl,
  })
  const plans = Array.from({ length: datagrams.threads }, (_, thread): ThreadPlan => {
    const endpoints = datagrams.endpoints(thread)
    const task = (): Unsupervised<DnsThreadTask> => ({ ...answering(thread), endpoints })
    return { role: 'dns', workerFile: workerFiles.dns, task, wake: () => datagrams.wake(thread) }
  })
  if (streams !== undefined) {
    const { endpoints } = streams
    const thread = plans.length
    const task = (): Unsupervised<StreamThreadTask> => ({ ...answering(thread), endpoints, services, limits: tcp })
    // Its event loop looks often enough by itself.
    plans.push({ role: 'stream', workerFile: workerFiles.stream, task, wake: () => {} })
  }
  return plans
}

/** A task, but for what the supervisor adds. */
type Unsupervised<Task extends ThreadTask> = Omit<Task, keyof ThreadTask>
