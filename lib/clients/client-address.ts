import { isIPv4 } from 'node:net'
import { hashEnd } from '../wire/name.js'
import { writeIpv4 } from '../wire/rdata/address-codecs.js'
import { ipv6ToText, writeIpv6FromText } from '../wire/rdata/ipv6.js'

// The address of a client is four words, most significant first, at an offset into an Int32Array; an IPv4 address stands there
// as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). Words and not bytes, so that a network is compared with four masked reads; one width
// for both families, so that what tells clients apart need not know of families.
export const ADDRESS_WORDS = 4
export const ADDRESS_BITS = 32 * ADDRESS_WORDS
/** Where an IPv4 address begins in the 128 bits. */
export const IPV4_START_BIT = 96
const MAPPED_PREFIX = 0xffff

const IPV4_BYTES = 4
const IPV6_BYTES = 16

/** Writes the address of an IPv4 client, which stands as four bytes at `start`. */
export function writeIpv4Client(words: Int32Array, at: number, bytes: Uint8Array, start: number): void {
  words[at] = 0
  words[at + 1] = 0
  words[at + 2] = MAPPED_PREFIX
  words[at + 3] = wordAt(bytes, start)
}

/** Writes the address of an IPv6 client, which stands as sixteen bytes at `start`. */
export function writeIpv6Client(words: Int32Array, at: number, bytes: Uint8Array, start: number): void {
  for (let i = 0; i < ADDRESS_WORDS; i++) words[at + i] = wordAt(bytes, start + 4 * i)
}

/** Writes the address of a client that stands as four or sixteen octets at the beginning of `octets`. */
export function writeClient(words: Int32Array, at: number, octets: Uint8Array, length: number): void {
  if (length === IPV4_BYTES) writeIpv4Client(words, at, octets, 0)
  else writeIpv6Client(words, at, octets, 0)
}

export function isIpv4Client(words: Int32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED_PREFIX
}

/**
 * A hash of the network that a client is in, by the length of its IPv4 or IPv6 prefix; 32 and 128 for the client itself.
 *
 * Spreads well in all its bits. No secret: who must not be able to find collisions passes a `seed` that nobody knows.
 */
export function hashClient(
  words: Int32Array,
  at: number,
  ipv4Prefix: number,
  ipv6Prefix: number,
  seed: number,
): number {
  if (isIpv4Client(words, at)) return hashEnd(mixWord(seed, words[at + 3]! & prefixMask(ipv4Prefix)))
  let hash = seed
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    hash = mixWord(hash, words[at + i]! & prefixMask(ipv6Prefix - 32 * i))
  }
  // Not the same as an IPv4 client whose address is the last word.
  return hashEnd(hash ^ IPV6_BYTES)
}

/** MurmurHash3's step for a word; `hashEnd` ends a run of them. */
export function mixWord(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51)
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The mask of a word of which `bits` belong to a prefix; less than 0 and more than 32 count as 0 and 32. */
export function prefixMask(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? -1 : -1 << (32 - bits)
}

/** The four or sixteen bytes of an address; undefined for text that is none, and for one with a zone id, which means something on one host only. */
export function addressFromText(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(IPV6_BYTES)
  const length = writeAddressFromText(text, bytes)
  return length === 0 ? undefined : bytes.slice(0, length)
}

/** Writes the four or sixteen octets of an address, and returns their number; 0 for text that is none. */
export function writeAddressFromText(text: string, target: Uint8Array): number {
  if (isIPv4(text)) return writeIpv4(text, target, 0)
  return writeIpv6FromText(text, target) ? IPV6_BYTES : 0
}

/** The text of four or sixteen bytes. */
export function addressToText(bytes: Uint8Array): string {
  return bytes.length === IPV4_BYTES ? bytes.join('.') : ipv6ToText(bytes)
}

/** A client's address from text; undefined for text that is none. An IPv4-mapped IPv6 address is the IPv4 client's. */
export function clientFromText(text: string): Int32Array | undefined {
  const bytes = addressFromText(text)
  if (bytes === undefined) return undefined
  const words = new Int32Array(ADDRESS_WORDS)
  writeClient(words, 0, bytes, bytes.length)
  return words
}

/** A client's address as text, for logs and events. */
export function clientToText(words: Int32Array, at = 0): string {
  const bytes = new Uint8Array(IPV6_BYTES)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < ADDRESS_WORDS; i++) view.setInt32(4 * i, words[at + i]!)
  return addressToText(isIpv4Client(words, at) ? bytes.subarray(IPV6_BYTES - IPV4_BYTES) : bytes)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
