import { randomInt } from 'node:crypto'
import type { Clock } from '../../clock.js'
import { FastRandom } from '../../fast-random.js'
import type { OnOutcome, ProbeProfile, ProbeTarget, RunningProbe } from './check.js'
import { DueWheel } from './due-wheel.js'
import type { ProbeCounters, Verdict } from './messages.js'
import type { ProbeSettings } from './options.js'
import { type Judged, ProbeJudge } from './probe-judge.js'

export interface ProbeLoopOptions {
  readonly settings: Pick<ProbeSettings, 'profiles' | 'jitter' | 'concurrency' | 'perSecond'>
  readonly clock: Clock
  readonly counters: ProbeCounters
  /** Sockets that probes may have open at a time, and how many one opens. */
  readonly sockets: { readonly most: number; readonly of: (target: ProbeTarget, profile: ProbeProfile) => number }
  /** Starts a probe. Its outcome does not come before this has returned. */
  readonly probe: (target: ProbeTarget, profile: ProbeProfile, onOutcome: OnOutcome) => RunningProbe
  /** Finds out whether the references can be reached; undefined where there are none. */
  readonly askReferences: ((onAnswer: (isReachable: boolean) => void) => void) | undefined
  readonly onVerdicts: (verdicts: readonly Verdict[]) => void
  readonly onBlind: (isBlind: boolean) => void
}

/** Until it is looked again whether those that are due may be started. */
const CROWDED_MS = 10
/** First probes of targets that come together are this far apart, if that fits an interval: thousands at once would stay together for minutes. */
const FIRST_PROBES_MS = 1
/** So few that come together do not wait for those that came before. */
const FEW = 50

interface Probed extends Judged {
  /** In the wheels: a target that comes again is another. */
  readonly key: number
  readonly sockets: number
  dueMs: number
  deadlineMs: number
  running: RunningProbe | undefined
}

