import type { ClientAddresses, QueryContext } from './query-context.js'
import type { Zone } from './zone.js'

/** Whoever has answers to what is in none of our zones. Its methods are called for one query after the other, and throw nothing. */
export interface QueryForwarding {
  /** The query to come is number `i` of its batch. Says in its `forwardFlags` whether its client may have queries forwarded (RA). */
  begin(context: QueryContext, i: number, clients: ClientAddresses): void
  /** Whether it is for others to answer, `zone` being the longest of ours that holds its name. */
  takes(context: QueryContext, zone: Zone | undefined): boolean
  /** Writes the answer, refuses, or parks the query. Called again when that was too large for the client. */
  answer(context: QueryContext): void
}
