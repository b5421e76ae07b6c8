import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { nameToText, writeNameFromText } from '../name.js'
import { getU16, putU16 } from './big-endian.js'
import { octetsOf, refuseTooLong, stringOf, writeString } from './character-string.js'
import { fieldsOf, invalidData, u8, u16 } from './data-fields.js'
import type { RdataCodec } from './rdata-codec.js'
import type { CaaData, CharacterString, NaptrData } from './record-data.js'

// Data that is made of character-strings.

export const txtCodec: RdataCodec = {
  encode(data, target, at) {
    const strings = Array.isArray(data) ? data : [data]
    if (strings.length === 0) throw invalidData('TXT', 'a string or an array of strings', data)
    let position = at
    for (const string of strings) position += writeString('TXT', string, target, position, at)
    return position - at
  },
  decode(bytes, start, length) {
    const strings: CharacterString[] = []
    for (let at = start; at < start + length; at += 1 + bytes[at]!) strings.push(stringAt(bytes, at))
    return strings.length === 1 ? strings[0]! : strings
  },
}

/** RFC 8659 §4.1: the value has no length of its own, and goes on to the end of the rdata. */
export const caaCodec: RdataCodec = {
  encode(data, target, at) {
    const { flags, tag, value } = fieldsOf<CaaData>('CAA', data, ['flags', 'tag', 'value'])
    if (typeof tag !== 'string' || !/^[A-Za-z0-9]{1,255}$/.test(tag)) {
      throw new ContainerDnsError('CDNS_CAA_INVALID', `a CAA tag must be letters and digits, got ${describe(tag)}`)
    }
    target[at] = u8('flags', flags)
    const valueAt = at + 1 + writeString('CAA', tag, target, at + 1, at)
    const octets = octetsOf('CAA', value)
    refuseTooLong('CAA', valueAt + octets.length - at)
    target.set(octets, valueAt)
    return valueAt + octets.length - at
  },
  decode(bytes, start, length) {
    const valueAt = afterString(bytes, start + 1)
    return {
      flags: bytes[start]!,
      tag: stringAt(bytes, start + 1) as string,
      value: stringOf(bytes, valueAt, start + length),
    }
  },
}

export const naptrCodec: RdataCodec = {
  encode(data, target, at) {
    const given = fieldsOf<NaptrData>('NAPTR', data, NAPTR_FIELDS)
    putU16(target, at, u16('order', given.order))
    putU16(target, at + 2, u16('preference', given.preference))
    const { flags, services, regexp, replacement } = given
    if (typeof flags !== 'string' || !/^[A-Za-z0-9]*$/.test(flags)) {
      throw invalidNaptr(`flags must be letters and digits, got ${describe(flags)}`)
    }
    let position = at + 4
    position += writeString('NAPTR', flags, target, position, at)
    position += writeString('NAPTR', services, target, position, at)
    checkRegexp(octetsOf('NAPTR', regexp))
    position += writeString('NAPTR', regexp, target, position, at)
    const nameAt = position
    position += writeNameFromText(replacement, target, nameAt)
    // RFC 3403 §4.1: the two exclude each other.
    if (regexp.length > 0 && target[nameAt] !== 0) {
      throw invalidNaptr(`it has both a regexp and the replacement ${describe(replacement)}`)
    }
    return position - at
  },
  decode(bytes, start) {
    const flagsAt = start + 4
    const servicesAt = afterString(bytes, flagsAt)
    const regexpAt = afterString(bytes, servicesAt)
    return {
      order: getU16(bytes, start),
      preference: getU16(bytes, start + 2),
      flags: stringAt(bytes, flagsAt) as string,
      services: stringAt(bytes, servicesAt),
      regexp: stringAt(bytes, regexpAt),
      replacement: nameToText(bytes, afterString(bytes, regexpAt)),
    }
  },
}

const NAPTR_FIELDS = ['order', 'preference', 'flags', 'services', 'regexp', 'replacement'] as const
const BACKSLASH = 0x5c
const LETTER_I = 0x69

/** RFC 3402 §3.2: a delimiter, an expression, the delimiter, a replacement, the delimiter, and perhaps an `i`. A backslash hides a delimiter. */
function checkRegexp(octets: Uint8Array): void {
  if (octets.length === 0) return
  const delimiter = octets[0]!
  if ((delimiter >= 0x30 && delimiter <= 0x39) || delimiter === BACKSLASH || delimiter === LETTER_I) {
    throw invalidNaptr('the delimiter of a regexp must be no digit, no backslash and no i')
  }
  const delimiters: number[] = []
  for (let i = 0; i < octets.length; i++) {
    if (octets[i] === BACKSLASH) i++
    else if (octets[i] === delimiter) delimiters.push(i)
  }
  const last = delimiters.at(-1)!
  const hasFlag = last === octets.length - 2 && octets[last + 1] === LETTER_I
  if (delimiters.length !== 3 || delimiters[1] === 1 || !(last === octets.length - 1 || hasFlag)) {
    throw invalidNaptr('a regexp must be !expression!replacement!, with any delimiter, and perhaps an i behind it')
  }
}

function stringAt(bytes: Uint8Array, at: number): CharacterString {
  return stringOf(bytes, at + 1, afterString(bytes, at))
}

function afterString(bytes: Uint8Array, at: number): number {
  return at + 1 + bytes[at]!
}

function invalidNaptr(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_NAPTR_INVALID', `a NAPTR record is wrong: ${reason}`)
}
