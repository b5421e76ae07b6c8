import {
  ETHERNET_DESTINATION,
  ETHERNET_SIZE,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_LENGTH,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SIZE,
  IPV4_SOURCE,
  IPV4_TTL,
  IPV4_VERSION,
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SIZE,
  IPV6_SOURCE,
  IPV6_VERSION,
  PROTOCOL_UDP,
  UDP_CHECKSUM,
  UDP_DESTINATION,
  UDP_LENGTH,
  UDP_SIZE,
  UDP_SOURCE,
} from './frame-layout.js'
import { foldSum, sumWords, swap16 } from './internet-checksum.js'

/**
 * Writes the headers of a response in front of its payload, which stands as far behind `start` as that of the request stands behind its own
 * frame: back to the machine that the request came from, with its VLAN tags, from the address and port that it was sent to.
 *
 * `network` is where the request's IP header begins. Returns the length of the frame.
 */
export function writeHeaders(
  view: DataView,
  request: number,
  network: number,
  isIpv6: boolean,
  start: number,
  payloadLength: number,
): number {
  const shift = start - request
  copyEthernet(view, request, start, network - request - ETHERNET_SIZE)
  if (isIpv6) return network - request + writeIpv6(view, network, network + shift, payloadLength)
  return network - request + writeIpv4(view, network, network + shift, payloadLength)
}

/** RFC 1122 §3.2.1.7 and RFC 8200 §8.2 leave it to us; 64 is what Linux takes. */
const HOPS = 64
const IPV4_DONT_FRAGMENT = 0x4000
const IPV6_VERSION_ONLY = 0x60000000

// Of the checksum of an IPv4 header what is the same in all of ours, as a little-endian machine reads it.
const IPV4_CONSTANT_SUM = swap16(IPV4_PLAIN << 8) + swap16(IPV4_DONT_FRAGMENT) + swap16((HOPS << 8) | PROTOCOL_UDP)
const PROTOCOL_SWAPPED = swap16(PROTOCOL_UDP)

/** The sender becomes the receiver; tags and type stay as they are. */
function copyEthernet(view: DataView, request: number, start: number, tagBytes: number): void {
  copyMac(view, request + ETHERNET_SOURCE, start + ETHERNET_DESTINATION)
  copyMac(view, request + ETHERNET_DESTINATION, start + ETHERNET_SOURCE)
  for (let at = ETHERNET_TYPE; at < ETHERNET_SIZE + tagBytes; at += 2) {
    view.setInt16(start + at, view.getInt16(request + at, true), true)
  }
}

function copyMac(view: DataView, from: number, to: number): void {
  view.setInt32(to, view.getInt32(from, true), true)
  view.setInt16(to + 4, view.getInt16(from + 4, true), true)
}

function writeIpv4(view: DataView, request: number, at: number, payloadLength: number): number {
  const length = IPV4_SIZE + UDP_SIZE + payloadLength
  view.setUint16(at + IPV4_VERSION, IPV4_PLAIN << 8)
  view.setUint16(at + IPV4_LENGTH, length)
  // RFC 6864 §4.1: what is never fragmented needs no number.
  view.setUint16(at + IPV4_ID, 0)
  view.setUint16(at + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT)
  view.setUint8(at + IPV4_TTL, HOPS)
  view.setUint8(at + IPV4_PROTOCOL, PROTOCOL_UDP)
  const addressSum =
    moveWord(view, request + IPV4_DESTINATION, at + IPV4_SOURCE) +
    moveWord(view, request + IPV4_SOURCE, at + IPV4_DESTINATION)
  view.setUint16(at + IPV4_CHECKSUM, ~foldSum(IPV4_CONSTANT_SUM + swap16(length) + addressSum), true)
  writeUdp(view, request + IPV4_SIZE, at + IPV4_SIZE, payloadLength, addressSum)
  return length
}

function writeIpv6(view: DataView, request: number, at: number, payloadLength: number): number {
  const length = UDP_SIZE + payloadLength
  view.setUint32(at + IPV6_VERSION, IPV6_VERSION_ONLY)
  view.setUint16(at + IPV6_LENGTH, length)
  view.setUint8(at + IPV6_NEXT_HEADER, PROTOCOL_UDP)
  view.setUint8(at + IPV6_HOP_LIMIT, HOPS)
  let addressSum = 0
  for (let word = 0; word < 16; word += 4) {
    addressSum +=
      moveWord(view, request + IPV6_DESTINATION + word, at + IPV6_SOURCE + word) +
      moveWord(view, request + IPV6_SOURCE + word, at + IPV6_DESTINATION + word)
  }
  writeUdp(view, request + IPV6_SIZE, at + IPV6_SIZE, payloadLength, addressSum)
  return IPV6_SIZE + length
}

function writeUdp(view: DataView, request: number, at: number, payloadLength: number, addressSum: number): void {
  const length = UDP_SIZE + payloadLength
  const ports =
    (view.getUint16(request + UDP_DESTINATION, true) | (view.getUint16(request + UDP_SOURCE, true) << 16)) >> 0
  view.setInt32(at + UDP_SOURCE, ports, true)
  view.setUint16(at + UDP_LENGTH, length)
  const headerSum = (ports & 0xffff) + (ports >>> 16) + 2 * swap16(length) + PROTOCOL_SWAPPED
  const checksum = ~foldSum(addressSum + headerSum + sumWords(view, at + UDP_SIZE, payloadLength)) & 0xffff
  // RFC 768: 0 would say that there is none.
  view.setUint16(at + UDP_CHECKSUM, checksum === 0 ? 0xffff : checksum, true)
}

/** Copies four bytes, and returns the sum of the two words in them. */
function moveWord(view: DataView, from: number, to: number): number {
  const word = view.getInt32(from, true)
  view.setInt32(to, word, true)
  return (word & 0xffff) + (word >>> 16)
}
