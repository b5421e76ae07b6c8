import type { ProbeOutcome, ProbeProfile, ProbeTarget } from './check.js'
import type { ProbeCounters, Verdict } from './messages.js'
import { ReferenceRound } from './reference-round.js'

export interface ProbeJudgeOptions {
  readonly profiles: readonly ProbeProfile[]
  readonly counters: ProbeCounters
  /** Finds out whether the references can be reached; undefined where there are none. */
  readonly askReferences: ((onAnswer: (isReachable: boolean) => void) => void) | undefined
  readonly onVerdicts: (verdicts: readonly Verdict[]) => void
  readonly onBlind: (isBlind: boolean) => void
}

/** A target, and what is thought of it. */
export interface Judged {
  readonly target: ProbeTarget
  readonly profile: ProbeProfile
  state: 'unknown' | 'healthy' | 'unhealthy'
  /** Probes in a row that spoke against the state. */
  streak: number
  /** Somebody waits for the next outcome, be it a change or not. */
  isConfirming: boolean
  /** Of the last outcome. */
  reason: string
}

/** Verdicts of so long go in one message. */
const BATCH_MS = 50
/** References are asked twice in the shortest interval, but no more often. */
const REFERENCES_MS = 1_000

/**
 * What outcomes of probes say of their targets: one has changed after `fall` failures in a row, or `rise` successes, and none is called unhealthy
 * while the references cannot be reached. Belongs to the probe thread.
 */
export class ProbeJudge {
  readonly #options: ProbeJudgeOptions
  readonly #references: ReferenceRound<Judged> | undefined
  #referenceTimer: NodeJS.Timeout | undefined
  #verdicts: Verdict[] = []
  #batchTimer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: ProbeJudgeOptions) {
    this.#options = options
    const { askReferences: ask, profiles } = options
    if (ask === undefined) return
    this.#references = new ReferenceRound(ask, (condemned, isReachable) => this.#judge(condemned, isReachable))
    const shortestMs = Math.min(...profiles.map(({ intervalMs }) => intervalMs))
    // Whoever has lost its network is to know before it has found everybody dead, and to know when it has it back.
    this.#referenceTimer = setInterval(() => this.#references!.ask(), Math.max(REFERENCES_MS, shortestMs / 2))
  }

  take(judged: Judged, outcome: ProbeOutcome, reason: string): void {
    judged.reason = reason
    switch (outcome) {
      case 'unsure':
        this.#options.counters.add('unsure')
        return
      case 'alive':
        this.#onAlive(judged)
        return
      case 'dead':
        this.#options.counters.add('failed')
        this.#onDead(judged)
        return
      default:
        outcome satisfies never
    }
  }

  /** It is not probed any more. */
  forget(judged: Judged): void {
    this.#references?.forget(judged)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#batchTimer)
    clearInterval(this.#referenceTimer)
  }

  #onAlive(judged: Judged): void {
    this.#references?.forget(judged)
    const { isConfirming, state } = judged
    if (state === 'healthy') judged.streak = 0
    // Who asks whether it is dead has not believed it yet, and need not wait for `rise` to hear that it is not.
    else if (isConfirming || state === 'unknown' || ++judged.streak >= judged.profile.rise) this.#set(judged, 'healthy')
    else return
    if (isConfirming && state === 'healthy') this.#tell(judged)
    judged.isConfirming = false
  }

  #onDead(judged: Judged): void {
    const isNew = judged.state !== 'unhealthy'
    if (isNew) judged.streak++
    else judged.streak = 0
    if (!judged.isConfirming && !(isNew && judged.streak >= judged.profile.fall)) return
    if (this.#references === undefined) this.#set(judged, 'unhealthy')
    else this.#references.condemn(judged)
  }

  /** The references have been asked, after these had failed. */
  #judge(condemned: Iterable<Judged>, isReachable: boolean): void {
    if (this.#isStopped) return
    if (this.#options.counters.read('blind') !== Number(!isReachable)) {
      this.#options.counters.set('blind', Number(!isReachable))
      this.#options.onBlind(!isReachable)
    }
    for (const judged of condemned) {
      if (isReachable) this.#set(judged, 'unhealthy')
      else judged.streak = 0
    }
  }

  #set(judged: Judged, state: 'healthy' | 'unhealthy'): void {
    judged.state = state
    judged.streak = 0
    this.#tell(judged)
    judged.isConfirming = false
  }

  #tell({ target, state, reason, isConfirming }: Judged): void {
    if (state === 'unknown') return
    this.#verdicts.push({ id: target.id, state, reason, isConfirmed: isConfirming })
    this.#batchTimer ??= setTimeout(() => {
      this.#batchTimer = undefined
      const verdicts = this.#verdicts
      this.#verdicts = []
      this.#options.onVerdicts(verdicts)
    }, BATCH_MS)
  }
}
