import { HandoffTaker } from '../../handoff/handoff-taker.js'
import type { HandoffHandle } from '../../handoff/layout.js'
import type { BatchEndpoints } from '../../transport/datagram-transport.js'
import { RoutedSender } from '../../transport/routed-sender.js'

/** The ring of one thread that forwards queries. A plain object: it is posted to the forward thread. */
export interface ForwardRing {
  /** The number of the thread; one that is run again has a new ring. */
  readonly thread: number
  readonly ring: HandoffHandle
  /** The sockets on which its responses can be sent from elsewhere; without, they go back in the slots of their queries. */
  readonly sockets?: BatchEndpoints
}

/** A ring as the forward thread has it. */
export class Desk {
  readonly taker: HandoffTaker
  readonly sender: RoutedSender | undefined
  #hasAnswered = false

  constructor({ ring, sockets }: ForwardRing) {
    this.taker = new HandoffTaker(ring)
    this.sender = sockets && new RoutedSender(sockets)
  }

  /** Gives a held slot back, its response written. */
  answer(slot: number): void {
    if (this.taker.answer(slot)) this.#hasAnswered = true
  }

  /** At the end of a turn: has go out what it has come to. Returns how many responses the kernel did not take. */
  flush(): number {
    if (this.#hasAnswered) this.taker.wakeOwner()
    this.#hasAnswered = false
    return this.sender?.flush() ?? 0
  }
}
