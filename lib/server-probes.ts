import type { Clock } from './clock.js'
import type { TableHealth } from './health/health.js'
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

  constructor(options: ServerProbesOptions) {
    const { probes, logger, clock, health } = options
    this.#options = options
    this.#targets = new RecordTargets({
      probes,
      logger,
      read: options.read,
      isFollowed: options.isFollowed,
      onChange: (added, removed) => this.#onTargets(added, removed),
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
        if (target !== undefined) health.setFrom('probe', target.address, state, reason)
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

  async close(): Promise<void> {
    this.#targets.close()
    this.#protection.close()
    await this.#runner.stop()
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
    const { health } = this.#options
    const said = this.#protection.stateOf(id)
    if (said !== 'unknown' && health.status(address) === said) health.setFrom('probe', address, 'unknown')
  }
}
