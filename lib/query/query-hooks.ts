import type { ClientAddresses, QueryContext } from './query-context.js'

/** What becomes of a query before it is looked up. `later`: somebody else decides, and the query is answered again then. */
export type HookDecision = 'continue' | 'drop' | 'refuse' | 'answer' | 'later'

/** Whoever has a say in answers: the hooks of a host. Its methods are called for one query after the other, and throw nothing. */
export interface QueryHooks {
  /** The query to come is number `i` of its batch. */
  begin(i: number, clients: ClientAddresses): void
  /** Called once for a query, and once more after `later`. */
  onQuery(context: QueryContext): HookDecision
  /** After `answer`: writes it. Called again when that was too large for the client. */
  writeAnswer(context: QueryContext): void
  /** Whether backends are chosen at all. */
  readonly selects: boolean
  /**
   * Chooses among the records of the RRset under the index' cursor. Returns how many of `chosen` it has set; 0 to have them answered as
   * ever, or LATER. Called again when the response was too large for the client, it says the same.
   */
  select(context: QueryContext): number
  /** Numbers of records, in the order to answer in. */
  readonly chosen: Uint16Array
  /** The response has been written, with `length` octets. */
  onResponse(context: QueryContext, length: number): void
}
