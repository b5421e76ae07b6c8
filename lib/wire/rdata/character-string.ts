import { isUtf8 } from 'node:buffer'
import { ContainerDnsError } from '../../errors.js'
import { invalidData } from './data-fields.js'
import { MAX_RDATA_SIZE } from './rdata-codec.js'
import type { CharacterString } from './record-data.js'

/** RFC 1035 §3.3: one octet of length, then so many octets. */
const MAX_STRING_LENGTH = 255

/** The octets of a string, of whatever length. Throws CDNS_DATA_INVALID. */
export function octetsOf(type: string, string: unknown): Uint8Array {
  if (typeof string === 'string') return Buffer.from(string, 'utf8')
  if (string instanceof Uint8Array) return string
  throw invalidData(type, 'strings', string)
}

/** Text where the octets are UTF-8, else a copy of them. */
export function stringOf(bytes: Uint8Array, start: number, end: number): CharacterString {
  // A copy, because a decoder of text refuses shared memory.
  const octets = new Uint8Array(end - start)
  octets.set(bytes.subarray(start, end))
  return isUtf8(octets) ? Buffer.from(octets.buffer).toString('utf8') : octets
}

/** Writes a character-string and returns its length, the octet of length counted. Throws CDNS_STRING_TOO_LONG and CDNS_DATA_INVALID. */
export function writeString(type: string, string: unknown, target: Uint8Array, at: number, start: number): number {
  const octets = octetsOf(type, string)
  if (octets.length > MAX_STRING_LENGTH) {
    throw new ContainerDnsError(
      'CDNS_STRING_TOO_LONG',
      `a string in ${type} has ${octets.length} octets, ${MAX_STRING_LENGTH} are allowed`,
    )
  }
  refuseTooLong(type, at + 1 + octets.length - start)
  target[at] = octets.length
  target.set(octets, at + 1)
  return 1 + octets.length
}

/** Throws CDNS_DATA_INVALID for more than rdata can hold. */
export function refuseTooLong(type: string, length: number): void {
  if (length > MAX_RDATA_SIZE) throw invalidData(type, `at most ${MAX_RDATA_SIZE} octets in all`, length)
}
