/** What all HTTP/2 sessions together may hold: 8 192 requests at once, or 500 of the largest responses. */
export const MAX_HELD_BYTES = 32 * 1024 * 1024

/** What a request takes while it is open, whatever it says: Node's stream and our own (3 KiB, 2026-11), rounded up. */
export const REQUEST_BYTES = 4 * 1024

/** A session that holds memory. */
export interface MemoryHolder {
  heldBytes: number
  /** It must hold nothing any more, now or soon. */
  evict(): void
}

/**
 * The memory that requests and responses of HTTP/2 hold while they wait for their clients: bodies that come slowly, responses that
 * are not read. When it runs out, the session goes that has got nothing done for the longest time.
 */
export class DohMemory {
  /** In the order of their last progress. */
  readonly #holders = new Set<MemoryHolder>()
  /** Their connections are closing; what they still do is of no account. */
  readonly #evicted = new WeakSet<MemoryHolder>()
  #heldBytes = 0

  hold(holder: MemoryHolder, bytes: number): void {
    if (this.#evicted.has(holder)) return
    holder.heldBytes += bytes
    this.#heldBytes += bytes
    this.#holders.add(holder)
    while (this.#heldBytes > MAX_HELD_BYTES) this.#evictFirst()
  }

  /** Something of it was finished. */
  release(holder: MemoryHolder, bytes: number): void {
    if (this.#evicted.has(holder)) return
    this.#holders.delete(holder)
    holder.heldBytes -= bytes
    this.#heldBytes -= bytes
    if (holder.heldBytes > 0) this.#holders.add(holder)
  }

  #evictFirst(): void {
    const [holder] = this.#holders
    if (holder === undefined) return
    this.#holders.delete(holder)
    this.#evicted.add(holder)
    this.#heldBytes -= holder.heldBytes
    holder.evict()
  }
}
