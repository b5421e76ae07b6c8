import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { Clock } from '../clock.js'
import { ContainerDnsError, callHost } from '../errors.js'
import { fromPlainError, type MessageFromThread, type MessageToThread } from '../threads/messages.js'
import type { PostedSegment } from '../threads/segment-inbox.js'
import { createThreadPool, type ThreadPool } from '../threads/thread-pool.js'
import { ClusterControl } from './cluster-control.js'
import { registerForExit } from './exit-registry.js'
import { NO_THREAD, newThread, type SupervisedThread, type ThreadPlan } from './supervised-thread.js'
import type { ThreadRole, ThreadTask } from './thread-life.js'
import { type ThreadNewsListeners, tellNews } from './thread-news.js'

/** Why a thread was run again: it died by itself, or its heart stood still. */
export interface WorkerRestart {
  readonly thread: number
  readonly role: ThreadRole
  readonly reason: 'died' | 'hung'
  /** How often this thread has been run again so far. */
  readonly restarts: number
  readonly cause: Error
}

export interface SupervisorOptions extends ThreadNewsListeners {
  /** Thread i is that of plan i. */
  readonly plans: readonly ThreadPlan[]
  /** A thread is dead, and reads nothing of shared memory any more. */
  readonly onDeath: (thread: number) => void
  readonly onRestart: (restart: WorkerRestart) => void
  readonly clock: Clock
  /** How long a thread may take until it serves; default `START_TIMEOUT_MS`. */
  readonly startTimeoutMs?: number
}

export interface ThreadStatus {
  readonly role: ThreadRole
  readonly restarts: number
}

const HEARTBEAT_CHECK_MS = 250
/** Looks at a heart that did not beat before the thread is ended: 2 s, eight times its slowest beat. */
const MISSED_BEATS = 8
/** How long threads may take to stop by themselves; a batch and a wait are over in a tenth of it. */
const STOP_TIMEOUT_MS = 1_000
/** How long a thread that was ended by force may take to be gone: a loop ends at once, a wait within 100 ms. */
const EXIT_TIMEOUT_MS = 1_000

