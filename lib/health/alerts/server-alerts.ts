import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { HealthChange } from '../health.js'
import { inSlices } from '../slices.js'
import { Alerts, type AlertsStatus } from './alerts.js'
import type { ParsedAlerts } from './options.js'
import { nextStep, sweepMs, type Told } from './silence.js'

/** An address that is down, or that was told of within the silent time. */
interface Watched {
  readonly isDown: boolean
  readonly reason: string | undefined
  readonly told: Told | undefined
}

/** Those that have been quiet for longest are forgotten beyond that: their next change is told, silent time or not. */
const MAX_WATCHED = 100_000

/**
 * Alerts of one server, of what its probes or its program have said. What comes from the store is not told: other servers hear it as
 * well, and a scheduler tells of it once for all of them.
 */
export class ServerAlerts {
  readonly #clock: Clock
  readonly #logger: Logger
  #options: ParsedAlerts
  #alerts: Alerts
  /** Those of options before, until what they have to tell is told. */
  #before: Alerts[] = []
  #timer: NodeJS.Timeout
  readonly #watched = new Map<string, Watched>()
  #sweeps = 0
  #isClosed = false

  constructor(options: ParsedAlerts, logger: Logger, clock: Clock) {
    this.#options = options
    this.#logger = logger
    this.#clock = clock
    this.#alerts = new Alerts(options, logger)
    this.#timer = this.#sweeping()
  }

  get status(): AlertsStatus {
    return this.#alerts.status
  }

  onChange({ address, state, source, reason }: HealthChange): void {
    const before = this.#watched.get(address)
    const isDown = state === 'unhealthy'
    // The store's word that an address is well ends what we have told of it, too.
    if (before === undefined && (!isDown || source === 'store')) return
    if (source === 'store' && isDown) return
    this.#watched.delete(address)
    this.#watched.set(address, { isDown, reason, told: before?.told })
    this.#step(address)
    const [quietest] = this.#watched.size > MAX_WATCHED ? this.#watched.keys() : []
    if (quietest !== undefined) this.#watched.delete(quietest)
  }

  /** Others are to be told, or in another way; who was told of what is not forgotten. */
  use(options: ParsedAlerts): void {
    if (isDeepStrictEqual(options, this.#options)) return
    this.#before = [...this.#before, this.#alerts].filter(({ isIdle }) => !isIdle)
    clearInterval(this.#timer)
    this.#options = options
    this.#alerts = new Alerts(options, this.#logger)
    this.#timer = this.#sweeping()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await Promise.all([this.#alerts, ...this.#before].map((alerts) => alerts.close()))
  }

  #sweeping(): NodeJS.Timeout {
    return setInterval(() => {
      const sweep = ++this.#sweeps
      const isOver = () => this.#isClosed || sweep !== this.#sweeps
      void inSlices(this.#watched.keys(), (address) => this.#step(address), isOver)
    }, sweepMs(this.#options.silentMs)).unref()
  }

  #step(address: string): void {
    const { silentMs, recoveries } = this.#options
    const watched = this.#watched.get(address)!
    const step = nextStep(watched.isDown, watched.told, this.#clock.monotonicMs(), silentMs)
    if (step.kind === 'forget' || step.kind === 'none') this.#watched.delete(address)
    if (step.kind !== 'tell') return
    this.#watched.set(address, { ...watched, told: step.told })
    if (!watched.isDown && !recoveries) return
    this.#alerts.add({
      address,
      state: watched.isDown ? 'unhealthy' : 'healthy',
      at: this.#clock.wallMs(),
      ...(watched.reason === undefined ? {} : { reason: watched.reason }),
      isRepeated: step.isRepeated,
    })
  }
}
