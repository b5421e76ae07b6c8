import type { ForwardPolicy } from '../options.js'
import type { Random } from './secure-random.js'
import type { Upstream } from './upstream.js'

/** `fastest` asks any of them once in so many queries, so that it finds out when another has become faster. */
const EXPLORE_ONE_IN = 20

/** While no upstream is up, one query in so much time is tried all the same: some servers do not answer probes. */
const TRIAL_PAUSE_MS = 1_000

/** Upstreams that stand in for each other, and who of them is asked next. */
export class UpstreamChoice {
  readonly upstreams: readonly Upstream[]
  /** What is asked in its place since the options have changed. */
  successor: UpstreamChoice | undefined
  readonly #policy: ForwardPolicy
  readonly #random: Random
  /** Queries that are on their way to them. */
  inFlight = 0
  #turn = 0
  #nextTrialMs = 0

  constructor(upstreams: readonly Upstream[], policy: ForwardPolicy, random: Random) {
    this.upstreams = upstreams
    this.#policy = policy
    this.#random = random
  }

  get isNoneUp(): boolean {
    for (const upstream of this.upstreams) if (upstream.state === 'up') return false
    return true
  }

  /**
   * One that is up, preferably none of those whose bits are set in `tried`, and one that gives answers rather than errors; undefined when none
   * is up.
   */
  next(tried: number, nowMs: number): Upstream | undefined {
    const avoided = this.#avoided(nowMs)
    const best = avoided === 0 ? undefined : this.#byPolicy(tried | avoided)
    return best ?? this.#byPolicy(tried) ?? (tried === 0 ? undefined : this.#byPolicy(0))
  }

  /** While none is up: any that does not lead back to us, now and then. */
  forTrial(nowMs: number): Upstream | undefined {
    if (nowMs < this.#nextTrialMs) return undefined
    this.#nextTrialMs = nowMs + TRIAL_PAUSE_MS
    const candidates = this.upstreams.filter(({ state }) => state === 'down')
    return candidates.length === 0 ? undefined : candidates[this.#random.below(candidates.length)]
  }

  /** What is asked now. */
  get newest(): UpstreamChoice {
    let choice: UpstreamChoice = this
    while (choice.successor !== undefined) choice = choice.successor
    return choice
  }

  bitOf(upstream: Upstream): number {
    const place = this.upstreams.indexOf(upstream)
    return place === -1 ? 0 : 1 << place
  }

  /** A bit for each that gives errors only. */
  #avoided(nowMs: number): number {
    let avoided = 0
    for (let at = 0; at < this.upstreams.length; at++) if (this.upstreams[at]!.isAvoided(nowMs)) avoided |= 1 << at
    return avoided
  }

  #byPolicy(tried: number): Upstream | undefined {
    switch (this.#policy) {
      case 'sequential':
        return this.#from(0, tried)
      case 'roundRobin': {
        const place = this.#turn
        this.#turn = (place + 1) % this.upstreams.length
        return this.#from(place, tried)
      }
      case 'fastest':
        if (this.#random.below(EXPLORE_ONE_IN) === 0) return this.#any(tried)
        return this.#fastest(tried)
      default:
        return this.#any(tried)
    }
  }

  /** The first one from a place on, going round. */
  #from(place: number, tried: number): Upstream | undefined {
    const { upstreams } = this
    for (let i = 0; i < upstreams.length; i++) {
      const at = (place + i) % upstreams.length
      if (this.#isCandidate(at, tried)) return upstreams[at]
    }
    return undefined
  }

  #any(tried: number): Upstream | undefined {
    const { upstreams } = this
    let count = 0
    for (let at = 0; at < upstreams.length; at++) if (this.#isCandidate(at, tried)) count++
    if (count === 0) return undefined
    let left = count === 1 ? 0 : this.#random.below(count)
    for (let at = 0; at < upstreams.length; at++) if (this.#isCandidate(at, tried) && left-- === 0) return upstreams[at]
    return undefined
  }

  /** One that has not been asked yet counts as the fastest, so that it is. */
  #fastest(tried: number): Upstream | undefined {
    const { upstreams } = this
    let best: Upstream | undefined
    for (let at = 0; at < upstreams.length; at++) {
      if (!this.#isCandidate(at, tried)) continue
      if (best === undefined || upstreams[at]!.rttMs < best.rttMs) best = upstreams[at]
    }
    return best
  }

  #isCandidate(at: number, tried: number): boolean {
    return (tried & (1 << at)) === 0 && this.upstreams[at]!.state === 'up'
  }
}
