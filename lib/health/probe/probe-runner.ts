import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { ContainerDnsError } from '../../errors.js'
import type { Logger } from '../../log.js'
import { fromPlainError } from '../../threads/messages.js'
import { createThreadPool, type ThreadPool } from '../../threads/thread-pool.js'
import type { ProbeTarget } from './check.js'
import { type CheckHealth, callCheckHealth } from './health-hook.js'
import { type MessageFromProbes, type MessageToProbes, ProbeCounters, type Verdict } from './messages.js'
import type { ProbeSettings } from './options.js'
import type { ProbeThreadTask } from './probe-thread.js'
import { socketBudget } from './socket-budget.js'

export interface ProbeRunnerOptions {
  readonly workerFile: string
  readonly settings: ProbeSettings
  readonly logger: Logger
  /** The hook: a function of the host's, or the URL of a module. */
  readonly checkHealth?: CheckHealth | string | undefined
  /** Everything that is to be probed: for a thread that begins anew. */
  readonly targets: () => Iterable<ProbeTarget>
  readonly onVerdicts: (verdicts: readonly Verdict[]) => void
  /** Less than half of the references can be reached, or half of them again. */
  readonly onBlind?: (isBlind: boolean) => void
  /** The thread has died or was hung, and is run again. */
  readonly onRestart: (cause: Error) => void
}

export interface ProbeStatus {
  /** Probes started, and what came of those that did not succeed: failures, and those that failed on this side. */
  readonly probes: number
  readonly failed: number
  readonly unsure: number
  /** Probes that began more than half an interval late. */
  readonly late: number
  /** Less than half of the references can be reached: nothing is called unhealthy. */
  readonly blind: boolean
}

/** Targets in one message: some 50 KB. */
const MESSAGE_TARGETS = 500
const HEART_CHECK_MS = 500
/** Looks at a heart that did not beat before the thread is ended: 5 s. */
const MISSED_BEATS = 10
/** A thread that fails at once must not be run again at once, for ever. */
const RESTART_MS = 1_000
/** In one turn of the host's event loop. */
const POSTING_MS = 1
/** How long the thread may take to stop by itself. */
const STOP_TIMEOUT_MS = 1_000

/** Runs the probe thread, and runs it again when it dies or hangs. Main thread. */
export class ProbeRunner {
  readonly #options: ProbeRunnerOptions
  readonly #counterMemory = ProbeCounters.create()
  readonly #counters = new ProbeCounters(this.#counterMemory)
  readonly #mostSockets = socketBudget()
  #pool: ThreadPool | undefined
  #port: MessagePort | undefined
  #abort = new AbortController()
  #run: Promise<void> = Promise.resolve()
  #failure: Error | undefined
  #isServing = false
  /** What is to be posted. */
  #outgoing: MessageToProbes[] = []
  #isPosting = false
  #isStopped = false
  #restartTimer: NodeJS.Timeout | undefined
  #heartTimer: NodeJS.Timeout | undefined
  #lastBeat = 0
  #missedBeats = 0
  #onServing: () => void = () => {}

  constructor(options: ProbeRunnerOptions) {
    this.#options = options
  }

  get status(): ProbeStatus {
    const counters = this.#counters
    return {
      probes: counters.read('probes'),
      failed: counters.read('failed'),
      unsure: counters.read('unsure'),
      late: counters.read('late'),
      blind: counters.read('blind') === 1,
    }
  }

