import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import {
  ADDRESS_BITS,
  ADDRESS_WORDS,
  clientFromText,
  IPV4_START_BIT,
  isIpv4Client,
  prefixMask,
} from './client-address.js'

/** A network of clients, as `10.0.0.0/8` or `2001:db8::/32` say it. */
export interface Cidr {
  /** Its first address, as a client's: four words. */
  readonly words: Int32Array
  /** How many of its 128 bits belong to the network; 96 more than an IPv4 prefix says. */
  readonly length: number
  readonly family: 4 | 6
}

/**
 * Reads a network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3); an address alone is a network of one.
 *
 * `option` names what is read, for the error. Throws CDNS_CIDR_INVALID, also where bits behind the prefix are set: that is a
 * mistake more often than not, and it would be silent. `0.0.0.0/0` holds the IPv4 clients and `::/0` those of IPv6.
 */
export function parseCidr(option: string, given: unknown): Cidr {
  if (typeof given !== 'string') throw invalid(option, 'text such as 10.0.0.0/8', given)
  const { address, prefix } = /^(?<address>[^/]+)(?:\/(?<prefix>0|[1-9]\d{0,2}))?$/.exec(given)?.groups ?? {}
  const words = address === undefined ? undefined : clientFromText(address)
  if (address === undefined || words === undefined)
    throw invalid(option, 'an IPv4 or IPv6 address with a prefix length', given)
  const isIpv4 = !address.includes(':')
  if (!isIpv4 && isIpv4Client(words, 0)) throw invalid(option, 'written as an IPv4 network', given)
  const start = isIpv4 ? IPV4_START_BIT : 0
  const length = prefix === undefined ? ADDRESS_BITS : start + Number(prefix)
  if (length > ADDRESS_BITS) throw invalid(option, `a prefix of at most ${ADDRESS_BITS - start} bits`, given)
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    if ((words[i]! & ~prefixMask(length - 32 * i)) !== 0)
      throw invalid(option, 'a network with no bits set behind its prefix', given)
  }
  return { words, length, family: isIpv4 ? 4 : 6 }
}

/** A list of networks. Throws CDNS_CIDR_INVALID, and CDNS_OPTION_INVALID for what is no list. */
export function parseCidrs(option: string, given: unknown): readonly Cidr[] {
  if (!Array.isArray(given)) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be an array of networks, got ${describe(given)}`)
  }
  // Array.from, because map passes over the holes of a sparse array.
  return Array.from(given, (each, i) => parseCidr(`${option}[${i}]`, each))
}

function invalid(option: string, expected: string, given: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_CIDR_INVALID', `${option} must be ${expected}, got ${describe(given)}`)
}