/**
 * Probes many targets, each at its interval, and says when one has changed. When that is, `ProbeJudge` knows.
 *
 * Belongs to the probe thread. One timer for everything; time-outs are looked for after the event loop has heard what has come in,
 * so that a thread or a machine that stood still does not take all that waited for dead.
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions
  readonly #byId = new Map<number, Probed>()
  readonly #byKey = new Map<number, Probed>()
  readonly #due: DueWheel
  readonly #deadlines: DueWheel
  /** Those that are due, from `#readyFrom` on. */
  #ready: Probed[] = []
  #readyFrom = 0
  /** Those that are to be probed out of turn. */
  #urgent: Probed[] = []
  #running = 0
  /** Of the probes that are running. */
  #sockets = 0
  readonly #random = new FastRandom(randomInt(2 ** 32))
  /** Until then there are first probes of targets that have come together. */
  #firstsUntilMs = 0
  #nextKey = 0
  #allowance: number
  #allowanceMs: number
  #timer: NodeJS.Timeout | undefined
  #timerMs = Number.POSITIVE_INFINITY
  readonly #judge: ProbeJudge
  #isStopped = false

  constructor(options: ProbeLoopOptions) {
    this.#options = options
    const now = options.clock.monotonicMs()
    this.#due = new DueWheel(now)
    this.#deadlines = new DueWheel(now)
    this.#allowance = this.#burst
    this.#allowanceMs = now
    const { settings, counters, askReferences, onVerdicts, onBlind } = options
    this.#judge = new ProbeJudge({ profiles: settings.profiles, counters, askReferences, onVerdicts, onBlind })
  }

  add(targets: readonly ProbeTarget[]): void {
    const now = this.#options.clock.monotonicMs()
    let at = targets.length > FEW ? Math.max(now, this.#firstsUntilMs) : now
    for (const target of targets) {
      const profile = this.#options.settings.profiles[target.profile]!
      this.#add(
        target,
        profile,
        at - now <= profile.intervalMs ? at : now + profile.intervalMs * this.#random.fraction(),
      )
      at += FIRST_PROBES_MS
    }
    if (targets.length > FEW) this.#firstsUntilMs = at
    this.#arm()
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#remove(id)
  }

  /** Probes these now, and says what comes of it, be it a change or not. */
  confirm(ids: readonly number[]): void {
    for (const id of ids) {
      const probed = this.#byId.get(id)
      if (probed === undefined) continue
      probed.isConfirming = true
      this.#urgent.push(probed)
    }
    this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#judge.stop()
    for (const probed of this.#byKey.values()) probed.running?.cancel()
    this.#byKey.clear()
    this.#byId.clear()
  }

  #add(target: ProbeTarget, profile: ProbeProfile, dueMs: number): void {
    this.#remove(target.id)
    const probed: Probed = {
      key: this.#nextKey++,
      target,
      profile,
      sockets: this.#options.sockets.of(target, profile),
      state: 'unknown',
      streak: 0,
      dueMs,
      deadlineMs: 0,
      running: undefined,
      isConfirming: false,
      reason: '',
    }
    this.#byId.set(target.id, probed)
    this.#byKey.set(probed.key, probed)
    this.#due.add(probed.key, dueMs)
  }

  #remove(id: number): void {
    const probed = this.#byId.get(id)
    if (probed === undefined) return
    this.#byId.delete(id)
    this.#byKey.delete(probed.key)
    this.#judge.forget(probed)
    if (probed.running !== undefined) this.#end(probed).cancel()
  }

  get #burst(): number {
    return Math.max(1, this.#options.settings.perSecond / 10)
  }

  /** One timer, for what comes first. */
  #arm(): void {
    if (this.#isStopped) return
    const now = this.#options.clock.monotonicMs()
    const crowded =
      this.#readyFrom < this.#ready.length || this.#urgent.length > 0 ? now + CROWDED_MS : Number.POSITIVE_INFINITY
    const never = Number.POSITIVE_INFINITY
    const next = Math.min(crowded, this.#due.nextDueMs() ?? never, this.#deadlines.nextDueMs() ?? never)
    if (this.#timer !== undefined && next >= this.#timerMs) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerMs = next
    if (next === never) return
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(next - now)))
  }

  #onTimer(): void {
    this.#timer = undefined
    const now = this.#options.clock.monotonicMs()
    this.#due.takeDue(now, (key) => {
      const probed = this.#byKey.get(key)
      if (probed !== undefined) this.#ready.push(probed)
    })
    this.#startReady(now)
    // In between, the event loop polls.
    setImmediate(() => {
      if (this.#isStopped) return
      this.#expire(now)
      this.#arm()
    })
  }

  #startReady(now: number): void {
    const { perSecond } = this.#options.settings
    this.#allowance = Math.min(this.#burst, this.#allowance + ((now - this.#allowanceMs) * perSecond) / 1000)
    this.#allowanceMs = now
    this.#startUrgent(now)
    while (this.#readyFrom < this.#ready.length && this.#hasRoom(this.#ready[this.#readyFrom]!)) {
      const probed = this.#ready[this.#readyFrom++]!
      if (this.#byKey.get(probed.key) !== probed) continue
      if (now - probed.dueMs > probed.profile.intervalMs / 2) this.#options.counters.add('late')
      this.#schedule(probed, now)
      // One that was asked for in between is on its way.
      if (probed.running !== undefined) continue
      this.#allowance--
      this.#start(probed, now)
    }
    if (this.#readyFrom < this.#ready.length) return
    this.#ready = []
    this.#readyFrom = 0
  }

  #hasRoom({ sockets }: Probed): boolean {
    const { settings, sockets: given } = this.#options
    if (this.#allowance < 1 || this.#running >= settings.concurrency) return false
    return this.#sockets === 0 || this.#sockets + sockets <= given.most
  }

  #startUrgent(now: number): void {
    let started = 0
    while (started < this.#urgent.length && this.#hasRoom(this.#urgent[started]!)) {
      const probed = this.#urgent[started++]!
      // A probe that is under way answers as well.
      if (this.#byKey.get(probed.key) !== probed || probed.running !== undefined) continue
      this.#allowance--
      this.#start(probed, now)
    }
    this.#urgent = this.#urgent.slice(started)
  }

  /** Never later than the interval, so that `fall` probes take no longer than `fall` intervals. */
  #schedule(probed: Probed, now: number): void {
    const { intervalMs } = probed.profile
    probed.dueMs = now + intervalMs * (1 - this.#options.settings.jitter * this.#random.fraction())
    this.#due.add(probed.key, probed.dueMs)
  }

  #start(probed: Probed, now: number): void {
    this.#options.counters.add('probes')
    this.#running++
    this.#sockets += probed.sockets
    probed.deadlineMs = now + probed.profile.timeoutMs
    this.#deadlines.add(probed.key, probed.deadlineMs)
    const running = this.#options.probe(probed.target, probed.profile, (outcome, reason) => {
      if (probed.running !== running) return
      this.#end(probed)
      this.#judge.take(probed, outcome, reason)
    })
    probed.running = running
  }

  #end(probed: Probed): RunningProbe {
    const running = probed.running!
    probed.running = undefined
    this.#running--
    this.#sockets -= probed.sockets
    return running
  }

  #expire(now: number): void {
    this.#deadlines.takeDue(now, (key) => {
      const probed = this.#byKey.get(key)
      if (probed?.running === undefined || probed.deadlineMs > now) return
      this.#end(probed).cancel()
      this.#judge.take(probed, 'dead', `no answer within ${probed.profile.timeoutMs} ms`)
    })
  }
}
