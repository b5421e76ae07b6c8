import { HandoffOwner } from '../handoff/handoff-owner.js'
import { type HandoffHandle, LATER, NONE } from '../handoff/layout.js'
import { Counter } from '../metrics/counters.js'
import type { ClientAddresses, QueryContext } from '../query/query-context.js'
import type { HookDecision, QueryHooks } from '../query/query-hooks.js'
import type { WireRRset } from '../records/wire-rrset.js'
import type { Protocol } from '../transport/datagram-transport.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE } from '../wire/constants.js'
import { areBackends, fingerprint, type HealthOf, readBackends, writeBackends } from './backends.js'
import type { FaultReports } from './fault-reports.js'
import { writeHookAnswer } from './hook-answer.js'
import { callOnQuery, callOnResponse, callSelectBackend, Outcome } from './hook-calls.js'
import { hookQuery, hookResponse, protocolCode } from './hook-query.js'
import { HookSlot, SlotKind } from './hook-slot.js'
import type { HookQuery, Hooks, QueryHook } from './hooks.js'
import { ModuleGuard } from './module-guard.js'

/** What a thread is told of hooks. A plain object: it is posted to the thread. */
export interface ParkingTask {
  /** The hooks that are functions of the main thread. */
  readonly parks: readonly QueryHook[]
  /** For queries that wait for a verdict. */
  readonly queries: HandoffHandle
  /** For responses that are only told of. */
  readonly responses: HandoffHandle
  readonly timeoutMs: number
}

export interface ThreadHooksOptions {
  /** Hooks that can be called here. */
  readonly calls: Hooks
  readonly guard?: { readonly memory: SharedArrayBuffer; readonly thread: number }
  readonly parking?: ParkingTask
  readonly healthOf?: HealthOf
  /** The names of views, by their numbers. */
  readonly views: readonly string[]
  /** Indexed by `Counter`. */
  readonly counters: Uint32Array
  readonly faults: FaultReports
}

/** Writes down where the response to request `i` of a batch is to go. */
export interface Routes {
  saveRoute(i: number, target: Uint8Array, at: number): void
}

/** The hooks of one thread: those that can be called here are, and for the others the query is parked. */
export class ThreadHooks implements QueryHooks {
  readonly selects: boolean
  /** No RRset has more records than its slot, or the largest message, has room for. */
  readonly chosen = new Uint16Array(MAX_MESSAGE_SIZE)
  /** Over what the queries in hand came. */
  protocol: Protocol | undefined
  /** Where responses go; without, whoever has the queries remembers. */
  routes: Routes | undefined
  /** The queries in hand have been let through before: they come back from elsewhere. */
  isAskedAlready = false
  /** The slot of the query that was parked last. */
  parkedSlot = NONE
  /** The ring of parked queries, where there are functions to wait for. */
  readonly owner: HandoffOwner | undefined
  readonly #options: ThreadHooksOptions
  readonly #guard: ModuleGuard | undefined
  readonly #parksQuery: boolean
  readonly #parksSelect: boolean
  readonly #responses: HandoffOwner | undefined
  readonly #slot: HookSlot | undefined
  readonly #responseSlot: HookSlot | undefined
  /** For what is called on the spot. */
  readonly #scratch = new Uint8Array(SCRATCH_BYTES)
  readonly #address = new Uint8Array(16)
  #i = 0
  #clients: ClientAddresses | undefined
  /** The slot whose query is being answered once more; NONE while queries come from a client. */
  #resumed = NONE
  /** Its slot is still ours to park again: it was answered in time. */
  #isInTime = false
  /** Whether `select` was called for the query in hand, about which RRset, and what it said. */
  #hasSelected = false
  #selectedBytes: Uint8Array | undefined
  #selectedStart = 0
  #selected = 0

  constructor(options: ThreadHooksOptions) {
    const { calls, guard, parking } = options
    const parks = (hook: QueryHook) => parking?.parks.includes(hook) ?? false
    this.#options = options
    this.#guard = guard && new ModuleGuard(guard.memory, guard.thread)
    this.#parksQuery = parks('onQuery')
    this.#parksSelect = parks('selectBackend')
    this.selects = calls.selectBackend !== undefined || this.#parksSelect
    if (parking === undefined) return
    if (this.#parksQuery || this.#parksSelect) {
      this.owner = new HandoffOwner(parking.queries)
      this.#slot = new HookSlot(this.owner.bytes, this.owner.bodyBytes)
    }
    if (parks('onResponse')) {
      this.#responses = new HandoffOwner(parking.responses)
      this.#responseSlot = new HookSlot(this.#responses.bytes, this.#responses.bodyBytes)
    }
  }

