/** Time as the library sees it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds from some fixed moment, never stepping back: for intervals and deadlines. */
  monotonicMs(): number
  /** Milliseconds since 1970: for what people read, and for the SOA serial. */
  wallMs(): number
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
}
