import type { ClientAddresses, QueryContext } from './query-context.js'

/** Whoever is shown queries with their responses. Called for one after the other; throws nothing, and waits for nobody. */
export interface QueryTap {
  /**
   * The query in `context` has come to a response of `length` octets, from `start` of `response` on; 0: it gets none. Not called for one that
   * was parked, until that has its response; then `isLate`. Its client is number `i` of `clients`.
   */
  answered(
    context: QueryContext,
    clients: ClientAddresses,
    i: number,
    response: Uint8Array,
    start: number,
    length: number,
    isLate: boolean,
  ): void
}
