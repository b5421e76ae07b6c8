import { isIPv4 } from 'node:net'
import { describe, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { fieldsOf } from './data-fields.js'
import { ipv6ToText, writeIpv6FromText } from './ipv6.js'
import type { RdataCodec } from './rdata-codec.js'
import type { RecordData, WeightedAddress } from './record-data.js'

export const IPV4_SIZE = 4
export const IPV6_SIZE = 16
export const DEFAULT_WEIGHT = 1
const WEIGHT = { min: 1, max: 0xffff }

export const aCodec: RdataCodec = {
  encode: (data, target, at) => writeIpv4(addressOf('A', data), target, at),
  decode: (bytes, start) => ipv4ToText(bytes, start),
}

export const aaaaCodec: RdataCodec = {
  encode: (data, target, at) => writeIpv6(addressOf('AAAA', data), target, at),
  decode: (bytes, start) => ipv6ToText(bytes, start),
}

/** Throws CDNS_ADDRESS_INVALID. */
export function writeIpv4(text: unknown, target: Uint8Array, at: number): number {
  if (typeof text !== 'string' || !isIPv4(text)) throw invalidAddress('an IPv4 address', text)
  let octet = 0
  let position = at
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2e) {
      target[position++] = octet
      octet = 0
    } else octet = octet * 10 + code - 0x30
  }
  target[position] = octet
  return IPV4_SIZE
}

/** Throws CDNS_ADDRESS_INVALID. */
export function writeIpv6(text: unknown, target: Uint8Array, at: number): number {
  if (typeof text !== 'string' || !writeIpv6FromText(text, target, at)) throw invalidAddress('an IPv6 address', text)
  return IPV6_SIZE
}

export function ipv4ToText(bytes: Uint8Array, start: number): string {
  return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`
}

/** The weight in the data of an address; 1 for all else. Throws CDNS_NUMBER_INVALID. */
export function weightOf(type: string, data: RecordData): number {
  if (typeof data !== 'object' || (type !== 'A' && type !== 'AAAA')) return DEFAULT_WEIGHT
  const { weight = DEFAULT_WEIGHT } = data as WeightedAddress
  return wholeNumber('weight', weight, WEIGHT, 'CDNS_NUMBER_INVALID')
}

function addressOf(type: string, data: RecordData): unknown {
  if (typeof data !== 'object' || data === null) return data
  return fieldsOf<WeightedAddress>(type, data, ['address', 'weight']).address
}

function invalidAddress(expected: string, got: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_ADDRESS_INVALID', `${describe(got)} is not ${expected}`)
}
