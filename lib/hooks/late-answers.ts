import { LATER } from '../handoff/layout.js'
import { Counter, type ThreadCounters } from '../metrics/counters.js'
import { clientInSlot } from '../query/client-in-slot.js'
import type { QueryPipeline } from '../query/pipeline.js'
import type { ClientAddresses } from '../query/query-context.js'
import type { QueryMeter } from '../query/query-meter.js'
import { type Protocol, ROUTE_SIZE } from '../transport/datagram-transport.js'
import { LateRing } from '../transport/late-ring.js'
import { protocolOf } from './hook-query.js'
import type { HookSlot } from './hook-slot.js'
import type { ParkedHooks } from './parked-hooks.js'
import type { Routes } from './query-origin.js'

/** What a thread answers with. */
export interface LateAnswering {
  /** Before and after the tables are read. */
  enter(): void
  leave(): void
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
  /** Left out where nothing is measured. */
  readonly meter?: QueryMeter
}

/** Whoever may park a query once more, for reasons of its own, when its hooks have said all they have to say. */
export interface FurtherParking {
  protocol: Protocol | undefined
  routes: Routes | undefined
  /** Whether the query that was begun last is parked there. */
  readonly hasParked: boolean
}

/** Answers parked queries of one thread, once more from the start, when they have a verdict, or when it is too late for one. */
export class LateAnswers extends LateRing {
  readonly #parked: ParkedHooks
  readonly #answering: LateAnswering
  readonly #further: FurtherParking | undefined
  readonly #clients: ClientAddresses
  readonly #routes: Routes
  #clientsBefore: ClientAddresses
  #cursor: HookSlot | undefined

  constructor(parked: ParkedHooks, answering: LateAnswering, further?: FurtherParking) {
    super(parked.owner)
    this.#parked = parked
    this.#answering = answering
    this.#further = further
    this.#clients = clientInSlot(() => this.#cursor!)
    this.#routes = { saveRoute: (_, target, at) => this.#copyRoute(target, at) }
    this.#clientsBefore = this.#clients
  }

  begin(): void {
    this.#answering.enter()
    this.#clientsBefore = this.#answering.pipeline.clients
  }

  get routeStart(): number {
    return this.#parked.routeStart(this.slot)
  }

  /** Returns the length, 0 where nothing is to be sent, or LATER where one more hook has to say something, or the query is parked elsewhere now. */
  write(response: Uint8Array, start: number, capacity: number): number {
    const { pipeline } = this.#answering
    const further = this.#further
    const cursor = this.#parked.resume(this.slot, this.owner.isOverdue)
    this.#cursor = cursor
    const protocol = protocolOf(cursor.protocol)
    this.#parked.origin.protocol = protocol
    if (further !== undefined) {
      further.protocol = protocol
      further.routes = this.#routes
    }
    pipeline.clients = this.#clients
    const { meter } = this.#answering
    if (meter !== undefined && protocol !== undefined) meter.protocol = protocol
    meter?.beginLate(this.#parked.parkedSince(this.slot))
    const { requestStart, requestLength } = cursor
    const length =
      protocol === 'udp'
        ? pipeline.answerDatagramLate(cursor.bytes, requestStart, requestLength, response, start, capacity)
        : pipeline.answerStreamLate(
            cursor.bytes,
            requestStart,
            requestLength,
            response,
            start,
            capacity,
            protocol !== 'tcp',
          )
    this.#parked.endResume()
    if (length !== LATER || further?.hasParked) this.owner.release(this.slot)
    return length
  }

  end(sendFailures: number): void {
    const { pipeline, counters } = this.#answering
    this.#answering.leave()
    pipeline.clients = this.#clientsBefore
    counters.values[Counter.sendFailures]! += sendFailures
    this.#answering.meter?.flush()
  }

  #copyRoute(target: Uint8Array, at: number): void {
    const { bytes, routeStart } = this.#cursor!
    for (let i = 0; i < ROUTE_SIZE; i++) target[at + i] = bytes[routeStart + i]!
  }
}
