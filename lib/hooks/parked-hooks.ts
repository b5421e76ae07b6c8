import { HandoffOwner } from '../handoff/handoff-owner.js'
import { type HandoffHandle, LATER, NONE } from '../handoff/layout.js'
import { Counter } from '../metrics/counters.js'
import type { QueryContext } from '../query/query-context.js'
import type { HookDecision } from '../query/query-hooks.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { fingerprint, type HealthOf, writeBackends } from './backends.js'
import { writeHookAnswer } from './hook-answer.js'
import { Outcome } from './hook-calls.js'
import { HookSlot, SlotKind } from './hook-slot.js'
import type { QueryOrigin } from './query-origin.js'

export interface ParkedHooksOptions {
  readonly queries: HandoffHandle
  readonly parksQuery: boolean
  readonly parksSelect: boolean
  readonly timeoutMs: number
  readonly origin: QueryOrigin
  readonly healthOf: HealthOf | undefined
  /** Indexed by `Counter`. */
  readonly counters: Uint32Array
}

/** The hooks that the host calls on its own thread: a query is parked for them, and answered once more when they have spoken. One for each thread. */
export class ParkedHooks {
  readonly parksSelect: boolean
  /** The ring of parked queries. */
  readonly owner: HandoffOwner
  readonly origin: QueryOrigin
  /** The slot of the query that was parked last. */
  parkedSlot = NONE
  readonly #options: ParkedHooksOptions
  readonly #slot: HookSlot
  /** The slot whose query is being answered once more; NONE while queries come from a client. */
  #resumed = NONE
  /** Its slot is still ours to park again: it was answered in time. */
  #isInTime = false

  constructor(options: ParkedHooksOptions) {
    this.#options = options
    this.parksSelect = options.parksSelect
    this.origin = options.origin
    this.owner = new HandoffOwner(options.queries)
    this.#slot = new HookSlot(this.owner.bytes, this.owner.bodyBytes)
  }

  get isResumed(): boolean {
    return this.#resumed !== NONE
  }

  /** Whether the verdict at hand is the one on which backends to answer with. None is, for a query that was given up. */
  get hasVerdictOnBackends(): boolean {
    return this.isResumed && (!this.#isInTime || this.#slot.kind === SlotKind.select)
  }

  /** The next query to begin is that of a slot, which was answered, or is overdue. */
  resume(slot: number, isOverdue: boolean): HookSlot {
    this.#resumed = slot
    this.#isInTime = !isOverdue
    if (isOverdue) this.#options.counters[Counter.hookTimeouts]!++
    return this.#slot.open(this.owner.bodyStart(slot))
  }

  routeStart(slot: number): number {
    return this.#slot.open(this.owner.bodyStart(slot)).routeStart
  }

  /** When the query of a slot came, by `performance.now()`; not finite where it was given up. */
  parkedSince(slot: number): number {
    return this.owner.deadlineOf(slot) - this.#options.timeoutMs
  }

  /** The query of a slot has been answered, or parked again. */
  endResume(): void {
    this.#resumed = NONE
  }

  onQuery(context: QueryContext): HookDecision {
    return this.#options.parksQuery && this.#park(context, SlotKind.query) ? 'later' : 'continue'
  }

  resumedQuery(): HookDecision {
    const slot = this.#slot
    if (!this.#isInTime || slot.kind !== SlotKind.query) return 'continue'
    switch (slot.outcome) {
      case Outcome.drop:
        return 'drop'
      case Outcome.refuse:
        return 'refuse'
      case Outcome.answer:
        return 'answer'
      case Outcome.failed:
        this.#options.counters[Counter.hookFaults]!++
    }
    return 'continue'
  }

  /** Writes what the host has answered to the query that was resumed. */
  writeAnswer(context: QueryContext): void {
    writeHookAnswer(context, this.#slot.bytes, this.#slot.dataStart)
  }

  /** Returns LATER, or 0 where nobody will choose. */
  select(context: QueryContext, rrset: WireRRset): number {
    return this.#park(context, SlotKind.select, rrset) ? LATER : 0
  }

  /** Writes to `chosen` what the host has chosen, and returns how many; of an RRset that has changed since, it has chosen nothing. */
  resumedSelect(rrset: WireRRset, chosen: Uint16Array): number {
    const slot = this.#slot
    if (!this.#isInTime) return 0
    if (slot.outcome !== Outcome.chosen) {
      this.#options.counters[Counter.hookFaults]!++
      return 0
    }
    if (slot.type !== rrset.type || slot.fingerprint !== fingerprintOf(rrset)) return 0
    for (let i = 0; i < slot.count; i++) chosen[i] = slot.indexAt(i)
    return slot.count
  }

  /** False when there is no slot, or no room in it: the query is answered as if there were no hook. */
  #park(context: QueryContext, kind: number, rrset?: WireRRset): boolean {
    const { owner } = this
    const isParkedAgain = this.isResumed
    const claimed = isParkedAgain ? this.#resumed : owner.claim()
    if (claimed === NONE || !this.#fill(claimed, context, kind, rrset, isParkedAgain)) {
      this.#options.counters[Counter.hookOverflows]!++
      return false
    }
    const deadline = isParkedAgain ? owner.deadlineOf(claimed) : performance.now() + this.#options.timeoutMs
    owner.park(claimed, deadline)
    this.parkedSlot = claimed
    return true
  }

  #fill(
    at: number,
    context: QueryContext,
    kind: number,
    rrset: WireRRset | undefined,
    isParkedAgain: boolean,
  ): boolean {
    const slot = this.#slot.open(this.owner.bodyStart(at))
    const { reader, question } = context
    slot.kind = kind
    slot.outcome = Outcome.failed
    slot.type = question.type
    if (!isParkedAgain) {
      this.origin.writeTo(slot, context)
      this.origin.saveRoute(slot)
      if (!slot.setRequest(reader.bytes, reader.start, reader.end - reader.start)) return false
    }
    if (rrset === undefined) return true
    slot.type = rrset.type
    slot.count = rrset.count
    slot.fingerprint = fingerprintOf(rrset)
    slot.dataLength = writeBackends(rrset, this.#options.healthOf, slot.bytes, slot.dataStart, slot.end)
    return slot.dataLength > 0
  }
}

function fingerprintOf({ bytes, start, length }: WireRRset): number {
  return fingerprint(bytes, start, length)
}
