import type { Clock } from '../../clock.js'
import type { HealthState } from '../layout.js'
import type { Verdict } from './messages.js'
import type { ParsedProbes } from './options.js'

export interface ProtectionOptions {
  readonly limits: Pick<ParsedProbes, 'confirmAbove' | 'panicBelow'>
  /** What counts as "at once". */
  readonly windowMs: number
  readonly clock: Clock
  /** How many addresses are probed. */
  readonly total: () => number
  /** For an address, those of each RRset that it is in, itself among them: as ids, and undefined for one that is not probed. */
  readonly siblings: (id: number) => readonly (readonly (number | undefined)[])[]
  readonly apply: (id: number, state: HealthState, reason: string) => void
  /** Have these probed once more. */
  readonly confirm: (ids: readonly number[]) => void
  readonly onPanic: (isPanic: boolean) => void
}

/** States that are set in one turn of the host's event loop: well below a millisecond's worth. */
const APPLIED_AT_ONCE = 200

/**
 * Stands between what probes say and what answers are made of, so that probes that are wrong about much do little: where more than a share of
 * an RRset or of all would go down at once, each is probed again first; and while too few are left, none is left out.
 *
 * Main thread.
 */
export class Protection {
  readonly #options: ProtectionOptions
  /** What has been believed. */
  readonly #believed = new Map<number, { readonly state: 'healthy' | 'unhealthy'; readonly reason: string }>()
  /** Those that are said to be down, and are probed once more. */
  readonly #doubted = new Set<number>()
  /** When those went down that went down within the window. */
  #downs: number[] = []
  #unhealthy = 0
  #isPanic = false
  /** Those whose state is to be set. */
  readonly #changed = new Set<number>()
  #isApplying = false
  #isClosed = false

  constructor(options: ProtectionOptions) {
    this.#options = options
  }

  get status(): { readonly panic: boolean; readonly doubted: number } {
    return { panic: this.#isPanic, doubted: this.#doubted.size }
  }

  take(verdicts: readonly Verdict[]): void {
    const downs: Verdict[] = []
    for (const verdict of verdicts) {
      if (verdict.state === 'healthy' || verdict.isConfirmed) this.#believe(verdict)
      else if (this.#believed.get(verdict.id)?.state !== 'unhealthy') downs.push(verdict)
    }
    if (downs.length > 0) this.#takeDowns(downs)
    this.#settle()
  }

  /** What is believed of one that is probed; in panic it is not what has been applied. */
  stateOf(id: number): HealthState {
    return this.#believed.get(id)?.state ?? 'unknown'
  }

  /** These are not probed any more; nobody's word is left on them. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      if (this.#believed.get(id)?.state === 'unhealthy') this.#unhealthy--
      this.#believed.delete(id)
      this.#doubted.delete(id)
      this.#changed.delete(id)
    }
    this.#settle()
  }

  close(): void {
    this.#isClosed = true
    this.#changed.clear()
  }

  #takeDowns(downs: readonly Verdict[]): void {
    const { limits, total } = this.#options
    const isMuch = this.#downsInWindow() + downs.length > limits.confirmAbove * total()
    const down = new Set(downs.map(({ id }) => id))
    const doubted = downs.filter(({ id }) => isMuch || this.#emptiesAnRRset(id, down))
    for (const { id } of doubted) this.#doubted.add(id)
    this.#options.confirm(doubted.map(({ id }) => id))
    for (const verdict of downs) if (!this.#doubted.has(verdict.id)) this.#believe(verdict)
  }

  /** Whether with these down, more than the share of an RRset would be. */
  #emptiesAnRRset(id: number, down: ReadonlySet<number>): boolean {
    const isDown = (each: number | undefined) =>
      each !== undefined && (down.has(each) || this.#believed.get(each)?.state === 'unhealthy')
    return this.#options
      .siblings(id)
      .some((rrset) => rrset.filter(isDown).length > this.#options.limits.confirmAbove * rrset.length)
  }

  #downsInWindow(): number {
    const since = this.#options.clock.monotonicMs() - this.#options.windowMs
    this.#downs = this.#downs.filter((at) => at > since)
    return this.#downs.length
  }

  #believe({ id, state, reason }: Verdict): void {
    this.#doubted.delete(id)
    const before = this.#believed.get(id)?.state
    this.#believed.set(id, { state, reason })
    if (before === state) return
    if (state === 'unhealthy') {
      this.#unhealthy++
      this.#downs.push(this.#options.clock.monotonicMs())
    } else if (before === 'unhealthy') this.#unhealthy--
    this.#changed.add(id)
  }

  /** Looks whether enough are left, and sets what has changed. */
  #settle(): void {
    const known = this.#believed.size
    const isPanic = known > 0 && known - this.#unhealthy < this.#options.limits.panicBelow * known
    if (isPanic !== this.#isPanic) {
      this.#isPanic = isPanic
      for (const [id, { state }] of this.#believed) if (state === 'unhealthy') this.#changed.add(id)
      this.#options.onPanic(isPanic)
    }
    if (!this.#isApplying) this.#applySome()
  }

  #applySome(): void {
    this.#isApplying = false
    if (this.#isClosed) return
    let left = APPLIED_AT_ONCE
    for (const id of this.#changed) {
      if (left-- === 0) break
      this.#changed.delete(id)
      const { state, reason } = this.#believed.get(id)!
      if (state === 'unhealthy' && this.#isPanic) this.#options.apply(id, 'unknown', reason)
      else this.#options.apply(id, state, reason)
    }
    if (this.#changed.size === 0) return
    this.#isApplying = true
    setImmediate(() => this.#applySome())
  }
}
