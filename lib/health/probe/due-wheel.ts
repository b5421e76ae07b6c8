/** How finely things come due. */
const TICK_MS = 10
/** One turn of the wheel is 40 s; what is due later is met in a slot and left there for its turn. */
const SLOTS = 4096

/**
 * Which of many things are due, without a timer for each: a wheel of slots, each with the numbers of the things that fall due in it.
 *
 * Adding takes a push, and what has been added cannot be taken out: whoever has changed their mind does not care when it comes.
 */
export class DueWheel {
  readonly #slots: number[][] = Array.from({ length: SLOTS }, () => [])
  /** By the same place in the slot, the tick in which it is due. */
  readonly #ticks: number[][] = Array.from({ length: SLOTS }, () => [])
  /** The first tick that has not been taken. */
  #next: number
  #count = 0

  /** `nowMs` is of the clock that the others are of. */
  constructor(nowMs: number) {
    this.#next = Math.floor(nowMs / TICK_MS)
  }

  get count(): number {
    return this.#count
  }

  add(item: number, dueMs: number): void {
    const tick = Math.max(this.#next, Math.ceil(dueMs / TICK_MS))
    this.#slots[tick % SLOTS]!.push(item)
    this.#ticks[tick % SLOTS]!.push(tick)
    this.#count++
  }

  /** Takes out what is due, about in the order in which it is. `take` may add. */
  takeDue(nowMs: number, take: (item: number) => void): void {
    const last = Math.floor(nowMs / TICK_MS)
    // After a long sleep no slot is looked at twice.
    if (last - this.#next >= SLOTS) this.#next = last - SLOTS + 1
    while (this.#next <= last) this.#takeSlot(this.#next++ % SLOTS, last, take)
  }

  /** When to look again; undefined where there is nothing. It may be that nothing is due then. */
  nextDueMs(): number | undefined {
    if (this.#count === 0) return undefined
    for (let tick = this.#next; tick < this.#next + SLOTS; tick++) {
      if (this.#slots[tick % SLOTS]!.length > 0) return tick * TICK_MS
    }
    return undefined
  }

  #takeSlot(slot: number, last: number, take: (item: number) => void): void {
    const items = this.#slots[slot]!
    if (items.length === 0) return
    const ticks = this.#ticks[slot]!
    this.#slots[slot] = []
    this.#ticks[slot] = []
    for (let i = 0; i < items.length; i++) {
      if (ticks[i]! > last) {
        this.#slots[slot]!.push(items[i]!)
        this.#ticks[slot]!.push(ticks[i]!)
      } else {
        this.#count--
        take(items[i]!)
      }
    }
  }
}
