import { saveEnds } from '../query/client-in-slot.js'
import type { ClientAddresses, QueryContext } from '../query/query-context.js'
import type { Protocol } from '../transport/datagram-transport.js'
import { hookQuery, protocolCode } from './hook-query.js'
import type { HookSlot } from './hook-slot.js'
import type { HookQuery } from './hooks.js'

/** Writes down where the response to request `i` of a batch is to go. */
export interface Routes {
  saveRoute(i: number, target: Uint8Array, at: number): void
}

/** From whom the query in hand came, over what, and where its response goes, as hooks are told it. One for each thread. */
export class QueryOrigin {
  /** Over what the queries in hand came. */
  protocol: Protocol | undefined
  /** Where responses go; without, whoever has the queries remembers. */
  routes: Routes | undefined
  /** Whether somebody is shown where queries came from. */
  isTapped = false
  /** The names of views, by their numbers. */
  readonly #views: readonly string[]
  readonly #address = new Uint8Array(16)
  #i = 0
  #clients: ClientAddresses | undefined

  constructor(views: readonly string[]) {
    this.#views = views
  }

  /** The query to come is number `i` of its batch. */
  begin(i: number, clients: ClientAddresses): void {
    this.#i = i
    this.#clients = clients
  }

  /** What a hook is called with. */
  query({ question, view }: QueryContext): HookQuery {
    return hookQuery(question.name.bytes, 0, question.type, this.#client(), this.#views[view]!, this.protocol)
  }

  /** The same for the host, who reads it from a slot. */
  writeTo(slot: HookSlot, context: QueryContext): void {
    slot.protocol = protocolCode(this.protocol)
    slot.view = context.view
    slot.client = this.#client()
  }

  saveRoute(slot: HookSlot): void {
    this.routes?.saveRoute(this.#i, slot.bytes, slot.routeStart)
    if (this.isTapped) saveEnds(this.#clients!, this.#i, slot.bytes, slot.endsStart)
  }

  #client(): Uint8Array {
    return this.#address.subarray(0, this.#clients!.clientAddress(this.#i, this.#address))
  }
}
