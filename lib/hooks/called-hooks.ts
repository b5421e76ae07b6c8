import { Counter } from '../metrics/counters.js'
import type { QueryContext } from '../query/query-context.js'
import type { HookDecision } from '../query/query-hooks.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { type HealthOf, readBackends, writeBackends } from './backends.js'
import type { FaultReports } from './fault-reports.js'
import { writeHookAnswer } from './hook-answer.js'
import { callOnQuery, callOnResponse, callSelectBackend, Outcome } from './hook-calls.js'
import { hookResponse } from './hook-query.js'
import type { Hooks, QueryHook } from './hooks.js'
import type { ModuleGuard } from './module-guard.js'
import type { QueryOrigin } from './query-origin.js'

export interface CalledHooksOptions {
  readonly hooks: Hooks
  readonly origin: QueryOrigin
  readonly guard: ModuleGuard | undefined
  readonly healthOf: HealthOf | undefined
  /** Indexed by `Counter`. */
  readonly counters: Uint32Array
  readonly faults: FaultReports
}

/** The hooks that are called on the spot. Whatever they throw stays here. One for each thread. */
export class CalledHooks {
  readonly hasOnQuery: boolean
  readonly hasSelect: boolean
  readonly hasOnResponse: boolean
  readonly #options: CalledHooksOptions
  readonly #scratch = new Uint8Array(SCRATCH_BYTES)

  constructor(options: CalledHooksOptions) {
    const { onQuery, selectBackend, onResponse } = options.hooks
    this.#options = options
    this.hasOnQuery = onQuery !== undefined
    this.hasSelect = selectBackend !== undefined
    this.hasOnResponse = onResponse !== undefined
  }

  onQuery(context: QueryContext): HookDecision {
    const { hooks, origin } = this.#options
    const scratch = this.#scratch
    let outcome: Outcome = Outcome.continue
    this.#call('onQuery', () => {
      const query = origin.query(context)
      outcome = callOnQuery(hooks.onQuery!, query, context.question.type, scratch, 0, scratch.length)
    })
    return DECISIONS[outcome]!
  }

  /** Writes what `onQuery` has answered. */
  writeAnswer(context: QueryContext): void {
    writeHookAnswer(context, this.#scratch, 0)
  }

  /** Writes the numbers of records to `chosen`; returns how many, or 0 where nobody has chosen. */
  select(context: QueryContext, rrset: WireRRset, chosen: Uint16Array): number {
    const { hooks, origin, healthOf, counters } = this.#options
    const scratch = this.#scratch
    if (writeBackends(rrset, healthOf, scratch, 0, scratch.length) === 0) {
      counters[Counter.hookOverflows]!++
      return 0
    }
    let count = 0
    this.#call('selectBackend', () => {
      const backends = readBackends(rrset.type, rrset.count, scratch, 0)
      count = callSelectBackend(hooks.selectBackend!, origin.query(context), backends, chosen)
    })
    return count
  }

  onResponse(context: QueryContext, length: number): void {
    const { hooks, origin } = this.#options
    this.#call('onResponse', () => {
      const { rcode, isTruncated, response } = context
      const summary = hookResponse(rcode, isTruncated, response.answerCount, length)
      callOnResponse(hooks.onResponse!, origin.query(context), summary)
    })
  }

  #call(hook: QueryHook, call: () => void): void {
    const { guard, counters, faults } = this.#options
    if (guard !== undefined && !guard.enter()) return
    try {
      call()
    } catch (error) {
      counters[Counter.hookFaults]!++
      faults.add(hook, error)
    }
    guard?.leave()
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
