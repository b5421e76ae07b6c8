import { LATER } from '../handoff/layout.js'
import type { LateAnswers } from '../hooks/late-answers.js'
import type { LateReceiver } from '../transport/stream-transport.js'
import { MAX_MESSAGE_SIZE } from '../wire/constants.js'

/** Responses that come later than their bursts, and the connections that wait for them. */
export class LateStreamResponses {
  readonly #late: LateAnswers
  /** By the slots of their queries. */
  readonly #receivers = new Map<number, LateReceiver>()
  readonly #room = new Uint8Array(MAX_MESSAGE_SIZE)

  constructor(late: LateAnswers) {
    this.#late = late
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
      // One more hook has to say something.
      if (size === LATER) continue
      const receiver = this.#receivers.get(slot)!
      this.#receivers.delete(slot)
      receiver.respond(this.#room, 0, size)
    } while (late.next())
    late.end(0)
  }
}
