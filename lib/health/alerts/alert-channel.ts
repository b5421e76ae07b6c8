import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../log.js'
import { type Alert, AlertRefused, type AlertSender, type RefusedRecipient } from './alert.js'

export interface AlertChannelOptions {
  readonly sender: AlertSender
  readonly logger: Logger
  /** Between the first attempt and the second; each of the others waits twice as long. For tests. */
  readonly retryMs?: number
  /** For tests. */
  readonly gatherMs?: number
}

export interface AlertCounts {
  /** Alerts that somebody has been told. */
  readonly sent: number
  /** Those given up, after several attempts or because they were refused. */
  readonly failed: number
  /** Those for which there was no room, or no time before the end. */
  readonly dropped: number
  /** Those that wait, or are on their way. */
  readonly waiting: number
  /** Mails that a mail server has taken for some of their recipients, for each of the others one. */
  readonly refused: number
}

/** Some 2 MB. */
const MAX_WAITING = 10_000
/** In one message: people stop reading long before. */
const MAX_AT_ONCE = 500
/** What comes within so long is told together: a rack that goes down is one mail. */
const GATHER_MS = 1_000
const RETRY_MS = 1_000
/** With the pauses between them, half a minute. */
const ATTEMPTS = 6

/** Tells people by one way, one message at a time. What cannot be told is counted and logged, and holds up nothing else. */
export class AlertChannel {
  readonly #options: AlertChannelOptions
  #waiting: Alert[] = []
  #underWay = 0
  #sent = 0
  #failed = 0
  #dropped = 0
  #refused = 0
  /** Of the last message: each is told of in the log when it begins. */
  #refusing: readonly RefusedRecipient[] = []
  #isFailing = false
  #running: Promise<void> | undefined
  readonly #stop = new AbortController()

  constructor(options: AlertChannelOptions) {
    this.#options = options
  }

  get counts(): AlertCounts {
    const waiting = this.#waiting.length + this.#underWay
    return { sent: this.#sent, failed: this.#failed, dropped: this.#dropped, waiting, refused: this.#refused }
  }

  add(alert: Alert): void {
    if (this.#stop.signal.aborted || this.#waiting.length >= MAX_WAITING) this.#dropped++
    else {
      this.#waiting.push(alert)
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined
      })
    }
  }

  /** What has not been told by now is dropped. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    const { sender, logger } = this.#options
    const { length } = this.#waiting
    if (length > 0) logger.warn({ kind: sender.kind, alerts: length }, 'alerts were dropped, as this is the end')
    this.#dropped += length
    this.#waiting = []
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (this.#waiting.length > 0 && !signal.aborted) {
      await sleep(this.#options.gatherMs ?? GATHER_MS, undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
      const alerts = this.#waiting.splice(0, MAX_AT_ONCE)
      this.#underWay = alerts.length
      const failure = await this.#deliver(alerts)
      this.#underWay = 0
      this.#count(alerts.length, failure)
    }
  }

  /** What has become of it: undefined when it was told. */
  async #deliver(alerts: readonly Alert[]): Promise<Error | undefined> {
    const { retryMs = RETRY_MS } = this.#options
    const { signal } = this.#stop
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#attempt(alerts)
        return undefined
      } catch (error) {
        if (error instanceof AlertRefused || attempt === ATTEMPTS || signal.aborted) return error as Error
      }
      await sleep(retryMs * 2 ** (attempt - 1), undefined, { signal, ref: false }).catch(() => {})
    }
  }

  async #attempt(alerts: readonly Alert[]): Promise<void> {
    const { sender } = this.#options
    const { signal } = this.#stop
    const attempt = new AbortController()
    const late = () => attempt.abort(new Error(`it took longer than ${sender.timeoutMs} ms`))
    const timer = setTimeout(late, sender.timeoutMs)
    const stop = () => attempt.abort(signal.reason)
    signal.addEventListener('abort', stop)
    try {
      this.#countRefused(await sender.send(alerts, attempt.signal))
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  #countRefused(refused: readonly RefusedRecipient[]): void {
    const { sender, logger } = this.#options
    this.#refused += refused.length
    const before = new Set(this.#refusing.map(({ recipient }) => recipient))
    for (const { recipient, reason } of refused) {
      if (before.has(recipient)) continue
      logger.error({ kind: sender.kind, recipient, reason }, 'alerts are refused for a recipient; others get them')
    }
    this.#refusing = refused
  }

  #count(alerts: number, failure: Error | undefined): void {
    const { sender, logger } = this.#options
    const { kind } = sender
    if (failure === undefined) {
      this.#sent += alerts
      if (this.#isFailing) logger.info({ kind }, 'alerts can be sent again')
    } else if (this.#stop.signal.aborted) this.#dropped += alerts
    else {
      this.#failed += alerts
      logger.error({ kind, alerts, err: failure }, 'alerts could not be sent')
    }
    this.#isFailing = failure !== undefined
  }
}
