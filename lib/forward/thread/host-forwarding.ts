import { ContainerDnsError } from '../../errors.js'
import { NONE } from '../../handoff/layout.js'
import type { LateAnswering } from '../../hooks/late-answers.js'
import type { ThreadHooks } from '../../hooks/thread-hooks.js'
import { MAX_MESSAGE_SIZE } from '../../wire/constants.js'
import { Fate, ForwardKind } from './forward-slot.js'
import { LateForwarded } from './late-forwarded.js'
import type { ThreadForwarding } from './thread-forwarding.js'

/** A forward thread that is well answers within a turn of its event loop; one that has died is back within a second. */
const FLUSH_TIMEOUT_MS = 5_000

/** What the host itself has parked: its queries that are forwarded, and the names that it wants to be forgotten. Main thread. */
export class HostForwarding {
  readonly #forwarding: ThreadForwarding
  readonly #late: LateForwarded
  /** By slots; given the response, or nothing where none came in time. */
  readonly #waiting = new Map<number, (response: Uint8Array | undefined) => void>()
  readonly #room = new Uint8Array(MAX_MESSAGE_SIZE)
  #isWatched = false

  constructor(forwarding: ThreadForwarding, answering: LateAnswering, hooks: ThreadHooks | undefined) {
    this.#forwarding = forwarding
    this.#late = new LateForwarded(forwarding, answering, hooks)
  }

  /** The response to the query that was parked last; of no length where there is to be none. */
  async response(): Promise<Uint8Array> {
    return (await this.#answerTo(this.#forwarding.parkedSlot)) ?? new Uint8Array(0)
  }

  /** Drops what is known of a name, in wire form, or of all names if it has no octets; returns how many answers that were. Rejects with CDNS_FLUSH_FAILED. */
  async flush(name: Uint8Array): Promise<number> {
    const { owner, slot } = this.#forwarding
    const claimed = owner.claim()
    if (claimed === NONE) throw flushFailed('too much is waiting for the forward thread')
    slot.open(owner.bytes, owner.bodyStart(claimed))
    slot.kind = ForwardKind.flush
    slot.fate = Fate.none
    slot.setRequest(name, 0, name.length)
    owner.park(claimed, performance.now() + FLUSH_TIMEOUT_MS)
    const response = await this.#answerTo(claimed)
    if (response === undefined) throw flushFailed('the forward thread has not answered')
    return new DataView(response.buffer, response.byteOffset).getUint32(0)
  }

  close(): void {
    this.#late.giveUp()
    this.#respond()
    this.#late.close()
  }

  #answerTo(slot: number): Promise<Uint8Array | undefined> {
    const answer = new Promise<Uint8Array | undefined>((resolve) => this.#waiting.set(slot, resolve))
    if (!this.#isWatched) this.#late.watch(() => this.#respond())
    this.#isWatched = true
    this.#late.parked()
    return answer
  }

  #respond(): void {
    const late = this.#late
    if (!late.next()) return
    late.begin()
    do {
      const resolve = this.#waiting.get(late.slot)!
      this.#waiting.delete(late.slot)
      resolve(this.#take())
    } while (late.next())
    late.end(0)
  }

  #take(): Uint8Array | undefined {
    const { owner, slot } = this.#forwarding
    const at = this.#late.slot
    if (owner.isOverdue && slot.open(owner.bytes, owner.bodyStart(at)).kind === ForwardKind.flush) {
      owner.release(at)
      return undefined
    }
    const length = this.#late.write(this.#room, 0, this.#room.length)
    return this.#room.slice(0, length)
  }
}

function flushFailed(why: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_FLUSH_FAILED', `the cache could not be flushed: ${why}`)
}
