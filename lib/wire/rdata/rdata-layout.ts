import { nameLength } from '../name.js'
import { type KnownType, RECORD_TYPES } from './record-type.js'

/**
 * What rdata is made of, piece by piece: so many octets, a name, a character-string, character-strings to the end (one at
 * least), or anything to the end.
 */
type Piece = number | 'name' | 'string' | 'strings' | 'rest'

const NAME: readonly Piece[] = ['name']
const SERVICE: readonly Piece[] = [2, 'name', 'rest']

/** The one table of where names stand in rdata: for case, for additional sections, and to judge octets that were given as such. */
export const RDATA_LAYOUTS: Readonly<Record<KnownType, readonly Piece[]>> = {
  A: [4],
  AAAA: [16],
  CAA: [1, 'string', 'rest'],
  CNAME: NAME,
  HTTPS: SERVICE,
  MX: [2, 'name'],
  NAPTR: [4, 'string', 'string', 'string', 'name'],
  NS: NAME,
  PTR: NAME,
  SOA: ['name', 'name', 20],
  SRV: [6, 'name'],
  SVCB: SERVICE,
  TXT: ['strings'],
}

export const NO_NAME = -1

const LAYOUTS = new Map<number, readonly Piece[]>(
  (Object.keys(RECORD_TYPES) as KnownType[]).map((type) => [RECORD_TYPES[type], RDATA_LAYOUTS[type]]),
)

/** Where the first name of well-formed rdata begins, as a position in `bytes`; NO_NAME without. */
export function nameStart(type: number, bytes: Uint8Array, start: number, end: number): number {
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return NO_NAME
  let at = start
  for (const piece of layout) {
    if (piece === 'name') return at
    at = afterPiece(piece, bytes, at, end)
  }
  return NO_NAME
}

/** Where the names of well-formed rdata end; what has more than one has them side by side. `nameAt` is what `nameStart` gave. */
export function namesEnd(type: number, bytes: Uint8Array, nameAt: number, end: number): number {
  let at = nameAt
  for (const piece of LAYOUTS.get(type)!) if (piece === 'name') at = afterPiece(piece, bytes, at, end)
  return at
}

/** Whether rdata has the pieces of its type and nothing behind them. True for a type that we know by number only. */
export function isWellFormed(type: number, bytes: Uint8Array, start: number, end: number): boolean {
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return true
  let at = start
  for (const piece of layout) {
    at = afterPiece(piece, bytes, at, end)
    if (at === BROKEN) return false
  }
  return at === end
}

const BROKEN = -1

/** Where a piece ends; BROKEN when it does not within `end`. */
function afterPiece(piece: Piece, bytes: Uint8Array, at: number, end: number): number {
  let after = at
  if (piece === 'rest') return end
  if (piece === 'name') {
    const length = nameLength(bytes, at, end)
    return length === 0 ? BROKEN : at + length
  }
  if (typeof piece === 'number') after = at + piece
  else {
    do {
      if (after >= end) return BROKEN
      after += 1 + bytes[after]!
    } while (piece === 'strings' && after < end)
  }
  return after <= end ? after : BROKEN
}
