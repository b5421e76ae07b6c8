import type { AnswerCacheWriter } from '../../answer-cache/answer-cache-writer.js'
import { NONE } from '../../handoff/layout.js'
import type { LateAnswering } from '../../hooks/late-answers.js'
import type { ThreadHooks } from '../../hooks/thread-hooks.js'
import { Counter } from '../../metrics/counters.js'
import type { ZoneTable } from '../../query/zone.js'
import { CLASS_IN, Rcode, Type } from '../../wire/constants.js'
import { ExtendedError } from '../../wire/edns.js'
import { FoldedName } from '../../wire/folded-name.js'
import { Header } from '../../wire/header.js'
import { Question } from '../../wire/question.js'
import { WireReader } from '../../wire/reader.js'
import { NO_FORWARD_ZONE } from '../forward-zones.js'
import type { ParsedForward } from '../options.js'
import type { CheckedReply } from '../reply/checked-reply.js'
import type { FailureReason, UpstreamResult } from '../upstream/upstream-result.js'
import type { Upstreams } from '../upstream/upstreams.js'
import type { AnswerInHand } from './answer-in-hand.js'
import { AnswerKeeper } from './answer-keeper.js'
import { AnswersOut } from './answers-out.js'
import { Desk, type ForwardRing } from './desk.js'
import { Fate, ForwardKind, ForwardSlot } from './forward-slot.js'
import { type OpenQuestion, OpenQuestions } from './questions.js'
import { asksTheSame, Routing } from './routing.js'
import { WaitingQueries, type WaitingQuery } from './waiting-queries.js'

/** RFC 8767 §5: after so long, who waits is given what there was. */
export const CLIENT_RESPONSE_MS = 1_800
/** How often it is looked who has waited for so long. */
const LATE_LOOK_MS = 200
/** Queries of one ring that are taken in a row, and how long the event loop is kept from upstreams in one piece. */
const TURN = 64
const SLICE_MS = 1

export interface ForwarderParts {
  readonly options: ParsedForward
  readonly upstreams: Upstreams
  readonly cache: AnswerCacheWriter
  readonly reply: CheckedReply
  readonly hand: AnswerInHand
  /** Whose pipeline is given the answers by `hand`. */
  readonly answering: LateAnswering
  readonly hooks: ThreadHooks | undefined
  readonly zones: ZoneTable
  /** That of the record index. */
  readonly seed: number
}

/** Takes queries out of the rings, asks upstreams what the cache does not have, once whoever asks, and has all that wait answered: `AnswersOut`. */
export class Forwarder {
  readonly #parts: ForwarderParts
  readonly #keeper: AnswerKeeper
  #options: ParsedForward
  #routing: Routing
  readonly #desks = new Map<number, Desk>()
  readonly #questions = new OpenQuestions((question, result) => this.#finish(question, result))
  readonly #waiting = new WaitingQueries()
  readonly #out: AnswersOut
  readonly #slot = new ForwardSlot()
  readonly #reader = new WireReader()
  readonly #header = new Header()
  readonly #question = new Question()
  readonly #name = new FoldedName()
  /** By which the question whose reply is being read was asked, and its zone. */
  #asking: Routing
  #zone: number | undefined
  #lateTimer: NodeJS.Timeout | undefined

  constructor(parts: ForwarderParts) {
    this.#parts = parts
    this.#keeper = new AnswerKeeper(parts.cache, parts.reply, parts.options.cache)
    this.#options = parts.options
    this.#routing = new Routing(parts.zones, parts.options, parts.seed)
    this.#asking = this.#routing
    this.#out = new AnswersOut(parts, this.#waiting, this.#desks)
  }

