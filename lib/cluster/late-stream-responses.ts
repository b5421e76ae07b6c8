import { LATER } from '../handoff/layout.js'
import type { LateRing } from '../transport/late-ring.js'
import type { LateReceiver } from '../transport/stream-transport.js'
import { MAX_MESSAGE_SIZE } from '../wire/constants.js'

/** Responses that come later than their bursts, and the connections that wait for them. */
export class LateStreamResponses {
  readonly #late: LateRing
  readonly #onParked: (receiver: LateReceiver) => boolean
  /** By the slots of their queries. */
  readonly #receivers = new Map<number, LateReceiver>()
  readonly #room = new Uint8Array(MAX_MESSAGE_SIZE)

  /** `onParked` is told who waits for a query that was parked once more, and says whether that was in another ring. */
  constructor(late: LateRing, onParked: (receiver: LateReceiver) => boolean = () => false) {
    this.#late = late
    this.#onParked = onParked
    late.watch(() => this.#respond())
  }

  expect(slot: number, receiver: LateReceiver): void {
    this.#receivers.set(slot, receiver)
    this.#late.parked()
  }

  /** Answers all that wait, and lets no more come. */
  giveUp(): void {
    this.#late.giveUp()
    this.#respond()
    this.#late.close()
  }

  #respond(): void {
    const late = this.#late
    if (!late.next()) return
    late.begin()
    do {
      const { slot } = late
      const size = late.write(this.#room, 0, this.#room.length)
      const receiver = this.#receivers.get(slot)!
      // One more hook has to say something.
      if (size === LATER && !this.#onParked(receiver)) continue
      this.#receivers.delete(slot)
      if (size !== LATER) receiver.respond(this.#room, 0, size)
    } while (late.next())
    late.end(0)
  }
}
