import type { Clock } from '../../clock.js'
import { HEADER_SIZE, Rcode } from '../../wire/constants.js'
import { DIFFERENT_RCODES, ForwardedQuery, MAX_TRIES, NO_MESSAGE, NO_RCODE, type Try } from './forwarded-query.js'
import type { OpenPorts } from './port-pool.js'
import { randomizeCase } from './randomize-case.js'
import {
  BARE_ERROR,
  extendedRcodeBits,
  FOREIGN,
  isEdnsRefusal,
  isTruncated,
  matchReply,
  NO_OPT,
  OTHER_CASE,
  replyRcode,
} from './reply.js'
import type { Random } from './secure-random.js'
import { TimerWheel } from './timer-wheel.js'
import { Tries } from './tries.js'
import type { Upstream } from './upstream.js'
import type { UpstreamChoice } from './upstream-choice.js'
import type { UpstreamCounts } from './upstream-counts.js'
import {
  FAILURES,
  type FailureReason,
  type OnUpstreamResult,
  type UpstreamQuestion,
  type UpstreamReply,
} from './upstream-result.js'
import type { ReplyHandler, UpstreamSockets } from './upstream-sockets.js'
import type { StreamHandler } from './upstream-stream.js'
import type { UpstreamTap } from './upstream-tap.js'

export interface ExchangeSettings {
  readonly attempts: number
  readonly tryTimeoutMs: number
  readonly timeoutMs: number
  readonly randomizeCase: boolean
  readonly maxInFlight: number
}

export interface ExchangeNeeds {
  readonly clock: Clock
  readonly random: Random
  readonly counts: UpstreamCounts
  readonly ports: OpenPorts
  /** Left out where nobody is shown what goes out and comes in. */
  readonly tap?: UpstreamTap | undefined
  /** Called when an upstream has failed too often, and when it answers again. */
  onStateChange(upstream: Upstream): void
}

/** Whom to ask: any of a choice, or one alone, once. */
export interface Target {
  readonly choice: UpstreamChoice | undefined
  readonly only: Upstream | undefined
  readonly attempts: number
  /** It asks whether the upstream is there, and so for nothing that a server may not know: it has no EDNS. */
  readonly isProbe: boolean
}

/** How long it is waited for a better response than that a query is not understood. */
const HOLD_MS = 100
/** How often it is looked whether there is room for queries whose tries are all overdue, and the part of all queries that leaves room. */
const HOPE_MS = 250
const CROWDED_PART = 2

/**
 * Queries on their way: sends them, knows the responses that belong to them, and asks again.
 *
 * All tries of a query are listened to until it is over, so that a bad response takes nothing away from a good one that comes after it,
 * and a slow upstream's answer is taken although another one has been asked since.
 */