  begin(i: number, clients: ClientAddresses): void {
    this.#i = i
    this.#clients = clients
    this.#hasSelected = false
  }

  /** The next query to begin is that of a slot, which was answered, or is overdue. */
  resume(slot: number, isOverdue: boolean): HookSlot {
    this.#resumed = slot
    this.#isInTime = !isOverdue
    if (isOverdue) this.#options.counters[Counter.hookTimeouts]!++
    return this.#slot!.open(this.owner!.bodyStart(slot))
  }

  routeStart(slot: number): number {
    return this.#slot!.open(this.owner!.bodyStart(slot)).routeStart
  }

  /** The query of a slot has been answered, or parked again. */
  endResume(): void {
    this.#resumed = NONE
  }

  onQuery(context: QueryContext): HookDecision {
    if (this.isAskedAlready) return 'continue'
    if (this.#resumed !== NONE) return this.#resumedQuery()
    const { onQuery } = this.#options.calls
    if (onQuery !== undefined) return this.#callOnQuery(onQuery, context)
    if (!this.#parksQuery) return 'continue'
    return this.#park(context, SlotKind.query) ? 'later' : 'continue'
  }

  writeAnswer(context: QueryContext): void {
    if (this.#resumed === NONE) writeHookAnswer(context, this.#scratch, 0)
    else writeHookAnswer(context, this.#slot!.bytes, this.#slot!.dataStart)
  }

  select(context: QueryContext): number {
    const { index } = context.settings
    if (!areBackends(index.type) || index.count < 2) return 0
    const { bytes, wireStart } = index
    if (!this.#hasSelected) {
      this.#hasSelected = true
      this.#selectedBytes = bytes
      this.#selectedStart = wireStart
      this.#selected = this.#select(context)
    }
    // In one epoch, what stands in the same place is the same; of an RRset that has come instead, nothing was chosen.
    return bytes === this.#selectedBytes && wireStart === this.#selectedStart ? this.#selected : 0
  }

  #select(context: QueryContext): number {
    const rrset = cursorOf(context)
    if (this.#resumed !== NONE && (!this.#isInTime || this.#slot!.kind === SlotKind.select)) {
      return this.#isInTime ? this.#resumedSelect(rrset) : 0
    }
    const { selectBackend } = this.#options.calls
    if (selectBackend !== undefined) return this.#callSelect(selectBackend, context, rrset)
    if (!this.#parksSelect) return 0
    return this.#park(context, SlotKind.select, rrset) ? LATER : 0
  }

  onResponse(context: QueryContext, length: number): void {
    const { onResponse } = this.#options.calls
    if (onResponse !== undefined) {
      this.#call('onResponse', () => {
        const { rcode, isTruncated, response } = context
        callOnResponse(onResponse, this.#query(context), hookResponse(rcode, isTruncated, response.answerCount, length))
      })
    } else if (this.#responses !== undefined) {
      this.#tell(this.#responses, this.#responseSlot!, context, length)
    }
  }

  #resumedQuery(): HookDecision {
    const slot = this.#slot!
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

  /** Of an RRset that has changed since, the host has chosen nothing. */
  #resumedSelect(rrset: WireRRset): number {
    const slot = this.#slot!
    if (slot.outcome !== Outcome.chosen) {
      this.#options.counters[Counter.hookFaults]!++
      return 0
    }
    if (slot.type !== rrset.type || slot.fingerprint !== fingerprintOf(rrset)) return 0
    for (let i = 0; i < slot.count; i++) this.chosen[i] = slot.indexAt(i)
    return slot.count
  }

  #callOnQuery(hook: NonNullable<Hooks['onQuery']>, context: QueryContext): HookDecision {
    const scratch = this.#scratch
    let outcome: Outcome = Outcome.continue
    this.#call('onQuery', () => {
      outcome = callOnQuery(hook, this.#query(context), context.question.type, scratch, 0, scratch.length)
    })
    return DECISIONS[outcome]!
  }