  get inFlight(): { questions: number; queries: number } {
    return { questions: this.#questions.count, queries: this.#waiting.count }
  }

  /** The ring of one life of a thread, in the place of that before. What a forward thread before us had taken from it is taken again. */
  addRing(ring: ForwardRing): void {
    const desk = new Desk(ring)
    this.#desks.set(ring.thread, desk)
    this.#out.enter()
    desk.taker.adopt((slot) => this.#adopt(desk, slot))
    this.#out.leave()
    this.#out.flushSoon()
  }

  /** What a dead thread has asked may still be answered, where it has left its sockets. */
  removeRing(thread: number): void {
    this.#desks.delete(thread)
  }

  get hasParked(): boolean {
    for (const desk of this.#desks.values()) if (desk.taker.hasParked) return true
    return false
  }

  /** Before results that `serve` is called after. */
  beginTurn(): void {
    this.#out.isInTurn = true
  }

  /** Whether all rings are empty now; if not, it is to be called again in a later turn. In turns, so that no thread keeps the others waiting. */
  serve(): boolean {
    const end = performance.now() + SLICE_MS
    this.#out.isInTurn = true
    this.#out.enter()
    let isDone = false
    while (!isDone && performance.now() < end) {
      isDone = true
      for (const desk of this.#desks.values()) if (!this.#serveDesk(desk)) isDone = false
    }
    this.#out.leave()
    this.#out.isInTurn = false
    this.#out.flush()
    return isDone
  }

  /** Whether a name belongs to those whom the question in hand was sent to. */
  mayAnswerFor(name: FoldedName): boolean {
    return this.#asking.zoneOf(name) === this.#zone
  }

  /**
   * Forwards by other options from now on, and answers for these zones. What is on its way is answered; where other servers are asked, nothing
   * of it is kept, and nothing of what the cache has.
   */
  use(zones: ZoneTable, options: ParsedForward): void {
    const { cache, reply, seed, upstreams } = this.#parts
    const isSame = asksTheSame(this.#options, options)
    this.#options = options
    this.#routing = new Routing(zones, options, seed)
    this.#keeper.options = options.cache
    reply.ttls = options.cache
    if (!isSame) {
      cache.flush()
      this.#questions.outdate()
    }
    upstreams.setOptions(options)
  }

  /** Everybody who waits is told that there will be no answer. */
  giveUp(): void {
    clearTimeout(this.#lateTimer)
    const { hand } = this.#parts
    this.#out.enter()
    for (let question = this.#questions.oldest; question !== undefined; question = question.newer) {
      hand.hand = 'failure'
      hand.extendedError = ExtendedError.NOT_READY
      this.#out.answerAll(question)
    }
    this.#out.leave()
    this.#out.flush()
  }

  #serveDesk(desk: Desk): boolean {
    for (let served = 0; served < TURN; served++) {
      const slot = desk.taker.take()
      if (slot === NONE) return true
      this.#serveSlot(desk, slot)
    }
    return false
  }

  #serveSlot(desk: Desk, at: number): void {
    const { taker } = desk
    const slot = this.#slot.open(taker.bytes, taker.bodyStart(at))
    switch (slot.kind) {
      case ForwardKind.flush:
        this.#flushCache(desk, at)
        break
      case ForwardKind.renewal:
        if (this.#readQuestion(slot)) this.#renew(slot)
        taker.dismiss(at)
        break
      default:
        if (this.#readQuestion(slot)) this.#ask(desk, at)
        else this.#drop(desk, at)
    }
  }

  /** What two forward threads have died with may be what they have died of: nobody tries it once more. */
  #adopt(desk: Desk, at: number): void {
    const slot = this.#slot.open(desk.taker.bytes, desk.taker.bodyStart(at))
    if (slot.fate === Fate.none) {
      slot.fate = Fate.adopted
      this.#serveSlot(desk, at)
      return
    }
    slot.fate = Fate.givenUp
    this.#drop(desk, at)
  }

  #readQuestion(slot: ForwardSlot): boolean {
    const reader = this.#reader
    reader.reset(slot.bytes, slot.requestStart, slot.requestLength)
    const { seed } = this.#parts
    if (!this.#header.read(reader) || !this.#question.read(reader, seed)) return false
    const { targetStart: from, targetLength } = slot
    return targetLength === 0 || this.#question.name.read(slot.bytes, from, from + targetLength, seed)
  }

  #renew({ flags, view }: ForwardSlot): void {
    const hash = OpenQuestions.hashOf(this.#question, flags, view)
    if (this.#questions.find(hash, this.#question, flags, view) !== undefined) return
    this.#parts.answering.counters.values[Counter.forwardRenewed]!++
    this.#start(this.#open(hash, flags, view))
  }

  #ask(desk: Desk, at: number): void {
    const { answering, hand, upstreams, cache } = this.#parts
    const question = this.#question
    const { flags, view } = this.#slot
    const query = this.#admit(desk, at)
    if (query === undefined) return
    const hash = OpenQuestions.hashOf(question, flags, view)
    const open = this.#questions.find(hash, question, flags, view)
    if (open !== undefined) {
      answering.counters.values[Counter.forwardCoalesced]!++
      open.join(query)
      if (open.isLate) this.#answerStale(open)
      return
    }
    if (cache.reader.find(question.name, question.type, CLASS_IN, flags, view, hand.nowSeconds)) {
      hand.hand = 'cached'
      this.#out.answer(query)
    } else if (upstreams.isOwnProbe(question.name.bytes, question.name.length)) {
      this.#out.answerFailure(query, ExtendedError.NETWORK_ERROR)
    } else {
      const opened = this.#open(hash, flags, view)
      opened.join(query)
      this.#start(opened)
    }
  }

  /** A query that may wait; undefined when too many do, and it was told so. */
  #admit(desk: Desk, at: number): WaitingQuery | undefined {
    const query = this.#waiting.take()
    if (query === undefined) {
      this.#parts.answering.counters.values[Counter.forwardFull]!++
      this.#seat(this.#waiting.spare, desk, at)
      this.#out.answerFailure(this.#waiting.spare, ExtendedError.NETWORK_ERROR)
      return undefined
    }
    this.#seat(query, desk, at)
    return query
  }

  #seat(query: WaitingQuery, desk: Desk, at: number): void {
    const { taker } = desk
    const start = taker.bodyStart(at)
    query.desk = desk
    query.slot = NONE
    if (desk.sender === undefined) {
      query.slot = at
      query.hold(taker.bytes, start)
    } else {
      query.copy(taker.bytes, start, this.#slot.usedBytes)
      taker.dismiss(at)
    }
  }

  /** What cannot be read gets no response. */
  #drop(desk: Desk, at: number): void {
    if (desk.sender !== undefined) {
      desk.taker.dismiss(at)
      return
    }
    this.#slot.responseLength = 0
    desk.answer(at)
  }

  #open(hash: number, flags: number, view: number): OpenQuestion {
    const question = this.#question
    // Of type DS it is the zone above that knows.
    const zone = this.#routing.zoneOf(question.name, question.type === Type.DS && question.name.labelCount > 0 ? 1 : 0)
    const open = this.#questions.open(hash, question, flags, view)
    open.routing = this.#routing
    open.zone = zone < 0 ? undefined : zone
    open.sinceMs = performance.now()
    return open
  }

  #start(question: OpenQuestion): void {
    const { answering, upstreams } = this.#parts
    answering.counters.values[Counter.forwarded]!++
    if (this.#options.cache.serveStale > 0) this.#lateTimer ??= setTimeout(() => this.#lookForLate(), LATE_LOOK_MS)
    upstreams.ask(question, question.onResult)
  }

  /** Called out of `ask`, or in a turn of the event loop that belongs to upstreams. */
  #finish(question: OpenQuestion, result: UpstreamResult): void {
    const { answering, hand, reply } = this.#parts
    this.#out.enter()
    this.#name.read(question.name, 0, question.nameLength, this.#parts.seed)
    this.#asking = question.routing!
    this.#zone = question.zone ?? NO_FORWARD_ZONE
    const asked = { name: this.#name, type: question.type, isDnssecOk: question.isDnssecOk }
    if (result.kind === 'reply' && isAnswer(result.rcode) && reply.read(result.message, result.length, asked)) {
      if (!this.#questions.isOutdated(question)) this.#keeper.keepReply(this.#name, question, hand.nowSeconds)
      hand.hand = 'reply'
    } else {
      answering.counters.values[Counter.forwardFailed]!++
      this.#fail(question, result)
    }
    this.#out.answerAll(question)
    this.#questions.close(question)
    this.#out.leave()
    this.#out.flushSoon()
  }

  /** What there was will do (RFC 8767 §4), or nobody is to ask again for a moment. */
  #fail(question: OpenQuestion, result: UpstreamResult): void {
    const { hand } = this.#parts
    if (this.#keeper.keepStale(this.#name, question, hand.nowSeconds)) {
      hand.hand = 'stale'
      return
    }
    hand.hand = 'failure'
    hand.extendedError = errorOf(result)
    if (this.#questions.isOutdated(question) || !hasAsked(result)) return
    this.#keeper.keepFailure(this.#name, question, hand.nowSeconds)
  }

  #lookForLate(): void {
    this.#lateTimer = undefined
    const now = performance.now()
    this.#out.enter()
    for (let question = this.#questions.oldest; question !== undefined; question = question.newer) {
      if (now - question.sinceMs < CLIENT_RESPONSE_MS) break
      if (question.isLate) continue
      question.isLate = this.#isKnown(question)
      if (question.isLate) this.#answerStale(question)
    }
    this.#out.leave()
    this.#out.flush()
    if (this.#questions.count > 0) this.#lateTimer = setTimeout(() => this.#lookForLate(), LATE_LOOK_MS)
  }

  #isKnown({ name, nameLength, type, flags, view }: OpenQuestion): boolean {
    const { cache, hand } = this.#parts
    this.#name.read(name, 0, nameLength, this.#parts.seed)
    return cache.reader.findStale(this.#name, type, CLASS_IN, flags, view, hand.nowSeconds)
  }

  #answerStale(question: OpenQuestion): void {
    this.#parts.hand.hand = 'stale'
    this.#out.answerAll(question)
  }

  #flushCache(desk: Desk, at: number): void {
    const { taker } = desk
    const slot = this.#slot.open(taker.bytes, taker.bodyStart(at))
    const length = slot.requestLength
    const isName =
      length > 0 && this.#name.read(slot.bytes, slot.requestStart, slot.requestStart + length, this.#parts.seed)
    const flushed = this.#parts.cache.flush(isName ? this.#name : undefined)
    new DataView(slot.bytes.buffer).setUint32(slot.responseStart, flushed)
    slot.responseLength = 4
    desk.answer(at)
  }
}

function isAnswer(rcode: number): boolean {
  return rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN
}

/** Of what failed before anybody was asked, nothing need be kept so that nobody is asked again. */
function hasAsked(result: UpstreamResult): boolean {
  return result.kind === 'reply' || !UNASKED.includes(result.reason)
}

const UNASKED: readonly FailureReason[] = ['overloaded', 'closed', 'allDown', 'noUpstreams']

function errorOf(result: UpstreamResult): number {
  if (result.kind === 'failed') return result.extendedError
  return isAnswer(result.rcode) ? ExtendedError.INVALID_DATA : ExtendedError.NO_REACHABLE_AUTHORITY
}
