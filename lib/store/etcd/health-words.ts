import type { HealthState, StoreSink } from '../record-store.js'

/** Stands for the owner where places that have changed are remembered: no name is empty. The path is an address. */
export const HEALTH_PLACE = new Uint8Array(0)

/**
 * The health of addresses as the keys of a layout tell it, passed on to the server. Belongs to the main thread.
 *
 * Remembers which addresses have a word, so that those can go back to `unknown` whose keys a load does not find any more: 100 bytes an
 * address that is checked, of which there are as many as there are backends.
 */
export class HealthWords {
  readonly #sink: Pick<StoreSink, 'setHealth'>
  readonly #states = new Map<string, HealthState>()
  /** Of a load that is under way: the addresses it has come across. */
  #seen: Set<string> | undefined

  constructor(sink: Pick<StoreSink, 'setHealth'>) {
    this.#sink = sink
  }

  set(address: string, state: HealthState): void {
    this.#seen?.add(address)
    if (this.stateOf(address) === state) return
    if (state === 'unknown') this.#states.delete(address)
    else this.#states.set(address, state)
    this.#sink.setHealth?.(address, state)
  }

  stateOf(address: string): HealthState {
    return this.#states.get(address) ?? 'unknown'
  }

  /** Those that are healthy or unhealthy. */
  knownAddresses(): Iterable<string> {
    return this.#states.keys()
  }

  /** A load before this that has come to no end is forgotten. */
  startLoad(): void {
    this.#seen = new Set()
  }

  /** What the load has not come across is unknown from now on. */
  endLoad(): void {
    const seen = this.#seen
    this.#seen = undefined
    if (seen === undefined) return
    for (const address of this.#states.keys()) if (!seen.has(address)) this.set(address, 'unknown')
  }
}
