import type { UpstreamAddress } from '../upstream-address.js'
import type { PortPool } from './port-pool.js'
import type { StreamPool } from './stream-pool.js'

/** Failures in a row, with no answer in between, that end the trust in an upstream. */
const MAX_FAILURES = 3
/**
 * Errors in a row, with no good answer in between, after which others are asked first, and for how long. One broken name makes a few; a server that
 * has lost its own upstreams, or does not serve us, makes nothing else. dnsdist takes such a one down by its probes, for CoreDNS it is well.
 */
const MAX_ERRORS = 10
const ERRING_PAUSE_MS = 5_000
/** The least that an upstream is given: one that answers from its cache in 1 ms needs much longer for other names. */
const MIN_TRY_MS = 400
/** The most that failures make of a round trip: from there `fastest` comes back to an upstream within a few answers. */
const LONGEST_RTT_MS = 5_000
/** RFC 6298 §2: how much a new round trip counts in the smoothed one and in its variation. */
const RTT_GAIN = 1 / 8
const VARIATION_GAIN = 1 / 4
/** For how long it is remembered that an upstream does not take EDNS, or does not keep the case of names. */
const MEMORY_MS = 600_000

/** Active probes: the pause after the first one, and the longest, which is shorter where no upstream is left. */
const FIRST_PROBE_PAUSE_MS = 500
const LONGEST_PROBE_PAUSE_MS = 10_000
/** All are to be back within two seconds of their return. */
const LONGEST_PAUSE_WITH_NONE_MS = 1_000
/** Pauses vary by as much to both sides, so that not all of a fleet ask at once. */
const JITTER = 0.25
/** How long an upstream that leads back to us is left alone. */
const LOOP_PAUSE_MS = 60_000

export type UpstreamState = 'up' | 'down' | 'looping'

/** `erring`: it is up, and answers with errors only. */
export type ShownUpstreamState = UpstreamState | 'erring'

/** What an operator may want to know of an upstream. */
export interface UpstreamStats {
  readonly address: string
  readonly state: ShownUpstreamState
  /** Smoothed; undefined before the first answer. */
  readonly rttMs: number | undefined
  readonly sent: number
  readonly failed: number
}

/** One upstream: what is known of it, and its sockets. */
export class Upstream {
  readonly address: UpstreamAddress
  /** Undefined for those that are not asked over UDP. */
  readonly ports: PortPool | undefined
  readonly streams: StreamPool
  state: UpstreamState = 'up'
  sent = 0
  failed = 0
  /** 0 before the first answer. */
  rttMs = 0
  #rttVariationMs = 0
  #failures = 0
  /** In a row. */
  #errors = 0
  #avoidedUntilMs = Number.NEGATIVE_INFINITY
  #lastAnswerMs = Number.NEGATIVE_INFINITY
  /** Whether a response has ever had an OPT record. */
  hasShownEdns = false
  #noEdnsUntilMs = Number.NEGATIVE_INFINITY
  #noCaseUntilMs = Number.NEGATIVE_INFINITY
  /** Of an upstream that is not up: when it is asked next whether it is, and how long the pause is after that. */
  nextProbeMs = Number.POSITIVE_INFINITY
  #probePauseMs = 0

  constructor(address: UpstreamAddress, ports: PortPool | undefined, streams: StreamPool) {
    this.address = address
    this.ports = ports
    this.streams = streams
  }

  stats(): UpstreamStats {
    const { address, rttMs, sent, failed } = this
    const state = this.state === 'up' && this.isErring ? 'erring' : this.state
    return { address: address.text, state, rttMs: rttMs === 0 ? undefined : rttMs, sent, failed }
  }

