import type { QueryHook } from './hooks.js'

/** A hook that fails may fail for each query: of each, this often is told of it. The counters have all. */
const REPORT_INTERVAL_MS = 10_000

/** Passes on what goes wrong with hooks, now and then. */
export class FaultReports {
  readonly #report: (hook: QueryHook, error: unknown) => void
  readonly #lastMs = new Map<QueryHook, number>()

  constructor(report: (hook: QueryHook, error: unknown) => void) {
    this.#report = report
  }

  add(hook: QueryHook, error: unknown): void {
    const now = performance.now()
    if (now - (this.#lastMs.get(hook) ?? Number.NEGATIVE_INFINITY) < REPORT_INTERVAL_MS) return
    this.#lastMs.set(hook, now)
    this.#report(hook, error)
  }
}
