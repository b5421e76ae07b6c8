import { protocolOf } from '../../hooks/hook-query.js'
import type { LateAnswering } from '../../hooks/late-answers.js'
import type { ThreadHooks } from '../../hooks/thread-hooks.js'
import { Counter } from '../../metrics/counters.js'
import { clientInSlot } from '../../query/client-in-slot.js'
import type { ClientAddresses } from '../../query/query-context.js'
import { LateRing } from '../../transport/late-ring.js'
import { Fate } from './forward-slot.js'
import type { ThreadForwarding } from './thread-forwarding.js'

/** Responses of the forward thread to queries that a thread holds in its ring; and failures, for those to which none came in time. */
export class LateForwarded extends LateRing {
  readonly #forwarding: ThreadForwarding
  readonly #answering: LateAnswering
  readonly #hooks: ThreadHooks | undefined
  readonly #clients: ClientAddresses
  #clientsBefore: ClientAddresses

  constructor(forwarding: ThreadForwarding, answering: LateAnswering, hooks: ThreadHooks | undefined) {
    super(forwarding.owner)
    this.#forwarding = forwarding
    this.#answering = answering
    this.#hooks = hooks
    this.#clients = clientInSlot(() => this.#open())
    this.#clientsBefore = this.#clients
  }

  begin(): void {
    this.#answering.enter()
    this.#clientsBefore = this.#answering.pipeline.clients
  }

  get routeStart(): number {
    return this.#open().routeStart
  }

  write(response: Uint8Array, start: number, capacity: number): number {
    const slot = this.#open()
    const hasFailed = this.owner.isOverdue || slot.fate === Fate.givenUp
    const length = hasFailed ? this.#fail(response, start, capacity) : slot.responseLength
    if (!hasFailed) {
      const from = slot.responseStart
      response.set(slot.bytes.subarray(from, from + length), start)
    }
    this.owner.release(this.slot)
    return length
  }

  end(sendFailures: number): void {
    const { pipeline, counters } = this.#answering
    this.#answering.leave()
    pipeline.clients = this.#clientsBefore
    counters.values[Counter.sendFailures]! += sendFailures
  }

  override giveUp(): void {
    // What hooks still have is not to be parked here any more.
    this.#forwarding.isOverdue = true
    super.giveUp()
  }

  /** The forward thread is not there, or not well: the query is answered once more, with nobody to ask. Its hooks have had their say. */
  #fail(response: Uint8Array, start: number, capacity: number): number {
    const { pipeline } = this.#answering
    const forwarding = this.#forwarding
    const { bytes, requestStart, requestLength, protocol: code } = this.#open()
    const protocol = protocolOf(code)
    const hooks = this.#hooks
    const wasOverdue = forwarding.isOverdue
    forwarding.isOverdue = true
    pipeline.clients = this.#clients
    // How long it was here is known, and says nothing about us.
    this.#answering.meter?.beginLate(Number.NaN)
    if (hooks !== undefined) {
      hooks.origin.protocol = protocol
      hooks.isAskedAlready = true
    }
    const length =
      protocol === 'udp'
        ? pipeline.answerDatagramLate(bytes, requestStart, requestLength, response, start, capacity)
        : pipeline.answerStreamLate(bytes, requestStart, requestLength, response, start, capacity, protocol !== 'tcp')
    if (hooks !== undefined) hooks.isAskedAlready = false
    forwarding.isOverdue = wasOverdue
    return length
  }

  #open() {
    return this.#forwarding.slot.open(this.owner.bytes, this.owner.bodyStart(this.slot))
  }
}
