import { describe } from '../bounds.js'
import { ContainerDnsError, type ErrorCode } from '../errors.js'
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from './constants.js'

// A name in wire form: length octet, label, length octet, label, …, zero. Names stay bytes wherever they can:
// text is for people, and the two do not match one to one (RFC 1035 §5.1 escapes).

const DOT = 0x2e
const BACKSLASH = 0x5c
const ZERO = 0x30
const NINE = 0x39

/**
 * Writes the wire form of a name given as text, and returns its length. All names are absolute; the last dot may be left out.
 *
 * `target` must have room for 255 bytes from `at` on. Case is kept. Throws CDNS_NAME_INVALID, CDNS_NAME_TOO_LONG
 * and CDNS_LABEL_TOO_LONG.
 */
export function writeNameFromText(text: string, target: Uint8Array, at = 0): number {
  if (typeof text !== 'string' || text.length === 0) throw invalid(text, 'a name must be a string that is not empty')
  if (text === '.') {
    target[at] = 0
    return 1
  }
  let lengthAt = at
  let position = at + 1
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code === DOT) {
      closeLabel(text, target, lengthAt, position)
      lengthAt = position
      position++
      continue
    }
    if (code === BACKSLASH) {
      const octetAndSize = readEscape(text, i + 1)
      code = octetAndSize & 0xff
      i += octetAndSize >>> 8
    } else if (code < 0x21 || code > 0x7e) {
      throw invalid(text, 'characters outside ASCII go in as punycode, spaces and controls as \\DDD')
    }
    // One octet is kept for the root label.
    if (position - at >= MAX_NAME_LENGTH - 1) throw invalid(text, 'it is longer than 255 octets', 'CDNS_NAME_TOO_LONG')
    target[position++] = code
  }
  // "a.b." has left an empty label open, which is the root; "a.b" has not.
  if (position > lengthAt + 1) {
    closeLabel(text, target, lengthAt, position)
    lengthAt = position
  }
  target[lengthAt] = 0
  return lengthAt + 1 - at
}

/** The wire form of a name given as text, in bytes of its own. Throws as `writeNameFromText` does. */
export function nameFromText(text: string): Uint8Array {
  const target = new Uint8Array(MAX_NAME_LENGTH + 1)
  return target.slice(0, writeNameFromText(text, target))
}

/** The text of a name in wire form, with no dot at its end; the root is `.`. Escapes what RFC 1035 §5.1 escapes. */
export function nameToText(bytes: Uint8Array, start = 0): string {
  if (bytes[start] === 0) return '.'
  let text = ''
  let position = start
  for (let length = bytes[position]!; length !== 0; length = bytes[position]!) {
    if (text !== '') text += '.'
    for (let i = position + 1; i <= position + length; i++) text += characterOf(bytes[i]!)
    position += length + 1
  }
  return text
}

/** The length in octets of a name in wire form, root label counted; 0 when it does not end within `end` or is compressed. */
export function nameLength(bytes: Uint8Array, start: number, end: number): number {
  let position = start
  while (position < end) {
    const length = bytes[position]!
    if (length === 0) return position + 1 - start
    if (length > MAX_LABEL_LENGTH) return 0
    position += length + 1
    if (position - start >= MAX_NAME_LENGTH) return 0
  }
  return 0
}

/** How many labels a name has, the root not counted. */
export function countLabels(bytes: Uint8Array, start = 0): number {
  let count = 0
  for (let position = start; bytes[position] !== 0; position += bytes[position]! + 1) count++
  return count
}

/** Lower-cases a name where it stands. Length octets are at most 63, below `A`, so they need no exception. */
export function foldName(bytes: Uint8Array, start: number, length: number): void {
  for (let i = start; i < start + length; i++) bytes[i] = foldByte(bytes[i]!)
}

/** RFC 4343 §3: ASCII letters alone have case. */
export function foldByte(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

/**
 * The hash of a folded name. Works from the root to the left, so that the hash of each ancestor comes up on the way;
 * `hashStep` and `hashEnd` are its parts for code that wants them. The seed keeps clients from aiming at a bucket.
 */
export function hashName(folded: Uint8Array, start: number, length: number, seed: number): number {
  let state = seed
  for (let i = start + length - 1; i >= start; i--) state = hashStep(state, folded[i]!)
  return hashEnd(state)
}

/** FNV-1a's step. */
export function hashStep(state: number, byte: number): number {
  return Math.imul(state ^ byte, 0x01000193)
}

/** MurmurHash3's finalizer: the table uses the low bits, which FNV alone mixes badly. */
export function hashEnd(state: number): number {
  let h = state
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** What `hashEnd` was given, so that the hash of a name below another can be gone on with from there. */
export function undoHashEnd(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x7ed1b41d)
  h = Math.imul(h ^ (h >>> 13) ^ (h >>> 26), 0xa5cb9243)
  return h ^ (h >>> 16)
}

function closeLabel(text: string, target: Uint8Array, lengthAt: number, position: number): void {
  const length = position - lengthAt - 1
  if (length === 0) throw invalid(text, 'it has an empty label')
  if (length > MAX_LABEL_LENGTH) {
    throw invalid(text, `it has a label of ${length} octets, 63 are allowed`, 'CDNS_LABEL_TOO_LONG')
  }
  target[lengthAt] = length
}

/** The octet in the low byte, the characters read above it: `\DDD` or `\X`. */
function readEscape(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first >= ZERO && first <= NINE) {
    const digits = text.slice(at, at + 3)
    if (!/^\d{3}$/.test(digits) || Number(digits) > 255) throw invalid(text, 'a \\DDD escape goes from \\000 to \\255')
    return Number(digits) | (3 << 8)
  }
  if (!(first >= 0x20 && first <= 0x7e))
    throw invalid(text, 'a backslash must be followed by a character or three digits')
  return first | (1 << 8)
}

const SPECIAL_CHARACTERS = new Set(['.', '\\', '"', '(', ')', ';', '@', '$'])

function characterOf(byte: number): string {
  if (byte < 0x21 || byte > 0x7e) return `\\${String(byte).padStart(3, '0')}`
  const character = String.fromCharCode(byte)
  return SPECIAL_CHARACTERS.has(character) ? `\\${character}` : character
}

function invalid(text: unknown, reason: string, code: ErrorCode = 'CDNS_NAME_INVALID'): ContainerDnsError {
  return new ContainerDnsError(code, `${describe(text)} is not a domain name: ${reason}`)
}
