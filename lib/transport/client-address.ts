import { isIPv4 } from 'node:net'
import { RDATA_CODECS } from '../wire/rdata/codec.js'
import { writeIpv6FromText } from '../wire/rdata/ipv6.js'

/** Writes the octets of a client's address as Node tells it, and returns their number. The interface of a link-local one is left out. */
export function writeClientAddress(text: string, target: Uint8Array): number {
  if (isIPv4(text)) return RDATA_CODECS.A.encode(text, target, 0)
  return writeIpv6FromText(text.split('%', 1)[0]!, target) ? 16 : 0
}
