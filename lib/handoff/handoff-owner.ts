import { Bell } from './bell.js'
import {
  ANSWERED,
  ANSWERED_HEAD,
  ANSWERED_TAIL,
  answeredQueue,
  bodiesStart,
  EXPIRED,
  FREE,
  type HandoffHandle,
  NONE,
  ONE_EPOCH,
  OWNER_BELL,
  PARKED,
  PARKED_QUEUE,
  PARKED_TAIL,
  STATE_MASK,
  states,
  TAKEN,
} from './layout.js'

/** The side of a ring that has the queries. Belongs to the one thread that made it. Allocates nothing for a query, and never waits. */
export class HandoffOwner {
  /** The whole ring; a slot's body begins at `bodyStart`. */
  readonly bytes: Uint8Array
  readonly bodyBytes: number
  /** Rung for this thread. */
  readonly bell: Bell
  /** Of the slot that `next` has given: nobody has answered it in time. Only its body may be read then, and only at once. */
  isOverdue = false
  readonly #words: Int32Array
  readonly #takerBell: Bell
  readonly #wakeTaker: () => void
  readonly #slotCount: number
  readonly #bodies: number
  readonly #states: number
  readonly #answered: number
  /** When each slot is overdue; Infinity for one that nobody waits for. */
  readonly #deadlines: Float64Array
  /** No deadline is before this. */
  #nextDeadline = Number.POSITIVE_INFINITY
  /** Where the next claim begins to look. */
  #nextFree = 0

  /** `wakeTaker` is called for a taker that sleeps in a system call. */
  constructor(handle: HandoffHandle, wakeTaker = () => {}) {
    const { memory, slotCount, bodyBytes, takerBell } = handle
    this.bytes = new Uint8Array(memory)
    this.bodyBytes = bodyBytes
    this.bell = new Bell(memory, OWNER_BELL)
    this.#words = new Int32Array(memory, 0, bodiesStart(slotCount) >>> 2)
    this.#takerBell = new Bell(takerBell)
    this.#wakeTaker = wakeTaker
    this.#slotCount = slotCount
    this.#bodies = bodiesStart(slotCount)
    this.#states = states(slotCount)
    this.#answered = answeredQueue(slotCount)
    this.#deadlines = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY)
  }

  bodyStart(slot: number): number {
    return this.#bodies + slot * this.bodyBytes
  }

  /** A slot whose body may be written, until another is asked for; NONE when all are in use, or so many that none is soon found. */
  claim(): number {
    const looks = Math.min(this.#slotCount, MAX_LOOKS)
    for (let i = 0; i < looks; i++) {
      const slot = this.#nextFree
      this.#nextFree = (slot + 1) & (this.#slotCount - 1)
      if ((Atomics.load(this.#words, this.#states + slot) & STATE_MASK) === FREE) return slot
    }
    return NONE
  }

  /** Hands over a slot that was claimed, or one that has been answered, once more. `deadline`: Infinity for what needs no answer. */
  park(slot: number, deadline: number): void {
    this.parkUnheard(slot, deadline)
    this.ring()
  }

  /** The same for who parks many, and rings once they are all there. */
  parkUnheard(slot: number, deadline: number): void {
    const words = this.#words
    this.#deadlines[slot] = deadline
    if (deadline < this.#nextDeadline) this.#nextDeadline = deadline
    const word = Atomics.load(words, this.#states + slot)
    Atomics.store(words, this.#states + slot, ((word + ONE_EPOCH) & ~STATE_MASK) | PARKED)
    const tail = Atomics.load(words, PARKED_TAIL)
    Atomics.store(words, PARKED_QUEUE + (tail & (this.#slotCount - 1)), slot)
    Atomics.store(words, PARKED_TAIL, tail + 1)
  }

  /** Has the taker look. */
  ring(): void {
    if (this.#takerBell.ring()) this.#wakeTaker()
  }

  /** When the slot that `next` has given was to be answered. */
  deadlineOf(slot: number): number {
    return this.#deadlines[slot]!
  }

  /** A slot that has been answered, or is overdue; NONE if there is none. To be released, or parked again. */
  next(now: number): number {
    const words = this.#words
    const head = Atomics.load(words, ANSWERED_HEAD)
    if (head !== Atomics.load(words, ANSWERED_TAIL)) {
      const slot = Atomics.load(words, this.#answered + (head & (this.#slotCount - 1)))
      Atomics.store(words, ANSWERED_HEAD, head + 1)
      this.isOverdue = false
      return slot
    }
    return now < this.#nextDeadline ? NONE : this.#nextOverdue(now)
  }

  /** The slot that `next` has given is not needed any more. */
  release(slot: number): void {
    this.#deadlines[slot] = Number.POSITIVE_INFINITY
    const at = this.#states + slot
    const word = Atomics.load(this.#words, at)
    // What has expired is for the taker to free.
    if ((word & STATE_MASK) === ANSWERED) Atomics.store(this.#words, at, (word & ~STATE_MASK) | FREE)
  }

  /** Everything that is still parked is overdue now. */
  giveUp(): void {
    this.#nextDeadline = Number.NEGATIVE_INFINITY
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (this.#deadlines[slot]! < Number.POSITIVE_INFINITY) this.#deadlines[slot] = Number.NEGATIVE_INFINITY
    }
  }

  /** How long nothing will be overdue; Infinity if nothing is parked. */
  waitMs(now: number): number {
    return Math.max(0, this.#nextDeadline - now)
  }

  /** Whether `next` would give a slot that has been answered. */
  get hasAnswers(): boolean {
    return Atomics.load(this.#words, ANSWERED_HEAD) !== Atomics.load(this.#words, ANSWERED_TAIL)
  }

  #nextOverdue(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const deadline = this.#deadlines[slot]!
      if (deadline <= now) {
        if (this.#expire(slot)) {
          this.isOverdue = true
          return slot
        }
        // It has been answered at the last moment, and comes by way of the queue; or it needed no verdict.
        if ((Atomics.load(this.#words, this.#states + slot) & STATE_MASK) === FREE) {
          this.#deadlines[slot] = Number.POSITIVE_INFINITY
        }
        continue
      }
      if (deadline < earliest) earliest = deadline
    }
    this.#nextDeadline = earliest
    return NONE
  }

  #expire(slot: number): boolean {
    const at = this.#states + slot
    for (let word = Atomics.load(this.#words, at); ; word = Atomics.load(this.#words, at)) {
      const state = word & STATE_MASK
      if (state !== PARKED && state !== TAKEN) return false
      const expired = (word & ~STATE_MASK) | EXPIRED
      if (Atomics.compareExchange(this.#words, at, word, expired) === word) return true
    }
  }
}

/** Slots that a claim looks at. They are given out in turn, so that the next one is free unless the ring is full, or nearly. */
const MAX_LOOKS = 256
