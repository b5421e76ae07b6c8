import { HEADER_SIZE, Rcode, RDLENGTH_SIZE, Type } from '../../wire/constants.js'
import { FLAG_QR, FLAG_TC, OPCODE_MASK } from '../../wire/header.js'
import { foldByte } from '../../wire/name.js'
import type { UpstreamQuery } from './query-writer.js'

// Of a message from upstream: whether it belongs to a query of ours (RFC 5452 §9.1), and what it says on the whole.

/** Not a response to the query. */
export const FOREIGN = 0
/** The response to the query. */
export const MATCHING = 1
/** The same with letters of the name in another case. */
export const OTHER_CASE = 2
/** An error without a question, as servers send that do not know EDNS. Anybody's with the right ID. */
export const BARE_ERROR = 3
export type ReplyMatch = typeof FOREIGN | typeof MATCHING | typeof OTHER_CASE | typeof BARE_ERROR

const RCODE_MASK = 0xf
/** There is no OPT record in a message, or it cannot be found. */
export const NO_OPT = -1

/** Compares all but the ID, by which the query was found. */
export function matchReply(bytes: Uint8Array, length: number, query: UpstreamQuery): ReplyMatch {
  if (length < HEADER_SIZE) return FOREIGN
  const flags = replyFlags(bytes)
  if ((flags & FLAG_QR) === 0 || (flags & OPCODE_MASK) !== 0) return FOREIGN
  const questionCount = u16(bytes, 4)
  if (questionCount === 0) return length === HEADER_SIZE && isEdnsRefusal(flags & RCODE_MASK) ? BARE_ERROR : FOREIGN
  const { name, nameLength, type } = query
  const typeAt = HEADER_SIZE + nameLength
  if (questionCount !== 1 || length < typeAt + 4) return FOREIGN
  if (u16(bytes, typeAt) !== type || u16(bytes, typeAt + 2) !== query.class) return FOREIGN
  let match: ReplyMatch = MATCHING
  for (let i = 0; i < nameLength; i++) {
    const byte = bytes[HEADER_SIZE + i]!
    if (byte === name[i]) continue
    if (foldByte(byte) !== foldByte(name[i]!)) return FOREIGN
    match = OTHER_CASE
  }
  return match
}

export function isTruncated(bytes: Uint8Array): boolean {
  return (replyFlags(bytes) & FLAG_TC) !== 0
}

/** The RCODE; its upper bits come from the OPT record, if there is one. `upperBits` is what `extendedRcodeBits` gave. */
export function replyRcode(bytes: Uint8Array, upperBits: number): number {
  return (replyFlags(bytes) & RCODE_MASK) | (upperBits > 0 ? upperBits << 4 : 0)
}

/** Responses of servers that do not know EDNS, or not ours of it (RFC 6891 §7). */
export function isEdnsRefusal(rcode: number): boolean {
  return rcode === Rcode.FORMERR || rcode === Rcode.NOTIMP || rcode === Rcode.BADVERS
}

/** The upper eight bits of the RCODE (RFC 6891 §6.1.3), NO_OPT without them. Skips over what stands before the OPT record. */
export function extendedRcodeBits(bytes: Uint8Array, length: number, questionLength: number): number {
  const before = u16(bytes, 6) + u16(bytes, 8)
  const count = before + u16(bytes, 10)
  let at = HEADER_SIZE + questionLength
  // A record has eleven octets at least, so counts that lie end with the bytes.
  for (let i = 0; i < count; i++) {
    const typeAt = skipName(bytes, at, length)
    if (typeAt === 0 || typeAt + 8 + RDLENGTH_SIZE > length) return NO_OPT
    if (i >= before && u16(bytes, typeAt) === Type.OPT) return bytes[typeAt + 4]!
    at = typeAt + 8 + RDLENGTH_SIZE + u16(bytes, typeAt + 8)
  }
  return NO_OPT
}

/** Where a name ends, without following its pointer; 0 when it does not. */
function skipName(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const length = bytes[at]!
    if (length >= 0xc0) return at + 2
    if (length === 0) return at + 1
    if (length > 63) return 0
    at += length + 1
  }
  return 0
}

function replyFlags(bytes: Uint8Array): number {
  return u16(bytes, 2)
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
