import { describe } from '../bounds.js'
import { addressFromText, addressToText } from '../clients/client-address.js'
import { ContainerDnsError, callHost } from '../errors.js'
import { HealthHistory, type PastHealthChange } from './health-history.js'
import type { HealthTable } from './health-table.js'
import { HEALTH_STATES, type HealthState } from './layout.js'

export type { HealthState } from './layout.js'

/** Which addresses are alive. An unhealthy one leaves the answers; `unknown`, which is what all are at first, counts as usable. */
export interface Health {
  /** The state of an address. Throws CDNS_ADDRESS_INVALID. */
  status(address: string): HealthState
  /** All addresses that are healthy or unhealthy, in no order. */
  status(): IterableIterator<AddressHealth>
  /** From their next batch of queries on, all threads know. The last word on an address counts, be it this or the store's. Throws CDNS_ADDRESS_INVALID, CDNS_HEALTH_INVALID and CDNS_SHARED_MEMORY_FULL. */
  set(address: string, state: HealthState): void
  /** The latest changes of an address' state, the last one at the end; 20 of them, for 10 000 addresses. Throws CDNS_ADDRESS_INVALID. */
  history(address: string): readonly PastHealthChange[]
}

export interface AddressHealth {
  readonly address: string
  readonly state: HealthState
}

export interface HealthChange extends AddressHealth {
  readonly previous: HealthState
  /** Whose word it was: the program's, by `set`, that of the store's source, or that of probes. */
  readonly source: HealthSource
  /** What the last probe has failed with. */
  readonly reason?: string
}

export type HealthSource = 'program' | 'store' | 'probe'

/** Health by text, over the table that the threads read. Main thread. */
export class TableHealth implements Health {
  readonly #table: HealthTable
  readonly #onChange: (change: HealthChange) => void
  readonly #history = new HealthHistory()

  /** `onChange` hears of each change, not of what is set again; it may throw. */
  constructor(table: HealthTable, onChange: (change: HealthChange) => void) {
    this.#table = table
    this.#onChange = onChange
  }

  status(address: string): HealthState
  status(): IterableIterator<AddressHealth>
  status(address?: string): HealthState | IterableIterator<AddressHealth> {
    return address === undefined ? this.#all() : this.#table.get(parseAddress(address))
  }

  set(address: string, state: HealthState): void {
    this.setFrom('program', address, state)
  }

  /** The same, for a word that is somebody else's. */
  setFrom(source: HealthSource, address: string, state: HealthState, reason = ''): void {
    const bytes = parseAddress(address)
    if (!HEALTH_STATES.includes(state)) {
      const known = HEALTH_STATES.join(', ')
      throw new ContainerDnsError(
        'CDNS_HEALTH_INVALID',
        `a health state must be one of ${known}, got ${describe(state)}`,
      )
    }
    const previous = this.#table.set(bytes, state)
    if (previous === state) return
    const said = reason === '' ? {} : { reason }
    const change = Object.freeze({ address: addressToText(bytes), state, previous, source, ...said })
    this.#history.add(change)
    callHost(() => this.#onChange(change))
  }

  history(address: string): readonly PastHealthChange[] {
    return this.#history.of(addressToText(parseAddress(address)))
  }

  *#all(): Generator<AddressHealth, void, undefined> {
    for (const { address, state } of this.#table.list()) yield { address: addressToText(address), state }
  }
}

function parseAddress(given: unknown): Uint8Array {
  const bytes = typeof given === 'string' ? addressFromText(given) : undefined
  if (bytes !== undefined) return bytes
  throw new ContainerDnsError('CDNS_ADDRESS_INVALID', `an IPv4 or IPv6 address was expected, got ${describe(given)}`)
}
