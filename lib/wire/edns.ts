import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH, MIN_UDP_PAYLOAD, Type } from './constants.js'
import type { Header } from './header.js'
import type { WireReader } from './reader.js'
import type { WireWriter } from './writer.js'

// RFC 6891 §6.1: an OPT record is | root name | type 41 | class: UDP payload size | ttl: extended rcode 8, version 8, DO 1, Z 15 | options |

const FLAG_DO = 0x8000
/** RFC 6891 §6.1.3: the one version there is. */
export const EDNS_VERSION = 0
/** An OPT record without options. */
export const OPT_SIZE = 11
/** What each option has before its data: code and length. */
export const OPTION_HEADER_SIZE = 4

/** Codes of options, as IANA has them. */
export const EdnsOption = {
  NSID: 3,
  CLIENT_SUBNET: 8,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PADDING: 12,
  EXTENDED_ERROR: 15,
} as const

/** RFC 7873 §4: a client's cookie has eight octets, a server's that comes back to it 8 to 32 more. */
export const CLIENT_COOKIE_SIZE = 8
const LEAST_BOTH_COOKIES = CLIENT_COOKIE_SIZE + 8
const MOST_BOTH_COOKIES = CLIENT_COOKIE_SIZE + 32

// RFC 7871 §6: | family u16 | source prefix u8 | scope prefix u8 | as many octets of the address as the source prefix reaches |
const SUBNET_SOURCE = 2
export const SUBNET_SCOPE = SUBNET_SOURCE + 1
export const SUBNET_ADDRESS = SUBNET_SCOPE + 1
export const IPV4_SUBNET = 1
export const IPV6_SUBNET = 2
const NO_SUBNET_BITS = -1

/** RFC 8914 §5.2: codes of Extended DNS Errors that we send. */
export const ExtendedError = {
  STALE_ANSWER: 3,
  CACHED_ERROR: 13,
  NOT_READY: 14,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
  INVALID_DATA: 24,
} as const
/** No Extended DNS Error; 0 is one ("Other"). */
export const NO_EXTENDED_ERROR = -1

/** What a query says in its OPT record. Made once per thread. */
export class EdnsRequest {
  present = false
  version = 0
  payloadSize = MIN_UDP_PAYLOAD
  dnssecOk = false
  /** Whether there is any of the options below; most queries have none. */
  hasOptions = false
  /** RFC 5001 §2.1: the client would like to know which server this is. */
  wantsNsid = false
  /** Where the data of its cookie option stands, if there is one: the first counts (RFC 7873 §5.2). */
  hasCookie = false
  cookieStart = 0
  cookieLength = 0
  /** RFC 7871: where the data of the option stands that says for which network the query is, if there is one: the first counts. */
  hasSubnet = false
  subnetStart = 0
  subnetLength = 0
  /** Whether that option breaks a rule; else its family (IPV4_SUBNET, IPV6_SUBNET or 0) and the length of its prefix. */
  isSubnetMalformed = false
  subnetFamily = 0
  subnetPrefix = 0
  /** RFC 7828 §3.2.1: the client would like to know how long its connection may be idle. */
  wantsKeepalive = false
  /** RFC 7830 §4: the client pads its queries, and wants its responses padded. */
  hasPadding = false

  /**
   * Reads the records behind the question. False when they are cut short, or break RFC 6891: more than one OPT, one outside
   * the additional section, one with an owner other than the root, options that do not fit. `present` is true even then:
   * who sends an OPT record gets one back (RFC 6891 §6.1.1), and would else take us for a server without EDNS (§7).
   */
  read(reader: WireReader, header: Header): boolean {
    this.clear()
    const before = header.answerCount + header.authorityCount
    const count = before + header.additionalCount
    // A record has eleven octets at least, so counts that lie end with the bytes.
    for (let i = 0; i < count; i++) if (!this.#readRecord(reader, i >= before)) return false
    return true
  }

  /** Forgets the query before. */
  clear(): void {
    // Without an OPT record nothing has been set.
    if (!this.present) return
    this.present = false
    this.version = 0
    this.payloadSize = MIN_UDP_PAYLOAD
    this.dnssecOk = false
    if (!this.hasOptions) return
    this.hasOptions = false
    this.wantsNsid = false
    this.hasCookie = false
    this.hasSubnet = false
    this.wantsKeepalive = false
    this.hasPadding = false
  }

  /** RFC 7873 §5.2.2: anything but a client's cookie, alone or before a server's, is malformed. */
  get isCookieMalformed(): boolean {
    const length = this.cookieLength
    return length !== CLIENT_COOKIE_SIZE && (length < LEAST_BOTH_COOKIES || length > MOST_BOTH_COOKIES)
  }

  #readRecord(reader: WireReader, inAdditional: boolean): boolean {
    const ownerIsRoot = skipName(reader)
    if (reader.u16() === Type.OPT) return this.#readOpt(reader, inAdditional && ownerIsRoot)
    // Class and TTL.
    reader.skip(6)
    reader.skip(reader.u16())
    return !reader.failed
  }

