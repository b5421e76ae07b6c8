import { CidrTable, NO_VALUE } from '../../clients/cidr-table.js'
import { ADDRESS_WORDS, addressFromText, writeClient } from '../../clients/client-address.js'
import { systemClock } from '../../clock.js'
import type { Logger } from '../../log.js'
import type { Compare } from '../../store/etcd/messages.js'
import type { ParsedEtcdStoreOptions } from '../../store/etcd/options.js'
import type { HealthState } from '../layout.js'
import type { ProbeTarget } from '../probe/check.js'
import type { CheckHealth } from '../probe/health-hook.js'
import type { ParsedProbes } from '../probe/options.js'
import { ProbeRunner, type ProbeStatus } from '../probe/probe-runner.js'
import { Protection } from '../probe/protection.js'
import { RefusedAddresses } from '../probe/refused-addresses.js'
import { type Assignment, NO_ASSIGNMENT, parseAssignment, type Quorum } from './assignment.js'
import { MonitorKeys } from './monitor-keys.js'
import { MonitorSession } from './monitor-session.js'
import { ownersOf } from './rendezvous.js'
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
  /** Whether the scheduler counts on it. */
  readonly assigned: boolean
  /** How many probe each address, and how many of them must find it down. */
  readonly quorum: Quorum
}

/** A running scanner. Made by `startScanner`. */
export interface Scanner extends AsyncDisposable {
  readonly name: string
  status(): ScannerStatus
  close(): Promise<void>
}