  /** Resolves when the thread serves. Rejects with its error, such as CDNS_ICMP_UNAVAILABLE or CDNS_HOOK_MODULE_FAILED. */
  async start(): Promise<void> {
    if (this.#isStopped) return
    const { settings, logger } = this.#options
    if (settings.concurrency > this.#mostSockets) {
      const fields = { concurrency: settings.concurrency, sockets: this.#mostSockets }
      logger.warn(fields, 'few files may be open; probes take half of that at a time, and may be late')
    }
    this.#pool = createThreadPool(1, (error) => this.#options.logger.error({ err: error }, 'the probe thread has died'))
    const serving = new Promise<void>((resolve) => {
      this.#onServing = resolve
    })
    this.#begin()
    await Promise.race([serving, this.#run.then(() => this.#throwFailure())])
    if (this.#isStopped) return
    this.#heartTimer = setInterval(() => this.#checkHeart(), HEART_CHECK_MS).unref()
  }

  add(targets: readonly ProbeTarget[]): void {
    for (let at = 0; at < targets.length; at += MESSAGE_TARGETS) {
      this.#post({ type: 'add', targets: targets.slice(at, at + MESSAGE_TARGETS) })
    }
  }

  remove(ids: readonly number[]): void {
    if (ids.length > 0) this.#post({ type: 'remove', ids })
  }

  /** Has these probed once more, now; the verdicts on them are marked. */
  confirm(ids: readonly number[]): void {
    if (ids.length > 0) this.#post({ type: 'confirm', ids })
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#heartTimer)
    clearTimeout(this.#restartTimer)
    this.#post({ type: 'stop' })
    const force = setTimeout(() => this.#abort.abort(), STOP_TIMEOUT_MS)
    await this.#run
    clearTimeout(force)
    await this.#pool?.destroy()
    this.#pool = undefined
  }

  #post(message: MessageToProbes): void {
    if (message.type === 'stop') this.#port?.postMessage(message)
    // Before it serves, a thread has nothing yet: it is given all there is then.
    if (message.type === 'stop' || !this.#isServing) return
    this.#outgoing.push(message)
    if (!this.#isPosting) this.#postSome()
  }

  /** Some in a turn of the event loop: copying 20 000 targets at once takes 20 ms. */
  #postSome(): void {
    const end = performance.now() + POSTING_MS
    for (;;) {
      const message = this.#outgoing.shift()
      if (message !== undefined) this.#port?.postMessage(message)
      this.#isPosting = message !== undefined
      if (message === undefined) return
      if (performance.now() >= end || this.#outgoing.length === 0) break
    }
    setImmediate(() => this.#postSome())
  }

  #begin(): void {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#failure = undefined
    this.#missedBeats = 0
    this.#abort = new AbortController()
    port1.on('message', (message: MessageFromProbes) => this.#onMessage(message))
    const { workerFile, settings, checkHealth } = this.#options
    const task: ProbeThreadTask = {
      port: port2,
      settings: {
        profiles: settings.profiles,
        jitter: settings.jitter,
        concurrency: settings.concurrency,
        perSecond: settings.perSecond,
        references: settings.references,
      },
      counters: this.#counterMemory,
      mostSockets: this.#mostSockets,
      hookModule: typeof checkHealth === 'string' ? checkHealth : undefined,
    }
    this.#run = this.#pool!.run(workerFile, task, port2, this.#abort.signal).then(
      () => this.#onEnd(new Error('the probe thread ended by itself')),
      (error: Error) => this.#onEnd(error),
    )
  }

  #onMessage(message: MessageFromProbes): void {
    switch (message.type) {
      case 'serving':
        this.#isServing = true
        this.add([...this.#options.targets()])
        this.#onServing()
        return
      case 'failed':
        this.#failure = fromPlainError(message.error)
        return
      case 'verdicts':
        if (!this.#isStopped) this.#options.onVerdicts(message.verdicts)
        return
      case 'blind':
        this.#onBlind(message.isBlind)
        return
      case 'call':
        void this.#call(message)
        return
      default:
        message satisfies never
    }
  }

  #onBlind(isBlind: boolean): void {
    const { logger } = this.#options
    if (isBlind) logger.warn({}, 'less than half of the references can be reached; no address is called unhealthy')
    else logger.info({}, 'the references can be reached again')
    if (!this.#isStopped) this.#options.onBlind?.(isBlind)
  }

  async #call({ call, address, ports, timeoutMs }: MessageFromProbes & { type: 'call' }): Promise<void> {
    const { checkHealth } = this.#options
    if (typeof checkHealth !== 'function') return
    const { state, reason } = await callCheckHealth(checkHealth, { address, ports }, timeoutMs)
    this.#post({ type: 'called', call, state, reason })
  }

  #onEnd(error: Error): void {
    const wasServing = this.#isServing
    this.#isServing = false
    // The next thread is given everything.
    this.#outgoing = []
    // What the thread has posted last, its failure above all, comes in after the news of its end.
    for (let message = receive(this.#port); message !== undefined; message = receive(this.#port))
      this.#onMessage(message)
    this.#port?.close()
    this.#port = undefined
    this.#failure ??= error
    if (this.#isStopped || (!wasServing && this.#heartTimer === undefined)) return
    const cause = this.#failure
    this.#options.logger.error({ err: cause }, 'the probe thread is run again')
    this.#options.onRestart(cause)
    this.#restartTimer = setTimeout(() => this.#begin(), RESTART_MS)
  }

  #throwFailure(): void {
    if (this.#isStopped) return
    const cause = this.#failure!
    if (cause instanceof ContainerDnsError) throw cause
    throw new ContainerDnsError('CDNS_THREAD_FAILED', `the probe thread could not be started: ${cause.message}`, {
      cause,
    })
  }

  #checkHeart(): void {
    if (!this.#isServing) return
    const beat = this.#counters.read('beats')
    this.#missedBeats = beat === this.#lastBeat ? this.#missedBeats + 1 : 0
    this.#lastBeat = beat
    if (this.#missedBeats < MISSED_BEATS) return
    this.#failure = new Error('the probe thread hung')
    this.#abort.abort()
  }
}

function receive(port: MessagePort | undefined): MessageFromProbes | undefined {
  if (port === undefined) return undefined
  return (receiveMessageOnPort(port) as { message: MessageFromProbes } | undefined)?.message
}
