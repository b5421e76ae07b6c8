import { buildCidrTable } from '../../clients/build-cidr-table.js'
import { parseCidrs } from '../../clients/cidr.js'
import { CidrTable, NO_VALUE } from '../../clients/cidr-table.js'
import { ADDRESS_WORDS, writeClient } from '../../clients/client-address.js'

/**
 * Whoever may write records could have us ask these for them: what a cloud tells a machine about itself, and what only its own link can
 * reach. Nobody's backend is there.
 */
const REFUSED_NETWORKS = [
  '0.0.0.0/8',
  // Link-local, where most clouds have their metadata.
  '169.254.0.0/16',
  // The same as NAT64 has it (RFC 6052 §2.1).
  '64:ff9b::a9fe:0/112',
  // Metadata elsewhere: Azure, Alibaba, Oracle, and AWS and Google over IPv6.
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fe80::/10',
  // Many, or nobody.
  '224.0.0.0/4',
  '240.0.0.0/4',
  'ff00::/8',
  '::',
]

/** Which addresses are not probed, whoever says so. */
export class RefusedAddresses {
  readonly #refused: CidrTable
  readonly #allowed: CidrTable
  readonly #words = new Int32Array(ADDRESS_WORDS)

  /** `allowed` is the data of a table of networks that are probed all the same. */
  constructor(allowed: Int32Array) {
    const networks = parseCidrs('refused', REFUSED_NETWORKS)
    this.#refused = new CidrTable(buildCidrTable(networks.map((cidr) => ({ cidr, value: 0 }))))
    this.#allowed = new CidrTable(allowed)
  }

  /** `address` is four or sixteen bytes. An IPv6 address that maps an IPv4 one is that one. */
  has(address: Uint8Array): boolean {
    writeClient(this.#words, 0, address, address.length)
    return this.#refused.find(this.#words, 0) !== NO_VALUE && this.#allowed.find(this.#words, 0) === NO_VALUE
  }
}
