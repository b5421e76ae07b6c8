import type { FoldedName } from '../wire/folded-name.js'
import type { ClientAddresses, QueryContext } from './query-context.js'
import type { Zone } from './zone.js'

/** Whoever has answers to what is in none of our zones. Its methods are called for one query after the other, and throw nothing. */
export interface QueryForwarding {
  /** Announces number `i` of a batch, which others are to answer, or none of which they will have to; so that `prefetch` can read ahead. */
  expect(i: number, context: QueryContext): void
  expectNothing(i: number): void
  prefetch(count: number): void
  /** The query to come is number `i` of its batch. Says in its `forwardFlags` whether its client may have queries forwarded (RA). */
  begin(context: QueryContext, i: number, clients: ClientAddresses): void
  /** Whether a name is for others to answer, `zone` being the longest of ours that holds it. */
  takes(name: FoldedName, type: number, zone: Zone | undefined): boolean
  /** Writes the answer, refuses, or parks the query. Called again when that was too large for the client. */
  answer(context: QueryContext): void
  /**
   * The same for a name to which CNAMEs of ours lead, which are in the response already; the name stands at `offset` of it. Leaves the
   * response as it is where the client may not have queries forwarded.
   */
  answerTarget(context: QueryContext, target: FoldedName, offset: number): void
}
