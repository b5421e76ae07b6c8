import { HandoffOwner } from '../handoff/handoff-owner.js'
import { type HandoffHandle, NONE } from '../handoff/layout.js'
import { Counter } from '../metrics/counters.js'
import type { QueryContext } from '../query/query-context.js'
import { HEADER_SIZE } from '../wire/constants.js'
import { HookSlot, SlotKind } from './hook-slot.js'
import type { QueryOrigin } from './query-origin.js'

/** Responses of which the host is told later: nobody waits for what comes of it. One for each thread. */
export class ToldResponses {
  readonly #owner: HandoffOwner
  readonly #slot: HookSlot
  readonly #origin: QueryOrigin
  readonly #counters: Uint32Array

  /** `counters` are indexed by `Counter`. */
  constructor(responses: HandoffHandle, origin: QueryOrigin, counters: Uint32Array) {
    this.#owner = new HandoffOwner(responses)
    this.#slot = new HookSlot(this.#owner.bytes, this.#owner.bodyBytes)
    this.#origin = origin
    this.#counters = counters
  }

  tell(context: QueryContext, length: number): void {
    const { question, reader, response, rcode, isTruncated } = context
    const claimed = this.#owner.claim()
    if (claimed === NONE) {
      this.#counters[Counter.hookResponsesLost]!++
      return
    }
    const slot = this.#slot.open(this.#owner.bodyStart(claimed))
    slot.kind = SlotKind.response
    slot.type = question.type
    this.#origin.writeTo(slot, context)
    slot.setRequest(reader.bytes, reader.start, HEADER_SIZE + question.length)
    slot.setSummary(rcode, isTruncated, response.answerCount, length)
    this.#owner.park(claimed, Number.POSITIVE_INFINITY)
  }
}
