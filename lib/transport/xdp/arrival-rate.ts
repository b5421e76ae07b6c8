/**
 * Whether datagrams come so fast that it pays to let some more of them come before they are served: waking up, receiving and sending then
 * cost each of them less.
 */
export class ArrivalRate {
  #count = 0
  #since = 0
  #isHigh = false

  add(count: number): void {
    this.#count += count
  }

  /** `nowMs` is of a clock that does not go back. Goes by the last millisecond or more that is over, however long ago that began. */
  isHigh(nowMs: number): boolean {
    const elapsed = nowMs - this.#since
    if (elapsed < WINDOW_MS) return this.#isHigh
    this.#isHigh = this.#count >= HIGH_PER_MS * elapsed
    this.#count = 0
    this.#since = nowMs
    return this.#isHigh
  }
}

const WINDOW_MS = 1
/** 100 000 a second: six or more in a pause of `udp-xdp.ts`. */
const HIGH_PER_MS = 100