  /** How long it is waited for before another one is asked. */
  tryTimeoutMs(mostMs: number): number {
    if (this.rttMs === 0) return mostMs
    return Math.min(mostMs, Math.max(MIN_TRY_MS, this.rttMs + 4 * this.#rttVariationMs))
  }

  /** Any response is a sign of life. True when it was down before. */
  answered(nowMs: number, rttMs: number): boolean {
    this.#lastAnswerMs = nowMs
    this.#failures = 0
    this.#smooth(rttMs)
    if (this.state !== 'down') return false
    this.#up()
    return true
  }

  get isErring(): boolean {
    return this.#errors >= MAX_ERRORS
  }

  /** Whether those are to be asked first that give answers. Not for long: it may have mended. */
  isAvoided(nowMs: number): boolean {
    return nowMs < this.#avoidedUntilMs
  }

  /** It has answered with an error, such as SERVFAIL or REFUSED. True when it does nothing else from now on. */
  gaveError(nowMs: number): boolean {
    this.#errors++
    if (this.isErring) this.#avoidedUntilMs = nowMs + ERRING_PAUSE_MS
    return this.#errors === MAX_ERRORS
  }

  /** It has answered with data, or with that there are none. True when it had done nothing but err. */
  gaveAnswer(): boolean {
    const wasErring = this.isErring
    this.#errors = 0
    this.#avoidedUntilMs = Number.NEGATIVE_INFINITY
    return wasErring
  }

  /** To a query that was sent at `sentMs` there is no answer, or none that is good. True when it is down from now on. */
  failedToAnswer(nowMs: number, sentMs: number, jitter: number): boolean {
    this.failed++
    // An upstream that answers others is alive: single datagrams get lost.
    if (this.#lastAnswerMs > sentMs) return false
    // So that `fastest` does not hold on to it.
    this.#smooth(Math.min(Math.max(2 * this.rttMs, nowMs - sentMs), LONGEST_RTT_MS))
    this.#failures++
    if (this.state !== 'up' || this.#failures < MAX_FAILURES) return false
    this.state = 'down'
    this.#probePauseMs = FIRST_PROBE_PAUSE_MS
    this.#planProbe(nowMs, jitter)
    return true
  }

  /** A probe is under way; the next one comes after a pause that is twice as long. */
  probed(nowMs: number, jitter: number, isNoneUp: boolean): void {
    const longest = isNoneUp ? LONGEST_PAUSE_WITH_NONE_MS : LONGEST_PROBE_PAUSE_MS
    this.#probePauseMs = this.state === 'looping' ? LOOP_PAUSE_MS : Math.min(2 * this.#probePauseMs, longest)
    this.#planProbe(nowMs, jitter)
  }

  /** What is asked there comes back to us. */
  loops(nowMs: number, jitter: number): void {
    this.state = 'looping'
    this.#probePauseMs = LOOP_PAUSE_MS
    this.#planProbe(nowMs, jitter)
  }

  /** It no longer does. */
  loopsNoMore(): void {
    if (this.state === 'looping') this.#up()
  }

  close(): void {
    this.ports?.close()
    this.streams.close()
  }

  takesEdns(nowMs: number): boolean {
    return nowMs >= this.#noEdnsUntilMs
  }

  refusedEdns(nowMs: number): void {
    this.#noEdnsUntilMs = nowMs + MEMORY_MS
  }

  keepsCase(nowMs: number): boolean {
    return nowMs >= this.#noCaseUntilMs
  }

  changedCase(nowMs: number): void {
    this.#noCaseUntilMs = nowMs + MEMORY_MS
  }

  #up(): void {
    this.state = 'up'
    this.nextProbeMs = Number.POSITIVE_INFINITY
  }

  /** `jitter` is from 0 to 1. */
  #planProbe(nowMs: number, jitter: number): void {
    this.nextProbeMs = nowMs + this.#probePauseMs * (1 - JITTER + 2 * JITTER * jitter)
  }

  #smooth(rttMs: number): void {
    if (this.rttMs === 0) {
      this.rttMs = Math.max(rttMs, Number.EPSILON)
      this.#rttVariationMs = rttMs / 2
      return
    }
    this.#rttVariationMs += VARIATION_GAIN * (Math.abs(rttMs - this.rttMs) - this.#rttVariationMs)
    this.rttMs += RTT_GAIN * (rttMs - this.rttMs)
  }
}
