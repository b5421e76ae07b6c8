import { LRUCache } from 'lru-cache'

/** Instead of a number. */
export const NOBODY = -1

/**
 * In which order answers leave when there is no room: those that have been of use longest ago first. What it knows of an answer is a
 * number. Belongs to the writer's thread.
 *
 * Only the order is lru-cache's. It must never drop anything by itself (whoever adds sees to it that there is room for one more), and knows
 * no TTLs: its clock is not ours, and goes by timers.
 */
export class Eviction {
  readonly #recency: LRUCache<number, number>

  /** Its arrays are made at once for as many. */
  constructor(maxEntries: number) {
    this.#recency = new LRUCache({ max: maxEntries })
  }

  get count(): number {
    return this.#recency.size
  }

  /** The number is the one that leaves last, be it new or not. */
  touch(id: number): void {
    this.#recency.set(id, id)
  }

  remove(id: number): void {
    this.#recency.delete(id)
  }

  /** Takes out the number that leaves first; NOBODY without one. */
  takeOldest(): number {
    return this.#recency.pop() ?? NOBODY
  }
}
