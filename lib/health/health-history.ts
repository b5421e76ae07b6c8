import type { HealthChange } from './health.js'

/** A change of an address' health, and when it was. */
export interface PastHealthChange extends HealthChange {
  /** Milliseconds since 1970. */
  readonly at: number
}

const MAX_CHANGES = 20
/** Some 20 MB, if all of them change all the time. */
const MAX_ADDRESSES = 10_000

/** The latest changes of the addresses that have changed last. Main thread. */
export class HealthHistory {
  /** The address that has been quiet for longest comes first. */
  readonly #byAddress = new Map<string, PastHealthChange[]>()
  readonly #wallMs: () => number

  constructor(wallMs: () => number = Date.now) {
    this.#wallMs = wallMs
  }

  add(change: HealthChange): void {
    const changes = this.#byAddress.get(change.address) ?? []
    this.#byAddress.delete(change.address)
    changes.push(Object.freeze({ at: this.#wallMs(), ...change }))
    if (changes.length > MAX_CHANGES) changes.shift()
    this.#byAddress.set(change.address, changes)
    if (this.#byAddress.size <= MAX_ADDRESSES) return
    const [quietest] = this.#byAddress.keys()
    this.#byAddress.delete(quietest!)
  }

  /** The last change stands at the end. */
  of(address: string): readonly PastHealthChange[] {
    return [...(this.#byAddress.get(address) ?? [])]
  }
}
