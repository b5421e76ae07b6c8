import {
  ETHERNET_DESTINATION,
  ETHERNET_SIZE,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  IPV4_DESTINATION,
  IPV4_ID,
  IPV4_PLAIN,
  IPV4_SIZE,
  IPV4_SOURCE,
  IPV4_TTL,
  IPV4_VERSION,
  IPV6_DESTINATION,
  IPV6_LENGTH,
  IPV6_SIZE,
  IPV6_SOURCE,
  IPV6_VERSION,
  PROTOCOL_UDP,
  UDP_LENGTH,
  UDP_SIZE,
  UDP_SOURCE,
} from './frame-layout.js'
import { foldSum, sumWholeWords, sumWord, swap16 } from './internet-checksum.js'

/**
 * Writes the headers of a response in front of its payload, which stands as far behind the start of its frame as that of the request stands
 * behind its own: back to the machine that the request came from, with its VLAN tags, from the address and port that it was sent to.
 *
 * The frame of a response begins 2 bytes behind a word, so that everything behind the Ethernet header begins on one.
 */
export class FrameWriter {
  readonly #view: DataView
  readonly #words: Int32Array

  /** Both of the same memory. */
  constructor(view: DataView, words: Int32Array) {
    this.#view = view
    this.#words = words
  }

  /** `network` is where the request's IP header begins. Returns the length of the frame. */
  write(request: number, network: number, isIpv6: boolean, start: number, payloadLength: number): number {
    const headerSize = network - request
    copyEthernet(this.#view, request, start, headerSize - ETHERNET_SIZE)
    const at = start + headerSize
    return (
      headerSize + (isIpv6 ? this.#writeIpv6(network, at, payloadLength) : this.#writeIpv4(network, at, payloadLength))
    )
  }

  #writeIpv4(request: number, at: number, payloadLength: number): number {
    const view = this.#view
    const words = this.#words
    const length = IPV4_SIZE + UDP_SIZE + payloadLength
    const lengthSwapped = swap16(length)
    const source = view.getInt32(request + IPV4_SOURCE, true)
    const destination = view.getInt32(request + IPV4_DESTINATION, true)
    const addressSum = sumWord(source) + sumWord(destination)
    const checksum = ~foldSum(IPV4_CONSTANT_SUM + lengthSwapped + addressSum)
    words[(at + IPV4_VERSION) >>> 2] = IPV4_PLAIN | (lengthSwapped << 16)
    words[(at + IPV4_ID) >>> 2] = IPV4_SECOND_WORD
    words[(at + IPV4_TTL) >>> 2] = IPV4_HOPS_AND_PROTOCOL | (checksum << 16)
    words[(at + IPV4_SOURCE) >>> 2] = destination
    words[(at + IPV4_DESTINATION) >>> 2] = source
    this.#writeUdp(request + IPV4_SIZE, at + IPV4_SIZE, payloadLength, addressSum)
    return length
  }

  #writeIpv6(request: number, at: number, payloadLength: number): number {
    const words = this.#words
    const lengthSwapped = swap16(UDP_SIZE + payloadLength)
    words[(at + IPV6_VERSION) >>> 2] = IPV6_FIRST_WORD
    words[(at + IPV6_LENGTH) >>> 2] = lengthSwapped | IPV6_PROTOCOL_AND_HOPS
    const addressSum =
      this.#copyAddress(request + IPV6_DESTINATION, at + IPV6_SOURCE) +
      this.#copyAddress(request + IPV6_SOURCE, at + IPV6_DESTINATION)
    this.#writeUdp(request + IPV6_SIZE, at + IPV6_SIZE, payloadLength, addressSum)
    return IPV6_SIZE + UDP_SIZE + payloadLength
  }

  #writeUdp(request: number, at: number, payloadLength: number, addressSum: number): void {
    const words = this.#words
    const lengthSwapped = swap16(UDP_SIZE + payloadLength)
    const ports = this.#view.getInt32(request + UDP_SOURCE, true)
    const headerSum = sumWord(ports) + 2 * lengthSwapped + PROTOCOL_SWAPPED
    const sum = addressSum + headerSum + sumWholeWords(words, (at + UDP_SIZE) >>> 2, payloadLength)
    const checksum = ~foldSum(sum) & 0xffff
    words[(at + UDP_SOURCE) >>> 2] = (ports << 16) | (ports >>> 16)
    // RFC 768: 0 would say that there is none.
    words[(at + UDP_LENGTH) >>> 2] = lengthSwapped | ((checksum === 0 ? 0xffff : checksum) << 16)
  }

  /** Returns the sum of the words in an address of IPv6. */
  #copyAddress(from: number, to: number): number {
    const view = this.#view
    const at = to >>> 2
    const first = view.getInt32(from, true)
    const second = view.getInt32(from + 4, true)
    const third = view.getInt32(from + 8, true)
    const fourth = view.getInt32(from + 12, true)
    this.#words[at] = first
    this.#words[at + 1] = second
    this.#words[at + 2] = third
    this.#words[at + 3] = fourth
    return sumWord(first) + sumWord(second) + sumWord(third) + sumWord(fourth)
  }
}

/** RFC 1122 §3.2.1.7 and RFC 8200 §8.2 leave it to us; 64 is what Linux takes. */
const HOPS = 64
const IPV4_DONT_FRAGMENT = 0x4000

// Words of headers, as a little-endian machine has them.
/** | id | flags |. RFC 6864 §4.1: what is never fragmented needs no number. */
const IPV4_SECOND_WORD = swap16(IPV4_DONT_FRAGMENT) << 16
/** | TTL | protocol |, in front of the checksum. */
const IPV4_HOPS_AND_PROTOCOL = HOPS | (PROTOCOL_UDP << 8)
/** Of the checksum of an IPv4 header what is the same in all of ours. */
const IPV4_CONSTANT_SUM = IPV4_PLAIN + sumWord(IPV4_SECOND_WORD) + IPV4_HOPS_AND_PROTOCOL
/** | version, class, flow |, of which only the version is anything. */
const IPV6_FIRST_WORD = 0x60
/** | next header | hop limit |, behind the length. */
const IPV6_PROTOCOL_AND_HOPS = (PROTOCOL_UDP << 16) | (HOPS << 24)
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
