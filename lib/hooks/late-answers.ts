import type { HandoffOwner } from '../handoff/handoff-owner.js'
import { LATER, NONE } from '../handoff/layout.js'
import { Counter, type ThreadCounters } from '../metrics/counters.js'
import type { QueryPipeline } from '../query/pipeline.js'
import type { ClientAddresses } from '../query/query-context.js'
import type { QueryMeter } from '../query/query-meter.js'
import type { LateResponses } from '../transport/datagram-transport.js'
import { protocolOf } from './hook-query.js'
import type { HookSlot } from './hook-slot.js'
import type { ParkedHooks } from './parked-hooks.js'

/** What a thread answers with. */
export interface LateAnswering {
  /** Before and after the tables are read. */
  enter(): void
  leave(): void
  readonly counters: ThreadCounters
  readonly pipeline: QueryPipeline
  readonly meter: QueryMeter
}

/** Answers parked queries of one thread, once more from the start, when they have a verdict, or when it is too late for one. */
export class LateAnswers implements LateResponses {
  /** The slot of the query in hand. */
  slot = NONE
  readonly #parked: ParkedHooks
  readonly #owner: HandoffOwner
  readonly #answering: LateAnswering
  readonly #clients: ClientAddresses
  #clientsBefore: ClientAddresses
  #cursor: HookSlot | undefined
  #onDue: () => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(parked: ParkedHooks, answering: LateAnswering) {
    this.#parked = parked
    this.#owner = parked.owner
    this.#answering = answering
    this.#clients = { clientAddress: (_, target) => this.#clientAddress(target) }
    this.#clientsBefore = this.#clients
  }

  begin(): void {
    const { pipeline } = this.#answering
    this.#answering.enter()
    this.#clientsBefore = pipeline.clients
    pipeline.clients = this.#clients
  }

  next(): boolean {
    this.slot = this.#owner.next(performance.now())
    return this.slot !== NONE
  }

  get routeBytes(): Uint8Array {
    return this.#owner.bytes
  }

  get routeStart(): number {
    return this.#parked.routeStart(this.slot)
  }

  /** Returns the length, 0 where nothing is to be sent, or LATER where one more hook has to say something. */
  write(response: Uint8Array, start: number, capacity: number): number {
    const { pipeline } = this.#answering
    const cursor = this.#parked.resume(this.slot, this.#owner.isOverdue)
    this.#cursor = cursor
    const protocol = protocolOf(cursor.protocol)
    this.#parked.origin.protocol = protocol
    if (protocol !== undefined) this.#answering.meter.protocol = protocol
    this.#answering.meter.beginLate(this.#parked.parkedSince(this.slot))
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
    if (length !== LATER) this.#owner.release(this.slot)
    return length
  }

  end(sendFailures: number): void {
    const { pipeline, counters } = this.#answering
    this.#answering.leave()
    pipeline.clients = this.#clientsBefore
    counters.values[Counter.sendFailures]! += sendFailures
    counters.flush()
    this.#answering.meter.flush()
  }

  sleep(mostMs: number): number {
    this.#owner.bell.lieDown()
    if (!this.#owner.hasAnswers) return Math.min(mostMs, Math.ceil(this.#owner.waitMs(performance.now())))
    this.#owner.bell.getUp()
    return 0
  }

  awake(): void {
    this.#owner.bell.getUp()
  }

  giveUp(): void {
    this.#owner.giveUp()
  }

  watch(onDue: () => void): void {
    this.#onDue = onDue
    void this.#listen()
  }

  parked(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const waitMs = this.#owner.waitMs(performance.now())
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#onDue()
      this.parked()
    }, Math.ceil(waitMs))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#owner.bell.ring()
  }

  /** Something else keeps the event loop alive; each round looks before it waits, so that nothing rings unheard. */
  async #listen(): Promise<void> {
    while (!this.#isClosed) {
      this.#owner.bell.lieDown()
      if (this.#owner.hasAnswers) this.#owner.bell.getUp()
      else await this.#owner.bell.rung()
      if (!this.#isClosed) this.#onDue()
    }
  }

  #clientAddress(target: Uint8Array): number {
    const { bytes, clientStart, clientLength } = this.#cursor!
    for (let i = 0; i < clientLength; i++) target[i] = bytes[clientStart + i]!
    return clientLength
  }
}
