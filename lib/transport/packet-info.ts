import { IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO } from './linux-constants.js'

// cmsghdr: | length u64 | level i32 | type i32 | data, padded to 8 |
const LEVEL = 8
const TYPE = LEVEL + 4
const DATA = TYPE + 4

// in_pktinfo: | interface i32 | specDestination 4 | destination 4 |   specDestination: our address, also of a broadcast
const IPV4_INTERFACE = DATA
const IPV4_OWN_ADDRESS = IPV4_INTERFACE + 4
const IPV4_INFO_SIZE = 12

// in6_pktinfo: | address 16 | interface u32 |
const IPV6_ADDRESS = DATA
const IPV6_INTERFACE = IPV6_ADDRESS + 16
const IPV6_INFO_SIZE = 20

const IPV4_CONTROL_SIZE = padded(DATA + IPV4_INFO_SIZE)
const IPV6_CONTROL_SIZE = padded(DATA + IPV6_INFO_SIZE)

/** Room for the control data of one datagram: the larger of the two, up to a whole cache line. */
export const CONTROL_CAPACITY = 64

/**
 * Turns the control data of a request, which says where it was sent to, into that of its response, which says where from.
 *
 * `at` is the first word of the control data. Returns its length in bytes; 0 where the request came with none of ours.
 */
export function turnAround(words: Uint32Array, at: number, receivedLength: number): number {
  const level = words[at + (LEVEL >>> 2)]
  const type = words[at + (TYPE >>> 2)]
  if (receivedLength >= IPV4_CONTROL_SIZE && level === IPPROTO_IP && type === IP_PKTINFO) {
    // The interface is left to routing: the way back may be another one than the request's.
    words[at + (IPV4_INTERFACE >>> 2)] = 0
    return IPV4_CONTROL_SIZE
  }
  if (receivedLength >= IPV6_CONTROL_SIZE && level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
    if (!isLinkLocal(words[at + (IPV6_ADDRESS >>> 2)]!)) words[at + (IPV6_INTERFACE >>> 2)] = 0
    return IPV6_CONTROL_SIZE
  }
  return 0
}

/** Writes the address of ours that a request was sent to, as its control data says, and returns its length; 0 where that says none. `at` is its first byte. */
export function readDestination(
  bytes: Uint8Array,
  words: Uint32Array,
  at: number,
  length: number,
  target: Uint8Array,
): number {
  const level = words[(at + LEVEL) >>> 2]
  const type = words[(at + TYPE) >>> 2]
  if (length >= IPV4_CONTROL_SIZE && level === IPPROTO_IP && type === IP_PKTINFO) {
    return copyBytes(bytes, at + IPV4_OWN_ADDRESS, target, 4)
  }
  if (length >= IPV6_CONTROL_SIZE && level === IPPROTO_IPV6 && type === IPV6_PKTINFO) {
    return copyBytes(bytes, at + IPV6_ADDRESS, target, 16)
  }
  return 0
}

function copyBytes(from: Uint8Array, start: number, target: Uint8Array, length: number): number {
  for (let i = 0; i < length; i++) target[i] = from[start + i]!
  return length
}

/**
 * Writes the control data that a request for an address would have come with, and returns its length: for a request that came another way
 * than through its socket. `address` has 4 or 16 octets.
 */
export function writePacketInfo(target: Uint8Array, at: number, address: Uint8Array, interfaceIndex: number): number {
  const isIpv4 = address.length === 4
  const view = new DataView(target.buffer, target.byteOffset + at, CONTROL_CAPACITY)
  view.setUint32(0, DATA + (isIpv4 ? IPV4_INFO_SIZE : IPV6_INFO_SIZE), true)
  view.setUint32(4, 0, true)
  view.setUint32(LEVEL, isIpv4 ? IPPROTO_IP : IPPROTO_IPV6, true)
  view.setUint32(TYPE, isIpv4 ? IP_PKTINFO : IPV6_PKTINFO, true)
  view.setUint32(isIpv4 ? IPV4_INTERFACE : IPV6_INTERFACE, interfaceIndex, true)
  target.set(address, at + (isIpv4 ? IPV4_OWN_ADDRESS : IPV6_ADDRESS))
  // What was asked and what it was asked of: the same address, as long as it is nobody's broadcast.
  if (isIpv4) target.set(address, at + IPV4_INTERFACE + 8)
  return isIpv4 ? IPV4_CONTROL_SIZE : IPV6_CONTROL_SIZE
}

/** RFC 4291 §2.5.6: fe80::/10, which means nothing without an interface. Takes the first four bytes, as little-endian. */
function isLinkLocal(word: number): boolean {
  return (word & 0xc0ff) === 0x80fe
}

function padded(length: number): number {
  return (length + 7) & ~7
}
