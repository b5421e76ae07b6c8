import { protocolOf } from '../../hooks/hook-query.js'
import { Counter } from '../../metrics/counters.js'
import { clientInSlot } from '../../query/client-in-slot.js'
import type { QueryTap } from '../../query/query-tap.js'
import { MAX_RESPONSE_SIZE } from '../../transport/datagram-transport.js'
import type { Desk } from './desk.js'
import { ForwardSlot, responseRoom } from './forward-slot.js'
import type { ForwarderParts } from './forwarder.js'
import type { OpenQuestion } from './questions.js'
import { sharedSeconds } from './shared-seconds.js'
import type { WaitingQueries, WaitingQuery } from './waiting-queries.js'

/** Answers the queries that wait, by a pipeline of its own that is given what is in hand, and has it go out where they came from. */
export class AnswersOut {
  /** Whoever ends the turn in hand also sends what it has come to. */
  isInTurn = false
  readonly #parts: Pick<ForwarderParts, 'answering' | 'hand' | 'hooks'>
  readonly #waiting: WaitingQueries
  readonly #desks: ReadonlyMap<number, Desk>
  /** Of the query that is being answered. */
  readonly #asked = new ForwardSlot()
  readonly #tap: QueryTap | undefined
  #isFlushDue = false
  #entered = 0

  /** `desks` are those that there are at any time. */
  constructor(
    parts: Pick<ForwarderParts, 'answering' | 'hand' | 'hooks'>,
    waiting: WaitingQueries,
    desks: ReadonlyMap<number, Desk>,
  ) {
    this.#parts = parts
    this.#waiting = waiting
    this.#desks = desks
    parts.answering.pipeline.clients = clientInSlot(() => this.#asked)
    this.#tap = parts.answering.pipeline.tap
    // Its queries come from threads that have asked theirs.
    if (parts.hooks !== undefined) parts.hooks.isAskedAlready = true
  }

  /** Before tables are read. An upstream may have a result while its question is still being asked. */
  enter(): void {
    if (this.#entered++ > 0) return
    this.#parts.hand.nowSeconds = sharedSeconds()
    this.#parts.answering.enter()
  }

  leave(): void {
    if (--this.#entered === 0) this.#parts.answering.leave()
  }

  /** Those who wait for a question, with what is in hand. */
  answerAll(question: OpenQuestion): void {
    const { answering, hand } = this.#parts
    for (let query = question.takeAll(); query !== undefined; ) {
      const { next } = query
      if (hand.hand === 'stale') answering.counters.values[Counter.cacheStale]!++
      this.answer(query, question.sinceMs)
      query = next
    }
  }

  /** One, with a failure. */
  answerFailure(query: WaitingQuery, extendedError: number): void {
    const { hand } = this.#parts
    hand.hand = 'failure'
    hand.extendedError = extendedError
    this.answer(query)
  }

  /** One, with what is in hand. It has waited since `sinceMs`, or the first one that asked the same has; NaN where that is not known. */
  answer(query: WaitingQuery, sinceMs = Number.NaN): void {
    const desk = query.desk!
    const slot = this.#asked.open(query.bytes, query.start)
    if (desk.sender === undefined) {
      const room = responseRoom(desk.taker.bodyBytes)
      slot.responseLength = Math.max(0, this.#write(slot, slot.bytes, slot.responseStart, room, sinceMs))
      desk.answer(query.slot)
    } else {
      const { sender } = desk
      sender.route(slot.bytes, slot.routeStart)
      const length = this.#write(slot, sender.bytes, sender.start, MAX_RESPONSE_SIZE, sinceMs)
      if (length > 0) sender.add(length)
    }
    this.#waiting.give(query)
  }

  #write(slot: ForwardSlot, target: Uint8Array, start: number, capacity: number, sinceMs: number): number {
    const { answering, hooks } = this.#parts
    const { pipeline } = answering
    const { bytes, requestStart, requestLength } = slot
    this.#parts.hand.aim(slot)
    const protocol = protocolOf(slot.protocol)
    const { meter } = answering
    if (meter !== undefined && protocol !== undefined) meter.protocol = protocol
    meter?.beginLate(sinceMs)
    if (hooks !== undefined) hooks.origin.protocol = protocol
    // What the host asks itself is shown to nobody.
    pipeline.tap = protocol === undefined ? undefined : this.#tap
    if (protocol === 'udp') {
      return pipeline.answerDatagramLate(bytes, requestStart, requestLength, target, start, capacity)
    }
    const isEncrypted = protocol === 'dot' || protocol === 'doh'
    return pipeline.answerStreamLate(bytes, requestStart, requestLength, target, start, capacity, isEncrypted)
  }

  /** At the end of the turn of the event loop: what all the replies in it have come to goes out together. */
  flushSoon(): void {
    if (this.#isFlushDue || this.isInTurn) return
    this.#isFlushDue = true
    setImmediate(() => {
      this.#isFlushDue = false
      this.flush()
    })
  }

  flush(): void {
    const { counters, meter } = this.#parts.answering
    meter?.flush()
    for (const desk of this.#desks.values()) counters.values[Counter.sendFailures]! += desk.flush()
  }
}
