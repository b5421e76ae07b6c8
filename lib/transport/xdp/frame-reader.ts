import {
  ETHERNET_SIZE,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  IPV4_DESTINATION,
  IPV4_FRAGMENT_MASK,
  IPV4_ID,
  IPV4_PLAIN,
  IPV4_SIZE,
  IPV4_SOURCE,
  IPV4_TTL,
  IPV4_VERSION,
  IPV6_DESTINATION,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SIZE,
  IPV6_SOURCE,
  IPV6_VERSION,
  MAX_VLAN_TAGS,
  PROTOCOL_UDP,
  TYPE_IPV4,
  TYPE_IPV6,
  TYPES_VLAN,
  UDP_LENGTH,
  UDP_SIZE,
  UDP_SOURCE,
  VLAN_TAG_SIZE,
} from './frame-layout.js'
import { foldSum, sumWord, sumWords, swap16 } from './internet-checksum.js'

/** What became of a frame. Numbers, because one is asked for each frame. */
export const Verdict = { datagram: 0, malformed: 1, badChecksum: 2, unanswerable: 3 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/**
 * Finds the datagram in a frame. The program has looked at it already, but not at lengths and checksums, and nothing is taken on trust:
 * a frame that is not what it should be has its verdict, and nothing outside of it is read.
 */
export class FrameReader {
  /** Of the last datagram: where its IP header, its UDP header and its payload begin, and the length of the payload. */
  network = 0
  transport = 0
  payload = 0
  payloadLength = 0
  isIpv6 = false
  readonly #view: DataView
  #end = 0

  constructor(view: DataView) {
    this.#view = view
  }

  read(start: number, length: number): Verdict {
    this.#end = start + length
    if (length < ETHERNET_SIZE + IPV4_SIZE + UDP_SIZE) return Verdict.malformed
    const view = this.#view
    let at = start
    let type = view.getUint16(at + ETHERNET_TYPE)
    for (let tags = 0; tags < MAX_VLAN_TAGS && (type === VLAN || type === OUTER_VLAN); tags++) {
      at += VLAN_TAG_SIZE
      type = view.getUint16(at + ETHERNET_TYPE)
    }
    // The sender of a frame is one; no more can be said of an address on the local network.
    if ((view.getUint8(start + ETHERNET_SOURCE) & GROUP) !== 0) return Verdict.unanswerable
    this.network = at + ETHERNET_SIZE
    if (type === TYPE_IPV4) return this.#readIpv4()
    return type === TYPE_IPV6 ? this.#readIpv6() : Verdict.malformed
  }

  /** Each word of the header is read once: what is looked for in it is what is added up. */
  #readIpv4(): Verdict {
    const view = this.#view
    const { network } = this
    if (network + IPV4_SIZE + UDP_SIZE > this.#end) return Verdict.malformed
    const first = view.getInt32(network + IPV4_VERSION, true)
    const second = view.getInt32(network + IPV4_ID, true)
    const third = view.getInt32(network + IPV4_TTL, true)
    const source = view.getInt32(network + IPV4_SOURCE, true)
    const destination = view.getInt32(network + IPV4_DESTINATION, true)
    const length = swap16(first >>> 16)
    if ((first & 0xff) !== IPV4_PLAIN) return Verdict.malformed
    if (((second >>> 16) & FRAGMENT_MASK_SWAPPED) !== 0) return Verdict.malformed
    if (((third >>> 8) & 0xff) !== PROTOCOL_UDP) return Verdict.malformed
    if (length < IPV4_SIZE + UDP_SIZE || network + length > this.#end) return Verdict.malformed
    const addressSum = sumWord(source) + sumWord(destination)
    const sum = sumWord(first) + sumWord(second) + sumWord(third) + addressSum
    if (foldSum(sum) !== ALL_ONES) return Verdict.badChecksum
    this.isIpv6 = false
    this.transport = network + IPV4_SIZE
    if (!canAnswerIpv4(source & 0xff, destination & 0xff)) return Verdict.unanswerable
    return this.#readUdp(length - IPV4_SIZE, addressSum)
  }

  #readIpv6(): Verdict {
    const view = this.#view
    const { network } = this
    if (network + IPV6_SIZE + UDP_SIZE > this.#end) return Verdict.malformed
    const length = view.getUint16(network + IPV6_LENGTH)
    if (view.getUint8(network + IPV6_VERSION) >>> 4 !== 6) return Verdict.malformed
    if (view.getUint8(network + IPV6_NEXT_HEADER) !== PROTOCOL_UDP) return Verdict.malformed
    if (length < UDP_SIZE || network + IPV6_SIZE + length > this.#end) return Verdict.malformed
    this.isIpv6 = true
    this.transport = network + IPV6_SIZE
    if (!this.#canAnswerIpv6(network + IPV6_SOURCE, network + IPV6_DESTINATION)) return Verdict.unanswerable
    return this.#readUdp(length, sumWords(view, network + IPV6_SOURCE, IPV6_SIZE - IPV6_SOURCE))
  }

  /** `addressSum` is of both addresses. What IP has beyond the length of UDP is padding. */
  #readUdp(room: number, addressSum: number): Verdict {
    const view = this.#view
    const { transport } = this
    const second = view.getInt32(transport + UDP_LENGTH, true)
    const lengthSwapped = second & 0xffff
    const length = swap16(lengthSwapped)
    if (length < UDP_SIZE || length > room) return Verdict.malformed
    this.payload = transport + UDP_SIZE
    this.payloadLength = length - UDP_SIZE
    if (view.getUint16(transport + UDP_SOURCE) === 0) return Verdict.unanswerable
    const checksum = second >>> 16
    // RFC 768: the sender made none. RFC 8200 §8.1: over IPv6 it must.
    if (checksum === 0) return this.isIpv6 ? Verdict.badChecksum : Verdict.datagram
    const pseudoHeader = addressSum + PROTOCOL_SWAPPED + lengthSwapped
    // Between machines on one host, the checksum is left to a card that never comes: what stands there is the sum that it would begin with.
    if (checksum === foldSum(pseudoHeader)) return Verdict.datagram
    return foldSum(pseudoHeader + sumWords(view, transport, length)) === ALL_ONES
      ? Verdict.datagram
      : Verdict.badChecksum
  }

  #canAnswerIpv6(source: number, destination: number): boolean {
    const view = this.#view
    if (view.getUint8(source) === IPV6_MULTICAST) return false
    // `::` and `::1`; the latter where we are asked there, too, and nowhere else.
    if (view.getInt32(source) !== 0 || view.getInt32(source + 4) !== 0 || view.getInt32(source + 8) !== 0) return true
    const last = view.getUint32(source + 12)
    return last > 1 || (last === 1 && view.getUint8(destination) === 0)
  }
}

const [VLAN, OUTER_VLAN] = TYPES_VLAN as [number, number]
/** The bit of a MAC address by which it belongs to many. */
const GROUP = 0x01
const ALL_ONES = 0xffff
const PROTOCOL_SWAPPED = swap16(PROTOCOL_UDP)
const FRAGMENT_MASK_SWAPPED = swap16(IPV4_FRAGMENT_MASK)
const IPV6_MULTICAST = 0xff

/**
 * By the first octets of source and destination: neither 0.0.0.0/8 nor multicast, nor the reserved addresses behind it (RFC 6890 §2.2.2);
 * 127.0.0.0/8 where we are asked there, too, and nowhere else.
 */
function canAnswerIpv4(source: number, destination: number): boolean {
  return source !== 0 && source < 224 && (source !== 127 || destination === 127)
}
