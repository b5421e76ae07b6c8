import { HEADER_SIZE } from './constants.js'
import type { WireReader } from './reader.js'

// RFC 1035 §4.1.1, with the bits that RFC 4035 §3.2 has added:
//   | id 16 | QR 1, opcode 4, AA 1, TC 1, RD 1, RA 1, Z 1, AD 1, CD 1, rcode 4 | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT |

export const FLAG_QR = 0x8000
export const FLAG_AA = 0x0400
export const FLAG_TC = 0x0200
export const FLAG_RD = 0x0100
export const FLAG_RA = 0x0080
export const FLAG_AD = 0x0020
export const FLAG_CD = 0x0010
export const OPCODE_MASK = 0x7800
export const OPCODE_QUERY = 0

/** The header of a message, read into fields. Made once per thread. */
export class Header {
  id = 0
  flags = 0
  questionCount = 0
  answerCount = 0
  authorityCount = 0
  additionalCount = 0

  /** False when there are fewer than twelve octets. */
  read(reader: WireReader): boolean {
    if (reader.remaining < HEADER_SIZE) return false
    const { bytes, position: at } = reader
    this.id = (bytes[at]! << 8) | bytes[at + 1]!
    this.flags = (bytes[at + 2]! << 8) | bytes[at + 3]!
    this.questionCount = (bytes[at + 4]! << 8) | bytes[at + 5]!
    this.answerCount = (bytes[at + 6]! << 8) | bytes[at + 7]!
    this.authorityCount = (bytes[at + 8]! << 8) | bytes[at + 9]!
    this.additionalCount = (bytes[at + 10]! << 8) | bytes[at + 11]!
    reader.position = at + HEADER_SIZE
    return true
  }

  get isResponse(): boolean {
    return (this.flags & FLAG_QR) !== 0
  }

  get opcode(): number {
    return this.flags & OPCODE_MASK
  }
}