/** How long after its key was found taken a scanner asks again: the one before may have died with it. */
const NAME_RETRY_MS = 1_000
/** How long after the end of its lease a scanner may go on probing. What it finds is not written any more. */
const LEASE_CHECK_MS = 1_000
/** Addresses that are gone through in one turn of the event loop when scanners come or go. */
const ADDRESSES_AT_ONCE = 200
/** New targets of so long are passed on together. */
const BATCH_MS = 20

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
  readonly #runner: ProbeRunner
  readonly #protection: Protection
  readonly #writer: StatusWriter
  readonly #voting: Voting
  readonly #refused: RefusedAddresses
  readonly #profileOf: CidrTable
  readonly #words = new Int32Array(ADDRESS_WORDS)
  /** The ports of every address that has a status. */
  readonly #known = new Map<string, readonly number[]>()
  /** What a load that is under way has not come across. */
  #missing: Set<string> | undefined
  #assignment: Assignment = NO_ASSIGNMENT
  /** Addresses that were probed under another quorum: what was found of them is to be found anew. */
  #outdated = new Set<string>()
  readonly #targets = new Map<string, ProbeTarget>()
  readonly #byId = new Map<number, string>()
  #nextId = 0
  #added: ProbeTarget[] = []
  #addTimer: NodeJS.Timeout | undefined
  /** The revision at which we have made our key. */
  #registration: number | undefined
  #nameTimer: NodeJS.Timeout | undefined
  #leaseTimer: NodeJS.Timeout | undefined
  #shares = 0
  #hadLease = false
  #isClosed = false

  constructor(options: ParsedScannerOptions) {
    const { logger, probes } = options
    this.#options = options
    this.#keys = new MonitorKeys(options.prefix)
    this.#refused = new RefusedAddresses(probes.allowed)
    this.#profileOf = new CidrTable(probes.profileOf)
    this.#session = new MonitorSession({
      etcd: options.etcd,
      prefix: options.prefix,
      leaseSeconds: options.leaseSeconds,
      logger,
      onConnected: () => this.#register(),
      onLoad: () => {
        this.#missing = new Set(this.#known.keys())
        this.#voting.onLoad()
      },
      onKey: (key, value, revision) => this.#onKey(key, value, revision),
      onLoaded: () => this.#onLoaded(),
      onLeaseLost: () => this.#unregister(),
    })
    this.#writer = new StatusWriter({
      session: this.#session,
      keys: this.#keys,
      logger,
      conditions: (address, status) => this.#mayWrite(address, status),
    })
    this.#voting = new Voting({
      session: this.#session,
      keys: this.#keys,
      name: options.name,
      logger,
      writer: this.#writer,
      assignment: () => this.#assignment,
      conditions: () => this.#isRegistered(),
    })
    this.#protection = new Protection({
      limits: probes,
      windowMs: Math.max(...probes.profiles.map(({ intervalMs }) => intervalMs)),
      clock: systemClock,
      total: () => this.#targets.size,
      siblings: () => [],
      apply: (id, state, reason) => this.#apply(id, state, reason),
      confirm: (ids) => this.#runner.confirm(ids),
      onPanic: (isPanic) =>
        logger.warn({ isPanic }, 'so few addresses are healthy that none is called down, or enough again'),
    })
    this.#runner = new ProbeRunner({
      workerFile: options.workerFile,
      settings: probes,
      logger,
      checkHealth: options.checkHealth,
      targets: () => this.#targets.values(),
      onVerdicts: (verdicts) => this.#protection.take(verdicts),
      onRestart: () => {},
    })
  }

  get name(): string {
    return this.#options.name
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
    const assigned = agents.includes(this.name)
    return { targets: this.#targets.size, known: this.#known.size, assigned, quorum, ...this.#runner.status }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#nameTimer)
    clearTimeout(this.#addTimer)
    clearInterval(this.#leaseTimer)
    this.#protection.close()
    this.#writer.close()
    this.#voting.close()
    await Promise.all([this.#runner.stop(), this.#session.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Makes our key, unless it is there: then it is ours, or somebody's of the same name. */
  async #register(): Promise<void> {
    const { lease } = this.#session
    if (lease === undefined || this.#registration !== undefined || this.#isClosed) return
    const key = Buffer.from(this.#keys.agent(this.name))
    const value = Buffer.from(JSON.stringify({ name: this.name }))
    this.#registration = await this.#session.transact(
      [{ key, target: 'Create', result: 'Equal', create_revision: 0 }],
      [{ request_put: { key, value, lease } }],
    )
    if (this.#registration !== undefined) return
    this.#options.logger.warn({ scanner: this.name }, 'there is a scanner of this name; it is asked again')
    clearTimeout(this.#nameTimer)
    this.#nameTimer = setTimeout(() => {
      // The session tells of what fails, and registers anew.
      this.#register().catch(() => {})
    }, NAME_RETRY_MS)
  }

  #unregister(): void {
    this.#registration = undefined
    this.#voting.onLeaseLost()
    this.#share()
  }

  #onKey(key: string, value: Buffer | undefined, revision: number): void {
    const address = this.#keys.addressOf(key)
    const verdict = address === undefined ? this.#keys.verdictOf(key) : undefined
    if (address !== undefined) this.#onStatus(address, value)
    else if (verdict !== undefined) this.#voting.onVerdict(verdict.address, verdict.agent, value, revision)
    else if (key === this.#keys.assignment) this.#assign(parseAssignment(value, revision))
    if (key === this.#keys.agent(this.name) && value === undefined) {
      this.#unregister()
      this.#register().catch(() => {})
    }
  }

  #onStatus(address: string, value: Buffer | undefined): void {
    this.#missing?.delete(address)
    const fields = value && parseStatus(value)
    if (fields === undefined) {
      this.#known.delete(address)
      this.#writer.gone(address)
    } else {
      this.#known.set(address, portsOfStatus(fields))
      this.#writer.saw(address, fields['status'])
    }
    this.#place(address)
    if (fields !== undefined && this.#targets.has(address) && this.#votes)
      this.#voting.onStatus(address, fields['status'])
  }

  #onLoaded(): void {
    for (const address of this.#missing ?? []) this.#onStatus(address, undefined)
    this.#missing = undefined
  }

  get #votes(): boolean {
    return this.#assignment.quorum.agents > 1
  }

  #assign(assignment: Assignment): void {
    const { quorum } = this.#assignment
    this.#assignment = assignment
    if (quorum.agents !== assignment.quorum.agents || quorum.down !== assignment.quorum.down) {
      this.#outdated = new Set(this.#targets.keys())
    }
    this.#share()
  }

  /** That our key is there still, and our lease is not over. */
  #isRegistered(): readonly Compare[] | undefined {
    if (this.#registration === undefined || this.#session.lease === undefined) return undefined
    const key = Buffer.from(this.#keys.agent(this.name))
    return [{ key, target: 'Create', result: 'Equal', create_revision: this.#registration }]
  }

  /** What must be so for a status to be ours to write. */
  #mayWrite(address: string, status: Status): readonly Compare[] | undefined {
    const isRegistered = this.#isRegistered()
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
    this.#share()
  }

  /** Works out anew whose each address is, in slices. */
  #share(): void {
    if (this.#isClosed) return
    const share = ++this.#shares
    const addresses = [...this.#known.keys()]
    const next = (from: number) => {
      if (share !== this.#shares || this.#isClosed) return
      for (const address of addresses.slice(from, from + ADDRESSES_AT_ONCE)) {
        this.#place(address)
        if (this.#votes) this.#voting.weigh(address)
      }
      if (from + ADDRESSES_AT_ONCE < addresses.length) setImmediate(() => next(from + ADDRESSES_AT_ONCE))
    }
    next(0)
  }

  /** Has an address probed, or not, by what is known now. */
  #place(address: string): void {
    if (this.#outdated.delete(address)) this.#drop(address)
    const before = this.#targets.get(address)
    const ports = this.#isOurs(address) ? this.#known.get(address) : undefined
    const after = ports && this.#targetOf(address, ports, before?.id)
    if (before?.profile === after?.profile && before?.ports.join() === after?.ports.join()) return
    if (after !== undefined) {
      this.#targets.set(address, after)
      this.#byId.set(after.id, address)
      this.#addSoon(after)
    } else this.#drop(address)
  }

  #drop(address: string): void {
    const target = this.#targets.get(address)
    if (target === undefined) return
    this.#targets.delete(address)
    this.#byId.delete(target.id)
    this.#protection.forget([target.id])
    this.#voting.forget(address)
    this.#runner.remove([target.id])
  }

  #addSoon(target: ProbeTarget): void {
    this.#added.push(target)
    this.#addTimer ??= setTimeout(() => {
      this.#addTimer = undefined
      const added = this.#added.filter((each) => this.#targets.get(each.address) === each)
      this.#added = []
      this.#runner.add(added)
    }, BATCH_MS)
  }

  #isOurs(address: string): boolean {
    if (this.#registration === undefined || this.#session.lease === undefined) return false
    const { agents, quorum } = this.#assignment
    return ownersOf(address, agents, quorum.agents).includes(this.name)
  }

  #targetOf(address: string, ports: readonly number[], id = this.#nextId++): ProbeTarget | undefined {
    const bytes = addressFromText(address)!
    if (this.#refused.has(bytes)) return undefined
    writeClient(this.#words, 0, bytes, bytes.length)
    const found = this.#profileOf.find(this.#words, 0)
    const profile = found === NO_VALUE ? 0 : found
    const { check } = this.#options.probes.profiles[profile]!
    if (check === undefined || (check.type === 'tcp' && ports.length + check.ports.length === 0)) return undefined
    return { id, address, profile, ports: check.type === 'tcp' || check.type === 'hook' ? ports : [] }
  }

  #apply(id: number, state: HealthState, reason: string): void {
    const address = this.#byId.get(id)
    if (address === undefined) return
    if (this.#votes) this.#voting.onFound(address, state, reason)
    // In panic nobody is down.
    else this.#writer.write(address, state === 'unhealthy' ? 'DOWN' : 'UP')
  }
}
