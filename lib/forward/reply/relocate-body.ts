import { HEADER_SIZE } from '../../wire/constants.js'
import { POINTER, POINTER_MASK } from './message-name.js'
import { NAME, REST, rdataNames, STRING } from './rdata-names.js'

/** Where a body was written for, and where it stands. All offsets are counted from where the message begins. */
export interface Relocation {
  readonly bytes: Uint8Array
  /** Where the message begins. */
  readonly start: number
  /** Where the body begins in it. */
  readonly bodyOffset: number
  readonly recordCount: number
  /** Of the name that the body was written for, as a question's: its length, and where it stands in this message. */
  readonly nameLength: number
  readonly nameOffset: number
}

export const NO_BYTES = new Uint8Array(0)

/**
 * Has the pointers of a body that `BodyWriter` has written lead to the same names in another message, in which the name that it was
 * written for stands elsewhere: behind CNAMEs of ours that lead there. False when one of them would have to lead too far; the body is of no use then.
 */
export function relocateBody(relocation: Relocation): boolean {
  const { bytes, start, bodyOffset, recordCount } = relocation
  let at = start + bodyOffset
  for (let record = 0; record < recordCount; record++) {
    at = movePointer(relocation, at)
    if (at === TOO_FAR) return false
    const type = (bytes[at]! << 8) | bytes[at + 1]!
    const rdata = at + RDATA_OFFSET
    const end = rdata + ((bytes[rdata - 2]! << 8) | bytes[rdata - 1]!)
    if (!moveRdata(relocation, type, rdata)) return false
    at = end
  }
  return true
}

const TOO_FAR = -1
/** Type, class, TTL, and the length of the rdata. */
const RDATA_OFFSET = 10
const TYPE_AND_CLASS_SIZE = 4
const POINTER_BYTE = POINTER >>> 8

function moveRdata(relocation: Relocation, type: number, start: number): boolean {
  const names = rdataNames(type)
  if (names === undefined || !names.isCompressible) return true
  let at = start
  for (const piece of names.pieces) {
    if (piece === NAME) at = movePointer(relocation, at)
    else if (piece === STRING) at += 1 + relocation.bytes[at]!
    else if (piece !== REST) at += piece
    if (at === TOO_FAR) return false
  }
  return true
}

/** Of the name at `at`; returns where it ends. */
function movePointer(relocation: Relocation, at: number): number {
  const { bytes } = relocation
  while (bytes[at]! < POINTER_BYTE) {
    if (bytes[at] === 0) return at + 1
    at += 1 + bytes[at]!
  }
  const moved = movedOffset(relocation, ((bytes[at]! << 8) | bytes[at + 1]!) & POINTER_MASK)
  if (moved > POINTER_MASK) return TOO_FAR
  bytes[at] = POINTER_BYTE | (moved >>> 8)
  bytes[at + 1] = moved
  return at + 2
}

function movedOffset({ bytes, start, bodyOffset, nameLength, nameOffset }: Relocation, offset: number): number {
  const bodyBefore = HEADER_SIZE + nameLength + TYPE_AND_CLASS_SIZE
  if (offset >= bodyBefore) return offset - bodyBefore + bodyOffset
  let at = nameOffset
  for (let left = offset - HEADER_SIZE; ; ) {
    const first = bytes[start + at]!
    if (first >= POINTER_BYTE) at = ((first << 8) | bytes[start + at + 1]!) & POINTER_MASK
    else if (left <= 0) return at
    else {
      at += 1 + first
      left -= 1 + first
    }
  }
}