export class Exchanges implements ReplyHandler, StreamHandler {
  settings: ExchangeSettings
  /** Queries on their way. */
  active = 0
  readonly #needs: ExchangeNeeds
  readonly #tries: Tries
  readonly #wheel: TimerWheel<ForwardedQuery>
  readonly #free: ForwardedQuery[] = []
  readonly #onDue = (query: ForwardedQuery) => this.#overdue(query)
  readonly #reply: { -readonly [K in keyof UpstreamReply]: UpstreamReply[K] } = {
    ...{ kind: 'reply', message: new Uint8Array(0), length: 0, rcode: 0, upstream: '' },
  }

  constructor(settings: ExchangeSettings, needs: ExchangeNeeds) {
    this.settings = settings
    this.#needs = needs
    this.#tries = new Tries(needs.random, needs.ports, needs.tap)
    this.#wheel = new TimerWheel(needs.clock.monotonicMs())
  }

  /** Before anything else: the sockets hand over to this, so that they are made after it. */
  useSockets(sockets: UpstreamSockets): void {
    this.#tries.useSockets(sockets)
  }

  /** Tries that wait for a datagram. */
  get waitingForDatagrams(): number {
    return this.#tries.waitingForDatagrams
  }

  /** Tries that wait on a stream. */
  get waitingForStreams(): number {
    return this.#tries.waitingForStreams
  }

  /** `onResult` is called once, maybe before this returns. */
  start(question: UpstreamQuestion, target: Target, onResult: OnUpstreamResult): void {
    const now = this.#now()
    const query = this.#free.pop() ?? new ForwardedQuery()
    const { name, nameLength } = question
    for (let i = 0; i < nameLength; i++) query.name[i] = name[i]!
    query.nameLength = nameLength
    query.type = question.type
    query.class = question.class
    query.isDnssecOk = question.isDnssecOk
    query.isCheckingDisabled = question.isCheckingDisabled
    query.choice = target.choice
    if (target.choice !== undefined) target.choice.inFlight++
    query.only = target.only
    query.attemptsLeft = target.attempts
    query.isProbe = target.isProbe
    query.triedUpstreams = 0
    query.tryCount = 0
    query.agreedRcode = NO_RCODE
    query.deadlineMs = now + this.settings.timeoutMs
    query.isCaseRandom = this.settings.randomizeCase
    query.onResult = onResult
    if (query.isCaseRandom) randomizeCase(query.name, query.nameLength, this.#needs.random)
    this.active++
    this.#attempt(query, now, 'unreachable')
  }

  /** Looks for those whose time is over. */
  advance(): void {
    this.#wheel.advance(this.#now(), this.#onDue)
  }

  /** Ends all of them. */
  close(): void {
    this.#wheel.drain((query) => this.#fail(query, 'closed'))
  }

  onDatagram(socket: number, bytes: Uint8Array, length: number): void {
    const one = length < HEADER_SIZE ? undefined : this.#tries.find(socket, (bytes[0]! << 8) | bytes[1]!)
    if (one === undefined) this.#needs.counts.ignored++
    else this.#received(one, bytes, length)
  }

  onUnreachable(socket: number): void {
    const now = this.#now()
    this.#tries.eachOn(socket, (one) => {
      if (!one.isSettled && !one.isOverdue) this.#failed(one, now, 'unreachable')
    })
  }

  onMessage(one: Try, bytes: Uint8Array): void {
    if (bytes.length < HEADER_SIZE) this.#needs.counts.ignored++
    else this.#received(one, bytes, bytes.length)
  }

  onStrayMessage(): void {
    this.#needs.counts.ignored++
  }

  onBroken(one: Try, hadAnswered: boolean): void {
    if (one.isSettled || one.isOverdue) return
    const { query, upstream } = one
    const now = this.#now()
    // RFC 7766 §6.2.4: an upstream closes an idle connection just when a query goes out on it. That is no failure, and a new one does.
    if (hadAnswered && query.tryCount < MAX_TRIES) {
      one.isSettled = true
      if (this.#send(query, upstream!, now, true, one.hasEdns)) return
    }
    this.#failed(one, now, 'unreachable')
  }

  #received(one: Try, bytes: Uint8Array, length: number): void {
    const { query, upstream } = one
    const now = this.#now()
    const match = matchReply(bytes, length, query)
    if (match === FOREIGN) {
      this.#needs.counts.ignored++
      return
    }
    if (one.isTapped) this.#needs.tap?.received(upstream!.address, one.isOverStream, one.sentMs, bytes, length)
    if (match === BARE_ERROR) {
      this.#needs.counts.ignored++
      if (one.hasEdns && !one.isSettled) this.#askWithoutEdns(one, now)
      return
    }
    if (match === OTHER_CASE && query.isCaseRandom && !this.#acceptsCase(one, now)) return
    if (upstream!.answered(now, now - one.sentMs)) this.#needs.onStateChange(upstream!)
    this.#needs.counts.received++
    this.#read(one, now, bytes, length)
  }

  /** A response to this very question, from where it was asked. */
  #read(one: Try, now: number, bytes: Uint8Array, length: number): void {
    if (isTruncated(bytes)) {
      this.#needs.counts.truncated++
      if (!one.isSettled) this.#askOverStream(one, now, 'truncated')
      return
    }
    const upstream = one.upstream!
    const opt = extendedRcodeBits(bytes, length, one.query.nameLength + 4)
    if (opt !== NO_OPT) upstream.hasShownEdns = true
    const rcode = replyRcode(bytes, opt)
    if (isEdnsRefusal(rcode) && one.hasEdns && (opt === NO_OPT || rcode === Rcode.BADVERS)) {
      if (!one.isSettled) this.#askWithoutEdns(one, now)
      return
    }
    if (!one.hasEdns && !one.query.isProbe && !isEdnsRefusal(rcode) && upstream.takesEdns(now))
      upstream.refusedEdns(now)
    const isAnswer = rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN
    // What a probe asks for need not be there: that it is answered at all is what counts.
    if (!one.query.isProbe && (isAnswer ? upstream.gaveAnswer() : upstream.gaveError(now)))
      this.#needs.onStateChange(upstream)
    if (isAnswer) this.#succeed(one, rcode, bytes, length)
    else if (!one.isSettled) this.#refused(one, now, rcode, bytes, length)
  }

  /** An error in good order: another upstream may know better; when none is left, what all have said is the answer. */
  #refused(one: Try, now: number, rcode: number, bytes: Uint8Array, length: number): void {
    const { query } = one
    one.isSettled = true
    this.#needs.counts.errors++
    query.agreedRcode = query.agreedRcode === NO_RCODE || query.agreedRcode === rcode ? rcode : DIFFERENT_RCODES
    if (this.#attemptElsewhere(query, now)) return
    if (isEdnsRefusal(rcode)) this.#hold(one, now, bytes.slice(0, length))
    else if (query.agreedRcode === rcode) this.#succeed(one, rcode, bytes, length)
    else this.#fail(query, 'disagreement')
  }

  /**
   * That a query is not understood is easily said, and no server that has answered others means it: a better response may be behind it
   * (CVE-2023-28452).
   */
  #hold(one: Try, now: number, message: Uint8Array): void {
    const { query } = one
    query.heldTry = one
    query.heldMessage = message
    this.#wheel.set(query, Math.min(now + HOLD_MS, query.deadlineMs))
  }

  /** Nothing better has come. */
  #giveHeld(one: Try, message: Uint8Array): void {
    const { agreedRcode } = one.query
    if (agreedRcode >= 0) this.#succeed(one, agreedRcode, message, message.length)
    else this.#fail(one.query, 'disagreement')
  }

  /** Whether a response may be good although the name in it is not spelled as ours. */
  #acceptsCase(one: Try, now: number): boolean {
    const upstream = one.upstream!
    if (!upstream.keepsCase(now)) return true
    if (one.isOverStream) {
      // Nobody forges a stream with ease: the upstream itself does not keep the case.
      upstream.changedCase(now)
      return true
    }
    this.#needs.counts.ignored++
    if (!one.isSettled) this.#askOverStream(one, now, 'unreachable')
    return false
  }

  #askOverStream(one: Try, now: number, reason: FailureReason): void {
    one.isSettled = true
    const { query, upstream } = one
    if (!one.isOverStream && query.tryCount < MAX_TRIES && this.#send(query, upstream!, now, true, one.hasEdns)) return
    if (!this.#attemptElsewhere(query, now)) this.#fail(query, reason)
  }

  #askWithoutEdns(one: Try, now: number): void {
    one.isSettled = true
    const { query, upstream } = one
    if (query.tryCount < MAX_TRIES && this.#send(query, upstream!, now, one.isOverStream, false)) return
    if (this.#attemptElsewhere(query, now)) return
    query.agreedRcode = DIFFERENT_RCODES
    this.#hold(one, now, NO_MESSAGE)
  }

  /** There is no answer to be had there. */
  #failed(one: Try, now: number, reason: FailureReason): void {
    const { query } = one
    one.isSettled = true
    this.#noteFailure(one, now)
    if (!this.#attemptElsewhere(query, now)) this.#fail(query, reason)
  }

  #overdue(query: ForwardedQuery): void {
    const now = this.#now()
    if (query.heldTry !== undefined) {
      this.#giveHeld(query.heldTry, query.heldMessage)
      return
    }
    const one = query.lastTry
    if (one !== undefined && !one.isOverdue && !one.isSettled) {
      one.isOverdue = true
      one.stream?.noteOverdue(one.sentMs)
      this.#needs.counts.timeouts++
      this.#noteFailure(one, now)
    }
    if (now >= query.deadlineMs) this.#fail(query, 'timeout')
    else if (this.#isHopeless(query)) this.#fail(query, 'timeout')
    else if (query.attemptsLeft > 0 && query.tryCount < MAX_TRIES) this.#attempt(query, now, 'timeout')
    else this.#awaitLate(query, now)
  }

  /** A late answer is better than none, as long as there is room for it. */
  #awaitLate(query: ForwardedQuery, now: number): void {
    this.#wheel.set(query, Math.min(now + HOPE_MS, query.deadlineMs))
  }

  /** Where nobody answers whom it could be sent to, and others need its place. Whoever comes next is told at once. */
  #isHopeless({ choice }: ForwardedQuery): boolean {
    return choice?.isNoneUp === true && CROWDED_PART * this.active >= this.settings.maxInFlight
  }

  #noteFailure(one: Try, now: number): void {
    const upstream = one.upstream!
    if (upstream.failedToAnswer(now, one.sentMs, this.#jitter())) this.#needs.onStateChange(upstream)
  }

  /** Asks an upstream that has not been asked yet. False when there is none. */
  #attemptElsewhere(query: ForwardedQuery, now: number): boolean {
    followChoice(query)
    while (query.attemptsLeft > 0 && query.tryCount < MAX_TRIES && query.choice !== undefined) {
      const upstream = query.choice.next(query.triedUpstreams, now)
      if (upstream === undefined || (query.triedUpstreams & query.choice.bitOf(upstream)) !== 0) return false
      if (this.#ask(query, upstream, now)) return true
    }
    return false
  }

  /** Asks an upstream, one that has not been asked if there is one. */
  #attempt(query: ForwardedQuery, now: number, reason: FailureReason): void {
    followChoice(query)
    while (query.attemptsLeft > 0 && query.tryCount < MAX_TRIES) {
      const upstream = query.only ?? query.choice?.next(query.triedUpstreams, now)
      if (upstream === undefined) break
      if (this.#ask(query, upstream, now)) return
    }
    if (query.tries.some((one, i) => i < query.tryCount && one.isOverdue)) this.#awaitLate(query, now)
    else this.#fail(query, reason)
  }

  #ask(query: ForwardedQuery, upstream: Upstream, now: number): boolean {
    query.attemptsLeft--
    query.triedUpstreams |= query.choice?.bitOf(upstream) ?? 0
    const isOverStream = upstream.address.protocol !== 'udp'
    return this.#send(query, upstream, now, isOverStream, takesEdns(query, upstream, now))
  }

  /** Begins a try. False, with the failure noted, when nothing could be sent. */
  #send(query: ForwardedQuery, upstream: Upstream, now: number, isOverStream: boolean, hasEdns: boolean): boolean {
    if (!this.#tries.begin(query, upstream, isOverStream, hasEdns, now)) {
      this.#noteFailure(query.tries[query.tryCount]!, now)
      return false
    }
    this.#needs.counts.sent++
    const timeoutMs = upstream.tryTimeoutMs(this.settings.tryTimeoutMs)
    this.#wheel.set(query, Math.min(now + timeoutMs, query.deadlineMs))
    return true
  }

  #succeed(one: Try, rcode: number, bytes: Uint8Array, length: number): void {
    const reply = this.#reply
    reply.message = bytes
    reply.length = length
    reply.rcode = rcode
    reply.upstream = one.upstream!.address.text
    const onResult = this.#end(one.query)
    onResult(reply)
  }

  #fail(query: ForwardedQuery, reason: FailureReason): void {
    if (!query.isProbe) this.#needs.counts.failed++
    const onResult = this.#end(query)
    onResult(FAILURES[reason])
  }

  #end(query: ForwardedQuery): OnUpstreamResult {
    this.#wheel.cancel(query)
    for (let i = 0; i < query.tryCount; i++) this.#tries.forget(query.tries[i]!)
    const onResult = query.onResult!
    query.onResult = undefined
    query.heldTry = undefined
    query.heldMessage = NO_MESSAGE
    if (query.choice !== undefined) query.choice.inFlight--
    query.choice = undefined
    query.only = undefined
    this.active--
    this.#free.push(query)
    return onResult
  }

  #jitter(): number {
    return this.#needs.random.u16() / 65_535
  }

  #now(): number {
    return this.#needs.clock.monotonicMs()
  }
}

/** Those whom it may ask may be others since it was begun: it goes to one of them next. */
function followChoice(query: ForwardedQuery): void {
  const { choice } = query
  if (choice?.successor === undefined) return
  const { newest } = choice
  choice.inFlight--
  newest.inFlight++
  query.choice = newest
  query.triedUpstreams = 0
  for (let i = 0; i < query.tryCount; i++) query.triedUpstreams |= newest.bitOf(query.tries[i]!.upstream!)
}

/** Not what is known to refuse it, nor at the end what has been silent so far and never shown that it knows it. */
function takesEdns(query: ForwardedQuery, upstream: Upstream, now: number): boolean {
  if (query.isProbe || !upstream.takesEdns(now)) return false
  if (upstream.hasShownEdns || query.tryCount < MAX_TRIES - 1) return true
  for (let i = 0; i < query.tryCount; i++) {
    const one = query.tries[i]!
    if (one.upstream === upstream && one.isOverdue) return false
  }
  return true
}