  #callSelect(hook: NonNullable<Hooks['selectBackend']>, context: QueryContext, rrset: WireRRset): number {
    const scratch = this.#scratch
    let count = 0
    if (writeBackends(rrset, this.#options.healthOf, scratch, 0, scratch.length) === 0) return this.#overflow()
    this.#call('selectBackend', () => {
      const backends = readBackends(rrset.type, rrset.count, scratch, 0)
      count = callSelectBackend(hook, this.#query(context), backends, this.chosen)
    })
    return count
  }

  #overflow(): 0 {
    this.#options.counters[Counter.hookOverflows]!++
    return 0
  }

  /** Whatever the hook throws stays here. */
  #call(hook: QueryHook, call: () => void): void {
    if (this.#guard !== undefined && !this.#guard.enter()) return
    try {
      call()
    } catch (error) {
      this.#options.counters[Counter.hookFaults]!++
      this.#options.faults.add(hook, error)
    }
    this.#guard?.leave()
  }

  /** False when there is no slot, or no room in it: the query is answered as if there were no hook. */
  #park(context: QueryContext, kind: number, rrset?: WireRRset): boolean {
    const owner = this.owner!
    const isParkedAgain = this.#resumed !== NONE
    const claimed = isParkedAgain ? this.#resumed : owner.claim()
    if (claimed === NONE || !this.#fill(claimed, context, kind, rrset, isParkedAgain)) {
      this.#overflow()
      return false
    }
    const deadline = isParkedAgain ? owner.deadlineOf(claimed) : performance.now() + this.#options.parking!.timeoutMs
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
    const slot = this.#slot!.open(this.owner!.bodyStart(at))
    const { reader, question } = context
    slot.kind = kind
    slot.outcome = Outcome.failed
    slot.type = question.type
    if (!isParkedAgain) {
      slot.protocol = protocolCode(this.protocol)
      slot.view = context.view
      slot.client = this.#client()
      this.routes?.saveRoute(this.#i, slot.bytes, slot.routeStart)
      if (!slot.setRequest(reader.bytes, reader.start, reader.end - reader.start)) return false
    }
    if (rrset === undefined) return true
    slot.type = rrset.type
    slot.count = rrset.count
    slot.fingerprint = fingerprintOf(rrset)
    slot.dataLength = writeBackends(rrset, this.#options.healthOf, slot.bytes, slot.dataStart, slot.end)
    return slot.dataLength > 0
  }

  /** Nobody waits for what comes of it. */
  #tell(owner: HandoffOwner, slot: HookSlot, context: QueryContext, length: number): void {
    const { question, reader, response, rcode, isTruncated } = context
    const claimed = owner.claim()
    if (claimed === NONE) {
      this.#options.counters[Counter.hookResponsesLost]!++
      return
    }
    slot.open(owner.bodyStart(claimed))
    slot.kind = SlotKind.response
    slot.type = question.type
    slot.protocol = protocolCode(this.protocol)
    slot.view = context.view
    slot.client = this.#client()
    slot.setRequest(reader.bytes, reader.start, HEADER_SIZE + question.length)
    slot.setSummary(rcode, isTruncated, response.answerCount, length)
    owner.park(claimed, Number.POSITIVE_INFINITY)
  }

  #query({ question, view }: QueryContext): HookQuery {
    const viewName = this.#options.views[view]!
    return hookQuery(question.name.bytes, 0, question.type, this.#client(), viewName, this.protocol)
  }

  #client(): Uint8Array {
    return this.#address.subarray(0, this.#clients!.clientAddress(this.#i, this.#address))
  }
}

/** Room for the backends of any RRset of some thousand addresses; of a larger one, nobody chooses. */
const SCRATCH_BYTES = 64 * 1024

const DECISIONS: Readonly<Record<number, HookDecision>> = {
  [Outcome.continue]: 'continue',
  [Outcome.drop]: 'drop',
  [Outcome.refuse]: 'refuse',
  [Outcome.answer]: 'answer',
}

/** The RRset under the index' cursor, with its side data, which the look-up by type leaves out. */
function cursorOf({ settings: { index } }: QueryContext): WireRRset {
  const wanted = index.type
  for (let i = 0; i < index.rrsetCount; i++) {
    index.openRRset(i)
    if (index.type === wanted) break
  }
  const { type, ttl, count, bytes, wireStart, wireLength, sideStart, sideLength } = index
  return { type, ttl, count, bytes, start: wireStart, length: wireLength, side: bytes, sideStart, sideLength }
}

function fingerprintOf({ bytes, start, length }: WireRRset): number {
  return fingerprint(bytes, start, length)
}
