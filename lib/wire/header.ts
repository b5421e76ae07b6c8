import { HEADER_SIZE } from './constants.js'
import type { WireReader } from './reader.js'

// RFC 1035 §4.1.1, with the bits that RFC 4035 §3.2 has added:
//   | id 16 | QR 1, opcode 4, AA 1, TC 1, RD 1, RA 1, Z 1, AD 1, CD 1, rcode 4 | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT |

export const FLAG_QR = 0x8000
export const FLAG_AA = 0x0400
export const FLAG_TC = 0x0200
export const FLAG_RD = 0x0100
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
    this.id = reader.u16()
    this.flags = reader.u16()
    this.questionCount = reader.u16()
    this.answerCount = reader.u16()
    this.authorityCount = reader.u16()
    this.additionalCount = reader.u16()
    return true
  }

  get isResponse(): boolean {
    return (this.flags & FLAG_QR) !== 0
  }

  get opcode(): number {
    return this.flags & OPCODE_MASK
  }
}