  #readOpt(reader: WireReader, isWhereItBelongs: boolean): boolean {
    if (this.present) return false
    this.present = true
    // RFC 6891 §6.2.3: a client that says less than 512 gets 512.
    this.payloadSize = Math.max(reader.u16(), MIN_UDP_PAYLOAD)
    // The upper bits of an RCODE, which a query has not.
    reader.u8()
    this.version = reader.u8()
    this.dnssecOk = (reader.u16() & FLAG_DO) !== 0
    const length = reader.u16()
    if (reader.failed || !isWhereItBelongs) return false
    if (this.version === EDNS_VERSION) return this.#readOptions(reader, length)
    // What the options of another version look like is for that version to say.
    reader.skip(length)
    return !reader.failed
  }

  /** False when options do not fill `length`. Those that we do not know are to be ignored (RFC 6891 §6.1.2). */
  #readOptions(reader: WireReader, length: number): boolean {
    const { bytes } = reader
    const end = reader.position + length
    if (end > reader.end) return false
    let position = reader.position
    while (position + OPTION_HEADER_SIZE <= end) {
      const code = (bytes[position]! << 8) | bytes[position + 1]!
      const size = (bytes[position + 2]! << 8) | bytes[position + 3]!
      position += OPTION_HEADER_SIZE
      if (code <= EdnsOption.PADDING) this.#note(code, position, size, bytes)
      position += size
    }
    reader.position = end
    if (position === end) return true
    // What overruns its record is not even to be looked at.
    this.hasCookie = false
    this.hasSubnet = false
    return false
  }

  /** An option that overruns its record is noted too: then the record is malformed, and nothing in it counts. */
  #note(code: number, start: number, size: number, bytes: Uint8Array): void {
    switch (code) {
      case EdnsOption.NSID:
        this.hasOptions = true
        this.wantsNsid = true
        return
      case EdnsOption.COOKIE:
        if (this.hasCookie) return
        this.hasOptions = true
        this.hasCookie = true
        this.cookieStart = start
        this.cookieLength = size
        return
      case EdnsOption.CLIENT_SUBNET:
        if (this.hasSubnet) return
        this.hasOptions = true
        this.hasSubnet = true
        this.subnetStart = start
        this.subnetLength = size
        this.isSubnetMalformed = !this.#readSubnet(bytes)
        return
      case EdnsOption.TCP_KEEPALIVE:
        // A client has no time to tell (RFC 7828 §3.2.1); who tells one has something else in mind.
        this.hasOptions = true
        this.wantsKeepalive = size === 0
        return
      case EdnsOption.PADDING:
        this.hasOptions = true
        this.hasPadding = true
        return
      default:
    }
  }
  /** RFC 7871 §6: in a query the scope is 0, the octets are as many as the prefix has, and no bit is set behind it. */
  #readSubnet(bytes: Uint8Array): boolean {
    const { subnetStart: at, subnetLength: length } = this
    if (length < SUBNET_ADDRESS) return false
    this.subnetFamily = (bytes[at]! << 8) | bytes[at + 1]!
    const prefix = bytes[at + SUBNET_SOURCE]!
    this.subnetPrefix = prefix
    if (bytes[at + SUBNET_SCOPE] !== 0 || prefix > subnetBits(this.subnetFamily)) return false
    if (length - SUBNET_ADDRESS !== (prefix + 7) >>> 3) return false
    const behind = (8 - (prefix & 7)) & 7
    return (bytes[at + length - 1]! & ((1 << behind) - 1)) === 0
  }
}

/** How many bits an address of the family can have (RFC 7871 §6). Family 0 is what says nothing at all. */
function subnetBits(family: number): number {
  if (family === IPV4_SUBNET) return 32
  if (family === IPV6_SUBNET) return 128
  return family === 0 ? 0 : NO_SUBNET_BITS
}

/** Writes our OPT record up to its options, which take `optionsLength` octets. `rcode` is the whole extended one, of which it takes the upper eight bits. */
export function writeOptHead(
  writer: WireWriter,
  payloadSize: number,
  rcode: number,
  dnssecOk: boolean,
  optionsLength: number,
): void {
  writer.u8(0)
  writer.u16(Type.OPT)
  writer.u16(payloadSize)
  writer.u8(rcode >>> 4)
  writer.u8(EDNS_VERSION)
  // RFC 3225 §3: the DO bit is copied from the query.
  writer.u16(dnssecOk ? FLAG_DO : 0)
  writer.u16(optionsLength)
}

/** What stands before an option's data. */
export function writeOptionHead(writer: WireWriter, code: number, length: number): void {
  writer.u16(code)
  writer.u16(length)
}

/**
 * Passes over a name, compressed or not, and says whether it is the root. One that breaks a limit fails the reader.
 * Not by way of the cursor, and neither are options: a datagram can hold thousands of labels or options, at a price.
 */
function skipName(reader: WireReader): boolean {
  const { bytes, end, position: start } = reader
  let position = start
  while (position < end) {
    const length = bytes[position]!
    if (length === 0) {
      reader.position = position + 1
      return position === start
    }
    if (length >= COMPRESSED) {
      reader.position = position
      reader.skip(POINTER_SIZE)
      return false
    }
    position += length + 1
    if (length > MAX_LABEL_LENGTH || position - start >= MAX_NAME_LENGTH) break
  }
  reader.fail()
  return false
}

/** RFC 1035 §4.1.4: the two upper bits of a pointer. */
const COMPRESSED = 0xc0
const POINTER_SIZE = 2
