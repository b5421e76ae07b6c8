import { systemClock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { ParsedEtcdStoreOptions } from '../../store/etcd/options.js'
import type { AlertsStatus } from '../alerts/alerts.js'
import type { ParsedAlerts } from '../alerts/options.js'
import { assignmentText, type Quorum } from './assignment.js'
import { MonitorKeys } from './monitor-keys.js'
import { MonitorSession } from './monitor-session.js'
import { StatusAlerts } from './status-alerts.js'

export interface ParsedSchedulerOptions {
  readonly etcd: ParsedEtcdStoreOptions
  readonly prefix: string
  readonly name: string
  readonly leaseSeconds: number
  /** How many scanners probe each address, and how many of them must find it down. */
  readonly quorum: Quorum
  /** Undefined where nobody is told. */
  readonly alerts: ParsedAlerts | undefined
  readonly logger: Logger
}

/** A running scheduler. Made by `startScheduler`. */
export interface Scheduler extends AsyncDisposable {
  /** Whether it is the one that acts, as far as it knows: what it does is tested by etcd against what is so. */
  readonly isLeader: boolean
  /** The scanners that are alive. */
  readonly agents: readonly string[]
  /** What has become of the alerts that it has sent as the leader; undefined where it sends none. */
  readonly alerts: AlertsStatus | undefined
  close(): Promise<void>
}

/** How long after something has failed it is tried again. */
const RETRY_MS = 500

/**
 * Says which scanners share the addresses among them. Of several schedulers one acts: the one that has made the key `leader` under its lease. Each thing that it
 * writes is written on the condition that this key is still the one it made, so that a leader that was paused, and does not know that it
 * is none any more, changes nothing.
 */
export class EtcdScheduler implements Scheduler {
  readonly #options: ParsedSchedulerOptions
  readonly #keys: MonitorKeys
  readonly #session: MonitorSession
  readonly #alerts: StatusAlerts | undefined
  readonly #agents = new Set<string>()
  #assignment: string | undefined
  /** The revision at which we have made the key `leader`. */
  #leadership: number | undefined
  #hasLeader = false
  #isLoaded = false
  /** One thing at a time; what comes up meanwhile is looked at afterwards. */
  #isActing = false
  #mustAct = false
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ParsedSchedulerOptions) {
    this.#options = options
    this.#keys = new MonitorKeys(options.prefix)
    this.#session = new MonitorSession({
      etcd: options.etcd,
      prefix: options.prefix,
      leaseSeconds: options.leaseSeconds,
      logger: options.logger,
      onConnected: () => Promise.resolve(),
      onLoad: () => this.#forget(),
      onKey: (key, value, revision) => this.#onKey(key, value, revision),
      onLoaded: () => {
        this.#isLoaded = true
        if (!this.#hasLeader) this.#lose()
        this.#act()
        this.#alerts?.lookAtAll()
      },
      onLeaseLost: () => this.#lose(),
    })
    this.#alerts = this.#createAlerts()
    this.#session.start()
  }

  get isLeader(): boolean {
    return this.#leadership !== undefined && this.#session.lease !== undefined
  }

  get agents(): readonly string[] {
    return [...this.#agents].sort()
  }

  get alerts(): AlertsStatus | undefined {
    return this.#alerts?.status
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await Promise.all([this.#alerts?.close(), this.#session.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #createAlerts(): StatusAlerts | undefined {
    const { alerts, logger } = this.#options
    if (alerts === undefined) return undefined
    return new StatusAlerts({
      alerts,
      logger,
      session: this.#session,
      keys: this.#keys,
      clock: systemClock,
      conditions: () => (this.#isLoaded && this.isLeader ? [this.#stillLeads()] : undefined),
    })
  }

  #forget(): void {
    this.#isLoaded = false
    this.#alerts?.clear()
    this.#agents.clear()
    this.#assignment = undefined
    this.#hasLeader = false
  }

  #onKey(key: string, value: Buffer | undefined, revision: number): void {
    this.#alerts?.onKey(key, value, revision)
    const agent = this.#keys.agentOf(key)
    if (agent !== undefined) {
      if (value === undefined) this.#agents.delete(agent)
      else this.#agents.add(agent)
    } else if (key === this.#keys.leader) {
      this.#hasLeader = value !== undefined
      if (value === undefined) this.#lose()
    } else if (key === this.#keys.assignment) this.#assignment = value?.toString('utf8')
    else return
    if (this.#isLoaded) this.#act()
  }

  #lose(): void {
    if (this.#leadership !== undefined) this.#options.logger.warn({}, 'this scheduler does not lead any more')
    this.#leadership = undefined
  }

  #act(): void {
    this.#mustAct = true
    if (!this.#isActing) void this.#actNow()
  }

  async #actNow(): Promise<void> {
    this.#isActing = true
    clearTimeout(this.#timer)
    try {
      while (this.#mustAct && !this.#isClosed) {
        this.#mustAct = false
        if (this.#leadership === undefined && !this.#hasLeader) await this.#campaign()
        if (this.#leadership !== undefined) await this.#assign()
      }
    } catch (error) {
      if (!this.#isClosed) {
        this.#options.logger.warn({ err: error }, 'the scheduler could not write; it tries again')
        this.#timer = setTimeout(() => this.#act(), RETRY_MS)
      }
    } finally {
      this.#isActing = false
    }
  }

  /** Makes the key of the leader, if nobody has. */
  async #campaign(): Promise<void> {
    const { lease } = this.#session
    if (lease === undefined) return
    const key = Buffer.from(this.#keys.leader)
    const value = Buffer.from(JSON.stringify({ name: this.#options.name }))
    const revision = await this.#session.transact(
      [{ key, target: 'Create', result: 'Equal', create_revision: 0 }],
      [{ request_put: { key, value, lease } }],
    )
    // The lease may have ended meanwhile: then the key is gone, or is about to be, and nothing will be written in its name.
    if (revision === undefined) return
    this.#leadership = revision
    this.#options.logger.info({ scheduler: this.#options.name }, 'this scheduler leads')
    this.#alerts?.lookAtAll()
  }

  #stillLeads(): Compare {
    const key = Buffer.from(this.#keys.leader)
    return { key, target: 'Create', result: 'Equal', create_revision: this.#leadership! }
  }

  async #assign(): Promise<void> {
    const { quorum, logger } = this.#options
    const wanted = assignmentText(this.agents, quorum)
    if (wanted === this.#assignment) return
    const revision = await this.#session.transact(
      [this.#stillLeads()],
      [{ request_put: { key: Buffer.from(this.#keys.assignment), value: Buffer.from(wanted) } }],
    )
    if (revision === undefined) {
      this.#lose()
      this.#mustAct = true
      return
    }
    this.#assignment = wanted
    logger.info({ agents: this.agents }, 'the scanners that share the addresses')
    // Without a quorum one is enough, and whoever starts first is a scheduler.
    if (quorum.down > 1 && this.#agents.size < quorum.down) {
      logger.warn({ agents: this.agents, quorum }, 'there are fewer scanners than it takes to call an address down')
    }
  }
}
