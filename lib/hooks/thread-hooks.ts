import type { HandoffHandle } from '../handoff/layout.js'
import type { ClientAddresses, QueryContext } from '../query/query-context.js'
import type { HookDecision, QueryHooks } from '../query/query-hooks.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { MAX_MESSAGE_SIZE } from '../wire/constants.js'
import { areBackends, type HealthOf } from './backends.js'
import { CalledHooks } from './called-hooks.js'
import type { FaultReports } from './fault-reports.js'
import type { Hooks, QueryHook } from './hooks.js'
import { ModuleGuard } from './module-guard.js'
import { ParkedHooks } from './parked-hooks.js'
import { QueryOrigin } from './query-origin.js'
import { ToldResponses } from './told-responses.js'

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

/** The hooks of one thread: those that can be called here are, and for the others the query is parked. */
export class ThreadHooks implements QueryHooks {
  readonly selects: boolean
  /** No RRset has more records than its slot, or the largest message, has room for. */
  readonly chosen = new Uint16Array(MAX_MESSAGE_SIZE)
  readonly origin: QueryOrigin
  /** The queries in hand have been let through before: they come back from elsewhere. */
  isAskedAlready = false
  /** Where there are functions to wait for. */
  readonly parked: ParkedHooks | undefined
  readonly #called: CalledHooks
  readonly #told: ToldResponses | undefined
  /** Whether `select` was called for the query in hand, about which RRset, and what it said. */
  #hasSelected = false
  #selectedBytes: Uint8Array | undefined
  #selectedStart = 0
  #selected = 0

  constructor(options: ThreadHooksOptions) {
    const { calls, guard, parking, healthOf, counters, faults } = options
    const parks = (hook: QueryHook) => parking?.parks.includes(hook) ?? false
    const origin = new QueryOrigin(options.views)
    this.origin = origin
    this.#called = new CalledHooks({
      hooks: calls,
      origin,
      guard: guard && new ModuleGuard(guard.memory, guard.thread),
      healthOf,
      counters,
      faults,
    })
    this.selects = this.#called.hasSelect || parks('selectBackend')
    if (parking === undefined) return
    if (parks('onQuery') || parks('selectBackend')) {
      this.parked = new ParkedHooks({
        queries: parking.queries,
        parksQuery: parks('onQuery'),
        parksSelect: parks('selectBackend'),
        timeoutMs: parking.timeoutMs,
        origin,
        healthOf,
        counters,
      })
    }
    if (parks('onResponse')) this.#told = new ToldResponses(parking.responses, origin, counters)
  }

  begin(i: number, clients: ClientAddresses): void {
    this.origin.begin(i, clients)
    this.#hasSelected = false
  }

  onQuery(context: QueryContext): HookDecision {
    const { parked } = this
    if (this.isAskedAlready) return 'continue'
    if (parked?.isResumed) return parked.resumedQuery()
    if (this.#called.hasOnQuery) return this.#called.onQuery(context)
    return parked === undefined ? 'continue' : parked.onQuery(context)
  }

  writeAnswer(context: QueryContext): void {
    if (this.parked?.isResumed) this.parked.writeAnswer(context)
    else this.#called.writeAnswer(context)
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
    const { parked } = this
    const rrset = cursorOf(context)
    if (parked?.hasVerdictOnBackends) return parked.resumedSelect(rrset, this.chosen)
    if (this.#called.hasSelect) return this.#called.select(context, rrset, this.chosen)
    return parked?.parksSelect ? parked.select(context, rrset) : 0
  }

  onResponse(context: QueryContext, length: number): void {
    if (this.#called.hasOnResponse) this.#called.onResponse(context, length)
    else this.#told?.tell(context, length)
  }
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
