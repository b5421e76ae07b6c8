import type { HandoffOwner } from '../handoff/handoff-owner.js'
import { NONE } from '../handoff/layout.js'
import type { LateResponses } from './datagram-transport.js'

/** Late responses to the queries that a thread has parked in one ring. What stands in its slots is for others to know. */
export abstract class LateRing implements LateResponses {
  /** The slot of the query in hand. */
  slot = NONE
  protected readonly owner: HandoffOwner
  #onDue: () => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(owner: HandoffOwner) {
    this.owner = owner
  }

  abstract begin(): void
  abstract readonly routeStart: number
  abstract write(response: Uint8Array, start: number, capacity: number): number
  abstract end(sendFailures: number): void

  next(): boolean {
    this.slot = this.owner.next(performance.now())
    return this.slot !== NONE
  }

  get routeBytes(): Uint8Array {
    return this.owner.bytes
  }

  sleep(mostMs: number): number {
    this.owner.bell.lieDownInCall()
    if (!this.owner.hasAnswers) return Math.min(mostMs, Math.ceil(this.owner.waitMs(performance.now())))
    this.owner.bell.getUp()
    return 0
  }

  awake(): void {
    this.owner.bell.getUp()
  }

  giveUp(): void {
    this.owner.giveUp()
  }

  watch(onDue: () => void): void {
    this.#onDue = onDue
    void this.#listen()
  }

  parked(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const waitMs = this.owner.waitMs(performance.now())
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
    this.owner.bell.ring()
  }

  /** Something else keeps the event loop alive; each round looks before it waits, so that nothing rings unheard. */
  async #listen(): Promise<void> {
    while (!this.#isClosed) {
      this.owner.bell.lieDown()
      if (this.owner.hasAnswers) this.owner.bell.getUp()
      else await this.owner.bell.rung()
      if (!this.#isClosed) this.#onDue()
    }
  }
}
