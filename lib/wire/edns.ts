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
const OPTION_HEADER_SIZE = 4
/** RFC 8914 §2. */
const OPTION_EXTENDED_ERROR = 15
/** What an Extended DNS Error without text adds to an OPT record. */
export const EXTENDED_ERROR_SIZE = OPTION_HEADER_SIZE + 2

/** RFC 8914 §5.2: codes of Extended DNS Errors that we send. */
export const ExtendedError = { NOT_READY: 14 } as const
/** No Extended DNS Error; 0 is one ("Other"). */
export const NO_EXTENDED_ERROR = -1

/** What a query says in its OPT record. Made once per thread. */
export class EdnsRequest {
  present = false
  version = 0
  payloadSize = MIN_UDP_PAYLOAD
  dnssecOk = false

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
    this.present = false
    this.version = 0
    this.payloadSize = MIN_UDP_PAYLOAD
    this.dnssecOk = false
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
    if (this.version === EDNS_VERSION) return readOptions(reader, length)
    // What the options of another version look like is for that version to say.
    reader.skip(length)
    return !reader.failed
  }
}

/** Passes over options: those that we do not know are to be ignored (RFC 6891 §6.1.2). False when they do not fill `length`. */
function readOptions(reader: WireReader, length: number): boolean {
  const { bytes } = reader
  const end = reader.position + length
  if (end > reader.end) return false
  let position = reader.position
  while (position + OPTION_HEADER_SIZE <= end) {
    position += OPTION_HEADER_SIZE + ((bytes[position + 2]! << 8) | bytes[position + 3]!)
  }
  reader.position = end
  return position === end
}

/** Writes our OPT record. `rcode` is the whole extended one, of which it takes the upper eight bits. */
export function writeOpt(
  writer: WireWriter,
  payloadSize: number,
  rcode: number,
  dnssecOk: boolean,
  extendedError: number,
): void {
  writer.u8(0)
  writer.u16(Type.OPT)
  writer.u16(payloadSize)
  writer.u8(rcode >>> 4)
  writer.u8(EDNS_VERSION)
  // RFC 3225 §3: the DO bit is copied from the query.
  writer.u16(dnssecOk ? FLAG_DO : 0)
  if (extendedError === NO_EXTENDED_ERROR) {
    writer.u16(0)
    return
  }
  writer.u16(EXTENDED_ERROR_SIZE)
  writer.u16(OPTION_EXTENDED_ERROR)
  writer.u16(2)
  writer.u16(extendedError)
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
