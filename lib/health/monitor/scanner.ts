import { systemClock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { ParsedEtcdStoreOptions } from '../../store/etcd/options.js'
import type { HealthState } from '../layout.js'
import type { CheckHealth } from '../probe/health-hook.js'
import type { ParsedProbes } from '../probe/options.js'
import { ProbeRunner, type ProbeStatus } from '../probe/probe-runner.js'
import { Protection } from '../probe/protection.js'
import { type Assignment, NO_ASSIGNMENT, parseAssignment, type Quorum } from './assignment.js'
import { MonitorKeys } from './monitor-keys.js'
import { MonitorSession } from './monitor-session.js'
import { Registration } from './registration.js'
import { isOwner } from './rendezvous.js'
import { ScannedTargets } from './scanned-targets.js'
import { parseStatus, portsOfStatus, type Status } from './status-value.js'
import { StatusWriter } from './status-writer.js'
import { Voting } from './voting.js'

export interface ParsedScannerOptions {
  readonly etcd: ParsedEtcdStoreOptions
  readonly prefix: string
  readonly name: string
  readonly leaseSeconds: number
  readonly probes: ParsedProbes
  readonly checkHealth: CheckHealth | string | undefined
  readonly workerFile: string
  readonly logger: Logger
}

export interface ScannerStatus extends ProbeStatus {
  /** Addresses that it probes. */
  readonly targets: number
  /** Addresses of which etcd has a status, whoever probes them. */
  readonly known: number
  /** Keys below `status/` that are none: no address, no JSON object, or more than a status may be. */
  readonly unreadable: number
  /** Whether the scheduler counts on it. */
  readonly assigned: boolean
  /** How many probe each address, and how many of them must find it down. */
  readonly quorum: Quorum
  /** Addresses that are said to be down, and are probed once more before that is believed. */
  readonly doubted: number
  /** So few are healthy that none is called down. */
  readonly panic: boolean
}

/** A running scanner. Made by `startScanner`. */
export interface Scanner extends AsyncDisposable {
  readonly name: string
  /** Whether it is known to the others: its key is in etcd, under a lease that lasts. */
  readonly ready: boolean
  status(): ScannerStatus
  close(): Promise<void>
}

/** How long after the end of its lease a scanner may go on probing. What it finds is not written any more. */
const LEASE_CHECK_MS = 1_000

/**
 * Probes its share of the addresses that have a status in etcd, and writes what has changed.
 *
 * It says by a key under its lease that it is alive; who shares the addresses is the scheduler's word (`assignment`), and which address is whose
 * anybody can work out from that. What it writes is tested against its key and against `assignment`: one that was paused, or has not heard yet
 * that others have its addresses, changes nothing.
 */
export class EtcdScanner implements Scanner {
  readonly #options: ParsedScannerOptions
  readonly #keys: MonitorKeys
  readonly #session: MonitorSession
  readonly #registration: Registration
  readonly #targets: ScannedTargets
  readonly #runner: ProbeRunner
  readonly #protection: Protection
  readonly #writer: StatusWriter
  readonly #voting: Voting
  readonly #unreadable = new Set<string>()
  #assignment: Assignment = NO_ASSIGNMENT
  #leaseTimer: NodeJS.Timeout | undefined
  #hadLease = false
  #isClosed = false

  constructor(options: ParsedScannerOptions) {
    const { logger, name, probes } = options
    this.#options = options
    this.#keys = new MonitorKeys(options.prefix)
    this.#session = this.#createSession()
    const [session, keys] = [this.#session, this.#keys]
    this.#registration = new Registration({ session, keys, name, logger, onMade: () => this.#targets.share() })
    this.#targets = new ScannedTargets({
      probes,
      logger,
      isOurs: (address) => this.#isOurs(address),
      onAdd: (targets) => this.#runner.add(targets),
      onDrop: ({ id, address }) => {
        this.#protection.forget([id])
        this.#voting.forget(address)
        this.#runner.remove([id])
      },
      onPlaced: (address) => {
        if (this.#votes) this.#voting.weigh(address)
      },
    })
    this.#writer = new StatusWriter({
      session,
      keys,
      logger,
      conditions: (address, status) => this.#mayWrite(address, status),
    })
    this.#voting = new Voting({
      ...{ session, keys, name, logger, writer: this.#writer },
      assignment: () => this.#assignment,
      conditions: () => this.#registration.conditions,
    })
    this.#protection = this.#createProtection()
    this.#runner = new ProbeRunner({
      workerFile: options.workerFile,
      settings: probes,
      logger,
      checkHealth: options.checkHealth,
      targets: () => this.#targets.all(),
      onVerdicts: (verdicts) => this.#protection.take(verdicts),
      // What cannot be said now is said later.
      onBlind: (isBlind) => void this.#registration.sayBlind(isBlind).catch(() => {}),
      onRestart: () => {},
    })
  }

  get name(): string {
    return this.#options.name
  }

  get ready(): boolean {
    return this.#registration.isHeld
  }

  /** Rejects when the probe thread cannot be started. etcd may come later. */
  async start(): Promise<void> {
    await this.#runner.start()
    if (this.#isClosed) return
    this.#session.start()
    // Without its lease others have its addresses, whether or not etcd can be asked.
    this.#leaseTimer = setInterval(() => this.#checkLease(), LEASE_CHECK_MS).unref()
  }

  status(): ScannerStatus {
    const { agents, quorum } = this.#assignment
    return {
      targets: this.#targets.count,
      known: this.#targets.knownCount,
      unreadable: this.#unreadable.size,
      assigned: agents.includes(this.name),
      quorum,
      ...this.#protection.status,
      ...this.#runner.status,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#leaseTimer)
    this.#registration.close()
    this.#targets.close()
    this.#protection.close()
    this.#writer.close()
    this.#voting.close()
    await Promise.all([this.#runner.stop(), this.#session.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #createSession(): MonitorSession {
    const { etcd, prefix, leaseSeconds, logger } = this.#options
    return new MonitorSession({
      ...{ etcd, prefix, leaseSeconds, logger },
      onConnected: () => this.#registration.make(),
      onLoad: () => {
        this.#targets.startLoad()
        this.#unreadable.clear()
        this.#voting.onLoad()
      },
      onKey: (key, value, revision) => this.#onKey(key, value, revision),
      onLoaded: () => this.#targets.endLoad((address) => this.#onStatus(address, undefined)),
      onLeaseLost: () => this.#unregister(),
    })
  }

  #createProtection(): Protection {
    const { probes, logger } = this.#options
    return new Protection({
      limits: probes,
      windowMs: Math.max(...probes.profiles.map(({ intervalMs }) => intervalMs)),
      clock: systemClock,
      total: () => this.#targets.count,
      siblings: () => [],
      apply: (id, state, reason) => this.#apply(id, state, reason),
      confirm: (ids) => this.#runner.confirm(ids),
      onPanic: (isPanic) =>
        logger.warn({ isPanic }, 'so few addresses are healthy that none is called down, or enough again'),
    })
  }

  #unregister(): void {
    this.#registration.lose()
    this.#voting.onLeaseLost()
    this.#targets.share()
  }

  #onKey(key: string, value: Buffer | undefined, revision: number): void {
    const address = this.#keys.addressOf(key)
    const verdict = address === undefined ? this.#keys.verdictOf(key) : undefined
    if (address !== undefined) this.#onStatus(address, value)
    else if (verdict !== undefined) this.#voting.onVerdict(verdict.address, verdict.agent, value, revision)
    else if (key === this.#keys.assignment) this.#assign(parseAssignment(value, revision))
    else if (this.#keys.isStatus(key)) this.#count(key, value === undefined)
    if (key === this.#keys.agent(this.name) && value === undefined) {
      this.#unregister()
      // The session tells of what fails; it is made later then.
      this.#registration.make().catch(() => {})
    }
  }

  #onStatus(address: string, value: Buffer | undefined): void {
    const fields = value && parseStatus(value)
    this.#count(address, value === undefined || fields !== undefined)
    if (fields === undefined) {
      this.#writer.gone(address)
      this.#targets.forget(address)
      return
    }
    this.#writer.saw(address, fields['status'])
    this.#targets.know(address, portsOfStatus(fields))
    if (this.#targets.has(address) && this.#votes) this.#voting.onStatus(address, fields['status'])
  }

  /** Counts what makes no sense. The first is told of: whoever writes such things writes many. */
  #count(key: string, isReadable: boolean): void {
    if (isReadable) {
      this.#unreadable.delete(key)
      return
    }
    if (this.#unreadable.size === 0) {
      this.#options.logger.warn({ key: key.slice(0, MAX_LOGGED_KEY) }, 'there is a key of a status that makes no sense')
    }
    if (this.#unreadable.size < MAX_UNREADABLE) this.#unreadable.add(key)
  }

  get #votes(): boolean {
    return this.#assignment.quorum.agents > 1
  }

  #assign(assignment: Assignment): void {
    const { quorum } = this.#assignment
    this.#assignment = assignment
    if (quorum.agents !== assignment.quorum.agents || quorum.down !== assignment.quorum.down) this.#targets.outdate()
    this.#targets.share()
  }

  #isOurs(address: string): boolean {
    const { agents, quorum } = this.#assignment
    return this.#registration.isHeld && isOwner(this.name, address, agents, quorum.agents)
  }

  /** What must be so for a status to be ours to write: our key is there still, and so are the assignment that we go by and, with a quorum, the verdicts. */
  #mayWrite(address: string, status: Status): readonly Compare[] | undefined {
    const isRegistered = this.#registration.conditions
    const voices = this.#votes ? this.#voting.conditionsFor(address, status) : []
    if (isRegistered === undefined || voices === undefined) return undefined
    const key = Buffer.from(this.#keys.assignment)
    const { revision } = this.#assignment
    return [...isRegistered, { key, target: 'Mod', result: 'Equal', mod_revision: revision }, ...voices]
  }

  #checkLease(): void {
    const hasLease = this.#session.lease !== undefined
    if (hasLease === this.#hadLease) return
    this.#hadLease = hasLease
    this.#targets.share()
  }

  #apply(id: number, state: HealthState, reason: string): void {
    const address = this.#targets.addressOf(id)
    if (address === undefined) return
    if (this.#votes) this.#voting.onFound(address, state, reason)
    // In panic nobody is down.
    else this.#writer.write(address, state === 'unhealthy' ? 'DOWN' : 'UP', reason)
  }
}

/** They are remembered to be counted once. */
const MAX_UNREADABLE = 10_000
/** Of a key that anybody may have written. */
const MAX_LOGGED_KEY = 200
