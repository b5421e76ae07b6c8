import { systemClock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { ParsedEtcdStoreOptions } from '../../store/etcd/options.js'
import type { AlertsStatus } from '../alerts/alerts.js'
import type { ParsedAlerts } from '../alerts/options.js'
import {
  type Assignment,
  assignmentText,
  isSameAssignment,
  MAX_AGENTS,
  NO_ASSIGNMENT,
  parseAssignment,
  type Quorum,
} from './assignment.js'
import { MonitorKeys } from './monitor-keys.js'
import { MonitorSession } from './monitor-session.js'
import { StatusAlerts } from './status-alerts.js'
import { parseStatus } from './status-value.js'

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
  /** Whether it knows what etcd has, and could act: also while another leads. */
  readonly ready: boolean
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
  /** The scanners that are alive, and whether they say that they see nothing. */
  readonly #agents = new Map<string, { readonly isBlind: boolean }>()
  #assignment: Assignment = NO_ASSIGNMENT
  #leavesOut = false
  /** The revision at which we have made the key `leader`. */
  #leadership: number | undefined
  #hasLeader = false
  /** Whether we may have made it and never heard so. */
  #isUnsure = false
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

  get ready(): boolean {
    return this.#isLoaded && this.#session.lease !== undefined
  }

  get isLeader(): boolean {
    return this.#leadership !== undefined && this.#session.lease !== undefined
  }

  get agents(): readonly string[] {
    return [...this.#agents.keys()].sort()
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
    this.#assignment = NO_ASSIGNMENT
    this.#hasLeader = false
  }

  #onKey(key: string, value: Buffer | undefined, revision: number): void {
    this.#alerts?.onKey(key, value, revision)
    const agent = this.#keys.agentOf(key)
    if (agent !== undefined) {
      if (value === undefined) this.#agents.delete(agent)
      else this.#agents.set(agent, { isBlind: parseStatus(value)?.['blind'] === true })
    } else if (key === this.#keys.leader) {
      this.#hasLeader = value !== undefined
      if (value === undefined) this.#lose()
    } else if (key === this.#keys.assignment)
      this.#assignment = parseAssignment(value, value === undefined ? 0 : revision)
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
        if (this.#leadership === undefined && (!this.#hasLeader || this.#isUnsure)) await this.#campaign()
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
    this.#isUnsure = true
    const revision = await this.#session.claim(this.#keys.leader, { name: this.#options.name })
    this.#isUnsure = false
    // The lease may have ended meanwhile: then the key is gone, or is about to be, and nothing will be written in its name.
    if (revision === undefined) return
    this.#leadership = revision
    this.#options.logger.info({ scheduler: this.#options.name }, 'this scheduler leads')
    this.#alerts?.lookAtAll()
  }

  /** The scanners that are to share the addresses. */
  #chosen(): readonly string[] {
    const sighted = this.agents.filter((agent) => this.#agents.get(agent)?.isBlind === false)
    // Where none sees its references, it is these that are gone.
    const agents = sighted.length > 0 ? sighted : this.agents
    const leavesOut = agents.length > MAX_AGENTS
    if (leavesOut && !this.#leavesOut) {
      this.#options.logger.warn(
        { agents: agents.length, most: MAX_AGENTS },
        'there are more scanners than may share the addresses',
      )
    }
    this.#leavesOut = leavesOut
    return agents.slice(0, MAX_AGENTS)
  }

  #stillLeads(): Compare {
    const key = Buffer.from(this.#keys.leader)
    return { key, target: 'Create', result: 'Equal', create_revision: this.#leadership! }
  }

  async #assign(): Promise<void> {
    const { quorum, logger } = this.#options
    const agents = this.#chosen()
    const term = this.#leadership!
    if (isSameAssignment(this.#assignment, agents, quorum)) return
    const wanted = assignmentText(agents, quorum, term)
    const revision = await this.#session.transact(
      [this.#stillLeads()],
      [{ request_put: { key: Buffer.from(this.#keys.assignment), value: Buffer.from(wanted) } }],
    )
    if (revision === undefined) {
      this.#lose()
      this.#mustAct = true
      return
    }
    this.#assignment = { agents, quorum, term, revision }
    logger.info({ agents }, 'the scanners that share the addresses')
    // Without a quorum one is enough, and whoever starts first is a scheduler.
    if (quorum.down > 1 && agents.length < quorum.down) {
      logger.warn({ agents, quorum }, 'there are fewer scanners than it takes to call an address down')
    }
  }
}
