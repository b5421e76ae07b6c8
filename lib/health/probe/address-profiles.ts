import { CidrTable, NO_VALUE } from '../../clients/cidr-table.js'
import { ADDRESS_WORDS, writeClient } from '../../clients/client-address.js'

/** How an address is probed: by the profile of the smallest network that it is in. */
export class AddressProfiles {
  readonly #table: CidrTable
  readonly #words = new Int32Array(ADDRESS_WORDS)

  /** The table of `ParsedProbes.profileOf`. */
  constructor(table: Int32Array) {
    this.#table = new CidrTable(table)
  }

  /** The number of a profile; 0, which is for all, where no network has one of its own. `address` has 4 or 16 octets. */
  of(address: Uint8Array): number {
    writeClient(this.#words, 0, address, address.length)
    const found = this.#table.find(this.#words, 0)
    return found === NO_VALUE ? 0 : found
  }
}
