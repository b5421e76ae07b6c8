import type { LateResponses } from './datagram-transport.js'

/** The late responses of a thread that parks queries in more than one ring. What the first ones answer may be parked in one behind them. */
export class LateRings implements LateResponses {
  readonly #rings: readonly LateResponses[]
  #current: LateResponses

  constructor(rings: readonly [LateResponses, ...LateResponses[]]) {
    this.#rings = rings
    this.#current = rings[0]
  }

  begin(): void {
    for (const ring of this.#rings) ring.begin()
  }

  next(): boolean {
    for (const ring of this.#rings) {
      if (!ring.next()) continue
      this.#current = ring
      return true
    }
    return false
  }

  get routeBytes(): Uint8Array {
    return this.#current.routeBytes
  }

  get routeStart(): number {
    return this.#current.routeStart
  }

  write(response: Uint8Array, start: number, capacity: number): number {
    return this.#current.write(response, start, capacity)
  }

  end(sendFailures: number): void {
    for (const [i, ring] of this.#rings.entries()) ring.end(i === 0 ? sendFailures : 0)
  }

  sleep(mostMs: number): number {
    let waitMs = mostMs
    for (const ring of this.#rings) waitMs = Math.min(waitMs, ring.sleep(mostMs))
    return waitMs
  }

  awake(): void {
    for (const ring of this.#rings) ring.awake()
  }

  giveUp(): void {
    for (const ring of this.#rings) ring.giveUp()
  }

  watch(onDue: () => void): void {
    for (const ring of this.#rings) ring.watch(onDue)
  }

  parked(): void {
    for (const ring of this.#rings) ring.parked()
  }

  close(): void {
    for (const ring of this.#rings) ring.close()
  }
}
