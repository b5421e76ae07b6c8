/** Something that is to happen at a time, unless it is cancelled. It stands in one wheel at most. */
export class Timed {
  dueMs = 0
  previous: Timed = this
  next: Timed = this
}

/** Width of a slot, and so how late something may be. */
const SLOT_MS = 8
/** One turn is four seconds: what is due later than that is passed over until its turn comes. */
const SLOT_COUNT = 512

/** Times for thousands of exchanges, without a timer for each: setting and cancelling one is a few stores. */
export class TimerWheel<T extends Timed> {
  #size = 0
  readonly #slots = Array.from({ length: SLOT_COUNT }, () => new Timed())
  readonly #due = new Timed()
  /** The last slot that has been looked at, counted from the beginning of time. */
  #turned: number

  constructor(nowMs: number) {
    this.#turned = slotOf(nowMs)
  }

  get size(): number {
    return this.#size
  }

  /** Cancels what was set before. */
  set(entry: T, dueMs: number): void {
    this.cancel(entry)
    entry.dueMs = dueMs
    append(this.#slots[Math.max(slotOf(dueMs), this.#turned + 1) & (SLOT_COUNT - 1)]!, entry)
    this.#size++
  }

  /** Does nothing to one that is not set. */
  cancel(entry: T): void {
    if (entry.next === entry) return
    unlink(entry)
    this.#size--
  }

  /** Calls `onDue` for everything whose time has come; it may set and cancel what it likes. */
  advance(nowMs: number, onDue: (entry: T) => void): void {
    // A slot is looked at once all of it has passed, so that nothing stays behind in it.
    const last = slotOf(nowMs) - 1
    const first = Math.max(this.#turned + 1, last - SLOT_COUNT + 1)
    for (let slot = first; slot <= last; slot++) this.#collect(this.#slots[slot & (SLOT_COUNT - 1)]!, nowMs)
    this.#turned = Math.max(this.#turned, last)
    this.#fire(onDue)
  }

  /** Calls `onEntry` for everything, whenever it is due. */
  drain(onEntry: (entry: T) => void): void {
    for (const slot of this.#slots) this.#collect(slot, Number.POSITIVE_INFINITY)
    this.#fire(onEntry)
  }

  #fire(onDue: (entry: T) => void): void {
    while (this.#due.next !== this.#due) {
      const entry = this.#due.next as T
      this.cancel(entry)
      onDue(entry)
    }
  }

  #collect(slot: Timed, nowMs: number): void {
    for (let entry = slot.next; entry !== slot; ) {
      const { next } = entry
      if (entry.dueMs <= nowMs) {
        unlink(entry)
        append(this.#due, entry)
      }
      entry = next
    }
  }
}

function slotOf(timeMs: number): number {
  return Math.floor(timeMs / SLOT_MS)
}

function append(list: Timed, entry: Timed): void {
  entry.previous = list.previous
  entry.next = list
  list.previous.next = entry
  list.previous = entry
}

function unlink(entry: Timed): void {
  entry.previous.next = entry.next
  entry.next.previous = entry.previous
  entry.previous = entry
  entry.next = entry
}
