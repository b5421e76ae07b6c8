import { Bell } from './bell.js'
import {
  ANSWERED,
  ANSWERED_TAIL,
  answeredQueue,
  bodiesStart,
  EXPIRED,
  FREE,
  type HandoffHandle,
  NONE,
  OWNER_BELL,
  PARKED,
  PARKED_HEAD,
  PARKED_QUEUE,
  PARKED_TAIL,
  STATE_MASK,
  states,
  TAKEN,
} from './layout.js'

/** The side of a ring that has the verdicts. Belongs to the one thread that made it. Slots may be answered in any order. */
export class HandoffTaker {
  /** The whole ring; a slot's body begins at `bodyStart`. */
  readonly bytes: Uint8Array
  readonly bodyBytes: number
  readonly #words: Int32Array
  readonly #ownerBell: Bell
  readonly #slotCount: number
  readonly #bodies: number
  readonly #states: number
  readonly #answered: number
  /** The word of each slot as it was taken. */
  readonly #tickets: Int32Array

  constructor(handle: HandoffHandle) {
    const { memory, slotCount, bodyBytes } = handle
    this.bytes = new Uint8Array(memory)
    this.bodyBytes = bodyBytes
    this.#words = new Int32Array(memory, 0, bodiesStart(slotCount) >>> 2)
    this.#ownerBell = new Bell(memory, OWNER_BELL)
    this.#slotCount = slotCount
    this.#bodies = bodiesStart(slotCount)
    this.#states = states(slotCount)
    this.#answered = answeredQueue(slotCount)
    this.#tickets = new Int32Array(slotCount)
  }

  bodyStart(slot: number): number {
    return this.#bodies + slot * this.bodyBytes
  }

  get hasParked(): boolean {
    return Atomics.load(this.#words, PARKED_HEAD) !== Atomics.load(this.#words, PARKED_TAIL)
  }

  /** The slot that was parked first, to be answered or dismissed; NONE if there is none. */
  take(): number {
    const words = this.#words
    for (;;) {
      const head = Atomics.load(words, PARKED_HEAD)
      if (head === Atomics.load(words, PARKED_TAIL)) return NONE
      const slot = Atomics.load(words, PARKED_QUEUE + (head & (this.#slotCount - 1)))
      Atomics.store(words, PARKED_HEAD, head + 1)
      const at = this.#states + slot
      const word = Atomics.load(words, at)
      const taken = (word & ~STATE_MASK) | TAKEN
      if ((word & STATE_MASK) === PARKED && Atomics.compareExchange(words, at, word, taken) === word) {
        this.#tickets[slot] = taken
        return slot
      }
      this.#freeExpired(at, word)
    }
  }

  /**
   * After the thread that took from this ring has died: the slots that it had taken, and never will answer, are ours to answer; those
   * that the owner has given up meanwhile are free again. To be called before the first `take`.
   */
  adopt(onTaken: (slot: number) => void): void {
    const words = this.#words
    const queued = new Set<number>()
    const tail = Atomics.load(words, PARKED_TAIL)
    for (let at = Atomics.load(words, PARKED_HEAD); at !== tail; at = (at + 1) | 0) {
      queued.add(Atomics.load(words, PARKED_QUEUE + (at & (this.#slotCount - 1))))
    }
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (queued.has(slot)) continue
      const at = this.#states + slot
      const word = Atomics.load(words, at)
      const state = word & STATE_MASK
      const taken = (word & ~STATE_MASK) | TAKEN
      if (state === EXPIRED) this.#freeExpired(at, word)
      // It may have died between taking a slot out of the queue and marking it.
      else if (state === TAKEN || (state === PARKED && Atomics.compareExchange(words, at, word, taken) === word)) {
        this.#tickets[slot] = taken
        onTaken(slot)
      }
    }
  }

  /** Gives a slot back with a verdict in its body. False when the owner has given it up; nothing of it is touched then. */
  answer(slot: number): boolean {
    const words = this.#words
    const ticket = this.#tickets[slot]!
    const answered = (ticket & ~STATE_MASK) | ANSWERED
    if (Atomics.compareExchange(words, this.#states + slot, ticket, answered) !== ticket) {
      this.#freeExpired(this.#states + slot, ticket)
      return false
    }
    const tail = Atomics.load(words, ANSWERED_TAIL)
    Atomics.store(words, this.#answered + (tail & (this.#slotCount - 1)), slot)
    Atomics.store(words, ANSWERED_TAIL, tail + 1)
    return true
  }

  /** Frees a slot that needs no verdict. */
  dismiss(slot: number): void {
    const ticket = this.#tickets[slot]!
    const free = (ticket & ~STATE_MASK) | FREE
    if (Atomics.compareExchange(this.#words, this.#states + slot, ticket, free) !== ticket) {
      this.#freeExpired(this.#states + slot, ticket)
    }
  }

  /** After answers: has the owner look. True when it slept. */
  wakeOwner(): boolean {
    return this.#ownerBell.ring()
  }

  /** Only of the epoch that was seen: of a later one, nothing is ours to change. */
  #freeExpired(at: number, seen: number): void {
    const epoch = seen & ~STATE_MASK
    Atomics.compareExchange(this.#words, at, epoch | EXPIRED, epoch | FREE)
  }
}
