import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../lib/errors.js'
import {
  countLabels,
  foldName,
  hashName,
  nameFromText,
  nameLength,
  nameToText,
  writeNameFromText,
} from '../../lib/wire/name.js'
import { wireName } from '../support/arbitraries.js'
import { errorCode } from '../support/error-code.js'

const LABEL_63 = 'x'.repeat(63)
/** 255 octets in wire form. */
const LONGEST = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${'x'.repeat(61)}`
const MOST_LABELS = Array(127).fill('x').join('.')

describe('nameFromText', () => {
  it.each<[string, number[]]>([
    ['.', [0]],
    ['a', [1, 97, 0]],
    ['a.', [1, 97, 0]],
    ['Ab.c', [2, 65, 98, 1, 99, 0]],
    ['*.a', [1, 42, 1, 97, 0]],
    ['a\\.b.c', [3, 97, 46, 98, 1, 99, 0]],
    ['a\\\\b', [3, 97, 92, 98, 0]],
    ['\\000\\255', [2, 0, 255, 0]],
    ['a\\032b', [3, 97, 32, 98, 0]],
    ['a\\ b', [3, 97, 32, 98, 0]],
    ['\\097', [1, 97, 0]],
    ['a\\.', [2, 97, 46, 0]],
  ])('reads %j', (text, octets) => {
    expect([...nameFromText(text)]).toEqual(octets)
  })

  it('holds the longest names that there can be', () => {
    expect(nameFromText(LONGEST)).toHaveLength(255)
    expect(nameFromText(`${LONGEST}.`)).toHaveLength(255)
    expect(nameFromText(MOST_LABELS)).toHaveLength(255)
    expect(countLabels(nameFromText(MOST_LABELS))).toBe(127)
  })

  it.each<[unknown, string, ErrorCode?]>([
    ['', 'nothing'],
    ['..', 'two dots'],
    ['.a', 'a dot in front'],
    ['a..b', 'an empty label'],
    ['a..', 'an empty label at the end'],
    [`${LABEL_63}x`, 'a label of 64 octets', 'CDNS_LABEL_TOO_LONG'],
    [`${LONGEST}x`, '256 octets', 'CDNS_NAME_TOO_LONG'],
    [`${LONGEST}x.`, '256 octets and a dot', 'CDNS_NAME_TOO_LONG'],
    [`${LONGEST}.x`, 'a label behind 255 octets', 'CDNS_NAME_TOO_LONG'],
    [`${MOST_LABELS}.x`, '128 labels', 'CDNS_NAME_TOO_LONG'],
    ['a b', 'a space'],
    ['a\tb', 'a control'],
    ['ä.example', 'a letter outside ASCII'],
    ['a\\', 'a backslash at the end'],
    ['a\\25', 'two digits'],
    ['a\\256', 'an octet of 256'],
    ['a\\2x5', 'digits with a letter'],
    ['a\\ä', 'an escaped letter outside ASCII'],
    [undefined, 'undefined'],
    [5, 'a number'],
    [['a'], 'an array'],
  ])('refuses %j: %s', (text, _, code = 'CDNS_NAME_INVALID') => {
    expect(errorCode(() => nameFromText(text as string))).toBe(code)
  })

  it('never writes outside the 255 octets that a name can have, whatever the text', () => {
    const character = fc.oneof(
      fc.constantFrom('.', '\\', '0', '9', 'a', ' '),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    )
    const text = fc.oneof(
      fc.array(character, { maxLength: 300 }),
      fc.array(fc.constantFrom('a', '.', '\\'), { minLength: 200, maxLength: 300 }),
    )
    const property = fc.property(text, (characters) => {
      const target = new Uint8Array(300).fill(0xaa)
      const code = errorCode(() => writeNameFromText(characters.join(''), target, 10))
      expect([undefined, 'CDNS_NAME_INVALID', 'CDNS_NAME_TOO_LONG', 'CDNS_LABEL_TOO_LONG']).toContain(code)
      expect(target.subarray(0, 10).every((byte) => byte === 0xaa)).toBe(true)
      expect(target.subarray(265).every((byte) => byte === 0xaa)).toBe(true)
    })
    fc.assert(property)
  })
})

describe('nameToText', () => {
  it('escapes what a zone file would misread', () => {
    expect(nameToText(Uint8Array.of(4, 0x2e, 0x5c, 0, 0x20, 2, 0x22, 0x40, 1, 0xff, 0))).toBe(
      '\\.\\\\\\000\\032.\\"\\@.\\255',
    )
  })

  it('and back gives the same octets, for any name', () => {
    const property = fc.property(wireName, (name) => {
      expect(nameFromText(nameToText(name))).toEqual(name)
    })
    fc.assert(property)
  })

  it('reads a name in the middle of other bytes', () => {
    expect(nameToText(Uint8Array.of(1, 1, 97, 1, 98, 0, 9), 1)).toBe('a.b')
  })
})

describe('nameLength', () => {
  it('is the length of any name, and 0 when it is cut', () => {
    const property = fc.property(wireName, (name) => {
      expect(nameLength(name, 0, name.length)).toBe(name.length)
      expect(nameLength(name, 0, name.length - 1)).toBe(0)
    })
    fc.assert(property)
  })

  it('is 0 for pointers, label types of old and names that are too long', () => {
    for (const length of [0x40, 0x80, 0xc0, 0xff]) expect(nameLength(new Uint8Array(300).fill(length), 0, 300)).toBe(0)
    const tooLong = new Uint8Array(300).fill(1, 0, 256)
    expect(nameLength(tooLong, 0, 300)).toBe(0)
  })
})

describe('hashName', () => {
  it('depends on every octet, the length and the seed', () => {
    const name = nameFromText('www.example.org')
    const hashes = new Set([
      hashName(name, 0, name.length, 1),
      hashName(name, 0, name.length, 2),
      hashName(name, 0, name.length - 1, 1),
    ])
    for (let i = 0; i < name.length; i++) {
      const other = name.slice()
      other[i]!++
      hashes.add(hashName(other, 0, other.length, 1))
    }
    expect(hashes.size).toBe(3 + name.length)
  })
})

describe('foldName', () => {
  it('lower-cases the letters of ASCII and nothing else', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    foldName(all, 0, 256)
    expect([...all]).toEqual(Array.from({ length: 256 }, (_, i) => (i >= 65 && i <= 90 ? i + 32 : i)))
  })
})
