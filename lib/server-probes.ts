import type { Clock } from './clock.js'
import type { HealthState, TableHealth } from './health/health.js'
import type { ProbeTarget } from './health/probe/check.js'
import type { CheckHealth } from './health/probe/health-hook.js'
import type { ParsedProbes } from './health/probe/options.js'
import { ProbeRunner, type ProbeStatus } from './health/probe/probe-runner.js'
import { Protection } from './health/probe/protection.js'
import { RecordTargets } from './health/probe/record-targets.js'
import type { Logger } from './log.js'
import type { OwnerFollower } from './publish/owner-scan.js'
import type { WireRRset } from './records/wire-rrset.js'

export interface ServerProbesOptions {
  readonly probes: ParsedProbes
  readonly checkHealth: CheckHealth | string | undefined
  readonly workerFile: string
  readonly health: TableHealth
  readonly logger: Logger
  readonly clock: Clock
  readonly read: (name: Uint8Array) => readonly WireRRset[]
  readonly isFollowed: (name: Uint8Array) => boolean
  /** Have all names followed anew. */
  readonly follow: () => void
  readonly onError: (error: Error) => void
}

/** States that are set in one turn of the host's event loop. */
const WITHDRAWN_AT_ONCE = 200

/** What probes are doing. */
export interface ProbesStatus extends ProbeStatus {
  /** Addresses that are probed. */
  readonly targets: number
  /** Those that are said to be down, and are probed once more before that is believed. */
  readonly doubted: number
  /** So few are healthy that none is left out. */
  readonly panic: boolean
}

/** The probes of one server, as its main thread has them: addresses come from its records, and what is found out goes into its health. */
export class ServerProbes {
  readonly #options: ServerProbesOptions
  readonly #targets: RecordTargets
  readonly #runner: ProbeRunner
  readonly #protection: Protection
  /** By address, of those that are probed. */
  readonly #ids = new Map<string, number>()
  /** What probes of other options have said, of addresses on which these have said nothing yet. */
  #inherited = new Map<string, HealthState>()
  #mustDropOrphans = false

  constructor(options: ServerProbesOptions) {
    const { probes, logger, clock, health } = options
    this.#options = options
    this.#targets = new RecordTargets({
      probes,
      logger,
      read: options.read,
      isFollowed: options.isFollowed,
      onChange: (added, removed) => this.#onTargets(added, removed),
      onSettled: () => this.#onSettled(),
      onRoom: options.follow,
    })
    this.#protection = new Protection({
      limits: probes,
      windowMs: Math.max(...probes.profiles.map(({ intervalMs }) => intervalMs)),
      clock,
      total: () => this.#targets.count,
      siblings: (id) => this.#targets.siblings(id).map((rrset) => rrset.map((address) => this.#ids.get(address))),
      apply: (id, state, reason) => {
        const target = this.#targets.targetOf(id)
        if (target === undefined) return
        this.#inherited.delete(target.address)
        health.setFrom('probe', target.address, state, reason)
      },
      confirm: (ids) => this.#runner.confirm(ids),
      onPanic: (isPanic) => {
        if (isPanic) logger.warn({}, 'so few addresses are healthy that none is left out of answers')
        else logger.info({}, 'enough addresses are healthy again to leave the others out of answers')
      },
    })
    this.#runner = new ProbeRunner({
      workerFile: options.workerFile,
      settings: probes,
      logger,
      checkHealth: options.checkHealth,
      targets: () => this.#targets.targets(),
      onVerdicts: (verdicts) => this.#protection.take(verdicts),
      onRestart: options.onError,
    })
  }

  get follower(): OwnerFollower {
    return this.#targets
  }

  get status(): ProbesStatus {
    return { targets: this.#targets.count, ...this.#protection.status, ...this.#runner.status }
  }

  /** Resolves when the probe thread serves. Rejects with its error. */
  start(): Promise<void> {
    return this.#runner.start()
  }

  /** Takes over what probes of other options have said: it stays until these know better. */
  inherit(before: ServerProbes): void {
    this.#inherited = before.#said()
  }

  /** Takes back what was inherited on addresses that are not probed any more. For when all names have been followed. */
  dropOrphans(): void {
    this.#mustDropOrphans = true
    if (this.#targets.isSettled) this.#onSettled()
  }

  /** Takes back all that these probes have said: there will be none. */
  withdraw(): void {
    this.#withdrawAll([...this.#said()])
  }

  async close(): Promise<void> {
    this.#targets.close()
    this.#protection.close()
    await this.#runner.stop()
  }

  /** All names that have been followed are targets by now. */
  #onSettled(): void {
    if (!this.#mustDropOrphans) return
    this.#mustDropOrphans = false
    const orphans = [...this.#inherited].filter(([address]) => !this.#ids.has(address))
    for (const [address] of orphans) this.#inherited.delete(address)
    this.#withdrawAll(orphans)
  }

  #onTargets(added: readonly ProbeTarget[], removed: readonly ProbeTarget[]): void {
    for (const { id, address } of added) this.#ids.set(address, id)
    for (const { id, address } of removed) {
      this.#ids.delete(address)
      this.#withdraw(id, address)
    }
    const ids = removed.map(({ id }) => id)
    this.#protection.forget(ids)
    this.#runner.remove(ids)
    this.#runner.add(added)
  }

  /** What probes have said of an address that is not probed any more; somebody else's word stays. */
  #withdraw(id: number, address: string): void {
    this.#takeBack(address, this.#saidOf(id, address))
    this.#inherited.delete(address)
  }

  #takeBack(address: string, said: HealthState): void {
    const { health } = this.#options
    if (said !== 'unknown' && health.status(address) === said) health.setFrom('probe', address, 'unknown')
  }

  #withdrawAll(said: readonly (readonly [string, HealthState])[]): void {
    for (const [address, state] of said.slice(0, WITHDRAWN_AT_ONCE)) this.#takeBack(address, state)
    if (said.length > WITHDRAWN_AT_ONCE) setImmediate(() => this.#withdrawAll(said.slice(WITHDRAWN_AT_ONCE)))
  }

  #saidOf(id: number, address: string): HealthState {
    const state = this.#protection.stateOf(id)
    return state === 'unknown' ? (this.#inherited.get(address) ?? 'unknown') : state
  }

  #said(): Map<string, HealthState> {
    return new Map([...this.#ids].map(([address, id]) => [address, this.#saidOf(id, address)]))
  }
}
