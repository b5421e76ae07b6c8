import { isIPv4 } from 'node:net'
import { writeIpv4 } from '../wire/rdata/address-codecs.js'
import { writeIpv6FromText } from '../wire/rdata/ipv6.js'

/** Writes the octets of a client's address as Node tells it, and returns their number. The interface of a link-local one is left out. */
export function writeClientAddress(text: string, target: Uint8Array): number {
  if (isIPv4(text)) return writeIpv4(text, target, 0)
  return writeIpv6FromText(text.split('%', 1)[0]!, target) ? 16 : 0
}
