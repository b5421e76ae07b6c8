import { stringOf } from '../wire/rdata/character-string.js'
import type { CharacterString } from '../wire/rdata/record-data.js'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c

/** The octets of a token, its escapes (`\X`, `\DDD`) taken out. Throws for one that is none. */
export function unescaped(token: string): Uint8Array {
  const octets = Buffer.from(token, 'latin1')
  if (!token.includes('\\')) return octets
  let length = 0
  for (let at = 0; at < octets.length; at++) {
    let octet = octets[at]!
    if (octet === BACKSLASH) {
      const read = escapeAt(token, at + 1)
      octet = read.octet
      at += read.size
    }
    octets[length++] = octet
  }
  return octets.subarray(0, length)
}

function escapeAt(token: string, at: number): { octet: number; size: number } {
  const first = token.charCodeAt(at)
  if (Number.isNaN(first)) throw new Error('a backslash stands at the end')
  if (first < 0x30 || first > 0x39) return { octet: first, size: 1 }
  const digits = token.slice(at, at + 3)
  if (!/^\d{3}$/.test(digits) || Number(digits) > 255) throw new Error('a \\DDD escape goes from \\000 to \\255')
  return { octet: Number(digits), size: 3 }
}

/** Text, or octets where they are no UTF-8. */
export function stringFrom(octets: Uint8Array): CharacterString {
  return stringOf(octets, 0, octets.length)
}

/** In quotes, with everything escaped that is not printable ASCII. */
export function quoted(string: CharacterString): string {
  let text = '"'
  for (const octet of octetsOf(string)) {
    if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`
    else if (octet === QUOTE || octet === BACKSLASH) text += `\\${String.fromCharCode(octet)}`
    else text += String.fromCharCode(octet)
  }
  return `${text}"`
}

/** The items of a list with commas (RFC 9460 appendix A.1), which has escapes of its own below those of the token. */
export function listItems(octets: Uint8Array): CharacterString[] {
  const items: CharacterString[] = []
  let item: number[] = []
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]!
    if (octet === COMMA) {
      items.push(stringFrom(Uint8Array.from(item)))
      item = []
    } else {
      if (octet === BACKSLASH && ++at === octets.length) throw new Error('a backslash stands at the end of a list')
      item.push(octets[at]!)
    }
  }
  return [...items, stringFrom(Uint8Array.from(item))]
}

/** The reverse of `listItems`. */
export function listOf(items: readonly CharacterString[]): Uint8Array {
  const octets: number[] = []
  for (const [i, item] of items.entries()) {
    if (i > 0) octets.push(COMMA)
    for (const octet of octetsOf(item)) {
      if (octet === COMMA || octet === BACKSLASH) octets.push(BACKSLASH)
      octets.push(octet)
    }
  }
  return Uint8Array.from(octets)
}

function octetsOf(string: CharacterString): Uint8Array {
  return typeof string === 'string' ? Buffer.from(string, 'utf8') : string
}
