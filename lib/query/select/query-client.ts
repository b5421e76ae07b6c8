import { NO_VALUE } from '../../clients/cidr-table.js'
import { ADDRESS_WORDS, writeClient } from '../../clients/client-address.js'
import type { Affinity } from '../../records/selection-options.js'
import { IPV4_SUBNET, SUBNET_ADDRESS } from '../../wire/edns.js'
import type { ClientAddresses, QueryContext } from '../query-context.js'
import { clientKey } from './client-key.js'

const IPV4_BYTES = 4

/** Whom the query in hand is answered for, as selection knows it. Looked at only where somebody asks. Made once per thread. */
export class QueryClient {
  /** The network for which somebody who is believed asks. */
  readonly #subnet = new Int32Array(ADDRESS_WORDS)
  readonly #octets = new Uint8Array(4 * ADDRESS_WORDS)
  #addresses: ClientAddresses | undefined
  #number = 0
  #context: QueryContext | undefined

  /** The query in hand is number `i` of those whose clients `addresses` tells. */
  begin(addresses: ClientAddresses, i: number, context: QueryContext): void {
    this.#addresses = addresses
    this.#number = i
    this.#context = context
  }

  /** RFC 7871 §11.2: anybody can claim to ask for another, so that only those are believed who have been named. */
  checkSubnet(): void {
    const context = this.#context!
    const sources = context.settings.subnetSources
    if (sources === undefined || context.edns.isSubnetMalformed || !this.#readAddress(context)) return
    context.answersSubnet = sources.find(context.client, 0) !== NO_VALUE
  }

  /** Whether the client has an address, which is then `context.client`; this process itself has none. */
  readAddress(): boolean {
    return this.#readAddress(this.#context!)
  }

  /** What `clientHash` knows the client by; 0 for this process itself. */
  key(affinity: Affinity): number {
    const context = this.#context!
    if (affinity === 'ecs' && context.answersSubnet && context.edns.subnetPrefix > 0) {
      this.#readSubnet(context)
      // RFC 7871 §7.2.1: the answer is for the whole network, and for no larger one.
      context.subnetScope = context.edns.subnetPrefix
      return clientKey(affinity, this.#subnet, 0)
    }
    return this.#readAddress(context) ? clientKey(affinity, context.client, 0) : 0
  }

  #readAddress(context: QueryContext): boolean {
    return context.readClient(this.#addresses!, this.#number)
  }

  /** The first address of the network that the client is in: behind the prefix there are zeros. */
  #readSubnet({ edns, reader }: QueryContext): void {
    const octets = this.#octets
    const length = edns.subnetLength - SUBNET_ADDRESS
    for (let i = 0; i < octets.length; i++) {
      octets[i] = i < length ? reader.bytes[edns.subnetStart + SUBNET_ADDRESS + i]! : 0
    }
    writeClient(this.#subnet, 0, octets, edns.subnetFamily === IPV4_SUBNET ? IPV4_BYTES : octets.length)
  }
}