/** How long a thread may take from its start until it serves; on a busy machine it is a tenth of a second, and hundreds of threads wait for each other. */
const START_TIMEOUT_MS = 30_000
/** Keeps the threads of a server running, each as an endless task, and runs those again that die or hang. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #startTimeoutMs: number
  readonly #control: ClusterControl
  readonly #threads: SupervisedThread[] = []
  #pool: ThreadPool | undefined
  readonly #unregister: () => void
  #heartbeatTimer: NodeJS.Timeout | undefined
  #stopped = false
  /** The number of the newest policy; the first came with the tasks. */
  #policy = 0
  /** Called when a thread has taken a policy, or has ended. */
  readonly #policyWaiters = new Set<() => void>()
  #onServing: () => void = () => {}
  #onStartFailure: (error: Error) => void = () => {}

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS
    this.#control = new ClusterControl(options.plans.length)
    this.#unregister = registerForExit(() => this.#stopForExit())
  }

  /** Resolves when every thread serves. Rejects with CDNS_THREAD_FAILED, or the thread's own code, when one cannot. */
  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#onServing = () => {
        if (this.#threads.every((thread) => thread.state === 'serving')) resolve()
      }
      this.#onStartFailure = reject
    })
    // While a store was loading, before us.
    if (this.#stopped) return
    const { plans } = this.#options
    this.#pool = this.#createPool(plans.length)
    for (const [number, plan] of plans.entries()) this.#threads.push(newThread(number, plan, this.#policy))
    for (const thread of this.#threads) this.#run(thread)
    await started
    if (this.#stopped) return
    this.#heartbeatTimer = setInterval(() => this.#checkHearts(), HEARTBEAT_CHECK_MS)
    this.#heartbeatTimer.unref()
  }

  #createPool(threads: number): ThreadPool {
    try {
      return createThreadPool(threads, (error) => this.#onPoolError(error))
    } catch (error) {
      throw startFailure(error as Error)
    }
  }

  /** What each thread is for, and how often it has been run again. */
  get threads(): ThreadStatus[] {
    return this.#threads.map(({ plan, restarts }) => ({ role: plan.role, restarts }))
  }

  /** Posts a segment to every thread that answers; returns when it is in their queues. */
  postSegment(posted: PostedSegment): void {
    const message: MessageToThread = { type: 'segment', ...posted }
    for (const thread of this.#answering) thread.port?.postMessage(message)
  }

  /**
   * Has every thread that answers do so by another policy, from a batch of its own choice on. Resolves when all do; a thread that is run meanwhile
   * has it from its task. The next call has to wait for this one. `first` is a thread that the others rely on: they are told when it does.
   */
  async postPolicy(policy: object, first?: number): Promise<void> {
    const number = ++this.#policy
    const message: MessageToThread = { type: 'policy', number, policy }
    const answering = this.#answering
    const firsts = answering.filter((thread) => thread.number === first)
    for (const thread of firsts) thread.port?.postMessage(message)
    await this.#taken(number, firsts)
    for (const thread of answering) if (thread.number !== first) thread.port?.postMessage(message)
    this.#control.announcePolicy(number)
    for (const plan of this.#options.plans) plan.wake()
    await this.#taken(number, answering)
  }

  /** All but the one that exports queries, which reads neither records nor messages. */
  get #answering(): readonly SupervisedThread[] {
    return this.#threads.filter(({ plan }) => plan.role !== 'export')
  }

  async #taken(number: number, threads: readonly SupervisedThread[]): Promise<void> {
    const isTaken = () => this.#stopped || threads.every((each) => each.state === 'ended' || each.policy >= number)
    if (isTaken()) return
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!isTaken()) return
        this.#policyWaiters.delete(look)
        resolve()
      }
      this.#policyWaiters.add(look)
    })
  }

  /** Posts to one thread, if it is there. */
  postTo(thread: number, message: MessageToThread): void {
    this.#threads[thread]?.port?.postMessage(message)
  }

  /** Tells the threads that the end is near. */
  drain(): void {
    this.#control.drain()
  }

  /** Ends all threads: by asking, and after a second by force. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#heartbeatTimer)
    this.#lookAtPolicies()
    this.#tellToStop()
    for (const thread of this.#threads) clearTimeout(thread.timer)
    await this.#ended(this.#threads.filter(({ plan }) => plan.end === undefined))
    for (const { plan } of this.#threads) plan.end?.()
    await this.#ended(this.#threads)
    await this.#pool?.destroy()
    this.#unregister()
  }

  /**
   * A thread died before it was given its task, which now waits for one that the pool does not start by itself any more. Which
   * task it was is not said: all that do not serve yet are begun again.
   */
  #onPoolError(error: Error): void {
    callHost(() => this.#options.onError(error))
    for (const thread of this.#threads) if (thread.state === 'starting') this.#end(thread)
  }

  /** Those that have not ended in time are ended by force. */
  async #ended(threads: readonly SupervisedThread[]): Promise<void> {
    const force = setTimeout(() => {
      for (const thread of threads) this.#end(thread)
    }, STOP_TIMEOUT_MS)
    await Promise.allSettled(threads.map((thread) => thread.run))
    clearTimeout(force)
  }

  #tellToStop(): void {
    this.#control.stop()
    for (const plan of this.#options.plans) plan.wake()
  }

  /**
   * The process ends as soon as this returns. A thread that is still loading native code then would be terminated in the middle
   * of it, which koffi answers with an abort (seen in 1 of 20 runs): so it is waited for.
   */
  #stopForExit(): void {
    this.#tellToStop()
    const deadline = performance.now() + STOP_TIMEOUT_MS
    for (const thread of this.#threads) {
      if (thread.state === 'starting')
        this.#control.waitUntilStarted(thread.number, Math.max(0, deadline - performance.now()))
    }
  }

  #run(thread: SupervisedThread): void {
    const { port1, port2 } = new MessageChannel()
    thread.state = 'starting'
    thread.port = port1
    thread.abort = new AbortController()
    thread.exited = Promise.resolve()
    thread.threadId = NO_THREAD
    thread.timer = setTimeout(() => this.#end(thread), this.#startTimeoutMs).unref()
    thread.startedAt = this.#options.clock.monotonicMs()
    thread.missedBeats = 0
    this.#control.reset(thread.number)
    thread.failure = undefined
    thread.policy = this.#policy
    port1.on('message', (message: MessageFromThread) => this.#onMessage(thread, message))
    const { workerFile, task } = thread.plan
    const added: ThreadTask = { thread: thread.number, port: port2, control: this.#control.buffer }
    thread.run = this.#pool!.run(workerFile, { ...task(), ...added }, port2, thread.abort.signal).then(
      () => this.#onEnd(thread, new Error('the thread ended by itself')),
      (error: Error) => this.#onEnd(thread, error),
    )
  }

  #onMessage(thread: SupervisedThread, message: MessageFromThread): void {
    switch (message.type) {
      case 'started':
        thread.threadId = message.threadId
        return
      case 'serving':
        clearTimeout(thread.timer)
        thread.state = 'serving'
        this.#onServing()
        return
      case 'policyTaken':
        thread.policy = message.number
        this.#lookAtPolicies()
        return
      case 'failed':
        thread.failure = fromPlainError(message.error)
        return
      default:
        tellNews(message, this.#options)
    }
  }

  async #onEnd(thread: SupervisedThread, error: Error): Promise<void> {
    await Promise.race([thread.exited, unrefDelay(EXIT_TIMEOUT_MS)])
    this.#readRest(thread)
    clearTimeout(thread.timer)
    const wasHung = thread.abort.signal.aborted
    thread.state = 'ended'
    thread.port?.close()
    thread.port = undefined
    this.#options.onDeath(thread.number)
    this.#lookAtPolicies()
    if (this.#stopped) return
    // A thread that could not load its file lives on without a task, and would fail with the same file for ever: Node keeps the failure.
    if (thread.threadId === NO_THREAD) this.#pool!.endOthers(this.#threads.map(({ threadId }) => threadId))
    const cause = thread.failure ?? error
    // Until all serve, the first death fails the start, and whoever started us stops us.
    if (this.#heartbeatTimer === undefined) return this.#onStartFailure(startFailure(cause))
    this.#runAgain(thread, wasHung ? 'hung' : 'died', cause)
  }

  #lookAtPolicies(): void {
    for (const look of this.#policyWaiters) look()
  }

  /** What a thread has posted last may come in after the news of its end. */
  #readRest(thread: SupervisedThread): void {
    while (thread.port !== undefined) {
      const received = receiveMessageOnPort(thread.port) as { message: MessageFromThread } | undefined
      if (received === undefined) return
      this.#onMessage(thread, received.message)
    }
  }

  #runAgain(thread: SupervisedThread, reason: WorkerRestart['reason'], cause: Error): void {
    const delayMs = thread.backOff.next(this.#options.clock.monotonicMs() - thread.startedAt)
    thread.restarts++
    const about = { thread: thread.number, role: thread.plan.role, reason, restarts: thread.restarts }
    this.#options.logger.error({ ...about, delayMs, err: cause }, 'a thread is run again')
    if (delayMs === 0) this.#run(thread)
    else thread.timer = setTimeout(() => this.#run(thread), delayMs)
    callHost(() => this.#options.onRestart({ ...about, cause }))
  }

  /** Counts looks, not time: after the host's own event loop was blocked this comes once, and threads that are well have beaten. */
  #checkHearts(): void {
    for (const thread of this.#threads) {
      if (thread.state !== 'serving') continue
      const beat = this.#control.heartbeat(thread.number)
      thread.missedBeats = beat === thread.lastBeat ? thread.missedBeats + 1 : 0
      thread.lastBeat = beat
      if (thread.missedBeats >= MISSED_BEATS) this.#end(thread)
    }
  }

  #end(thread: SupervisedThread): void {
    thread.exited = this.#pool!.whenExited(thread.threadId)
    thread.abort.abort()
  }
}

function unrefDelay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

function startFailure(cause: Error): ContainerDnsError {
  if (cause instanceof ContainerDnsError) return cause
  return new ContainerDnsError('CDNS_THREAD_FAILED', `a thread could not be started: ${cause.message}`, { cause })
}
