import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../lib/errors.js'
import type { RRset } from '../../lib/records/rrset.js'
import { decodeRRset, RRsetEncoder } from '../../lib/records/wire-rrset.js'
import type { KnownType } from '../../lib/wire/rdata/record-type.js'
import { rrsetToText } from '../../lib/zone-file/rrset-to-text.js'
import { SyntaxFault } from '../../lib/zone-file/syntax-fault.js'
import { DATA, hostName } from '../support/arbitraries.js'
import { zoneRecords } from './zone-records.js'

const ORIGIN = '$ORIGIN example.\n'

/** A line a record, as `rrsetToText` has it. */
function read(text: string): string {
  return zoneRecords(ORIGIN + text)
    .map(rrsetToText)
    .join('')
    .trimEnd()
}

function faultOf(text: string | Buffer): SyntaxFault | undefined {
  try {
    zoneRecords(text)
  } catch (error) {
    if (error instanceof SyntaxFault) return error
    throw error
  }
  return undefined
}

describe('a zone file', () => {
  it.each([
    ['a record', 'a 5 IN A 192.0.2.1', 'a.example. 5 IN A 192.0.2.1'],
    ['a class before the TTL', 'a IN 5 A 192.0.2.1', 'a.example. 5 IN A 192.0.2.1'],
    ['no class and no TTL', 'a A 192.0.2.1', 'a.example. IN A 192.0.2.1'],
    ['lower case', 'a in a 192.0.2.1', 'a.example. IN A 192.0.2.1'],
    ['a class by number', 'a CLASS1 A 192.0.2.1', 'a.example. IN A 192.0.2.1'],
    ['an absolute name', 'a.b. A 192.0.2.1', 'a.b. IN A 192.0.2.1'],
    ['the origin', '@ NS @', 'example. IN NS example.'],
    ['an escaped dot at the end', 'a\\. A 192.0.2.1', 'a\\..example. IN A 192.0.2.1'],
    ['a backslash before the last dot', 'a\\\\. A 192.0.2.1', 'a\\\\. IN A 192.0.2.1'],
    ['an owner that is called like a type', 'A A 192.0.2.1', 'a.example. IN A 192.0.2.1'],
    ['an owner that is a number', '300 A 192.0.2.1', '300.example. IN A 192.0.2.1'],
    ['an owner left out', 'a A 192.0.2.1\n  AAAA ::1', 'a.example. IN A 192.0.2.1\na.example. IN AAAA ::1'],
    [
      'an owner left out after $ORIGIN',
      'a A 192.0.2.1\n$ORIGIN b.\n\tAAAA ::1',
      'a.example. IN A 192.0.2.1\na.example. IN AAAA ::1',
    ],
    ['a relative $ORIGIN', '$ORIGIN b\na A 192.0.2.1', 'a.b.example. IN A 192.0.2.1'],
    ['the root as $ORIGIN', '$ORIGIN .\na A 192.0.2.1\n@ NS a', 'a. IN A 192.0.2.1\n. IN NS a.'],
    [
      '$TTL',
      '$TTL 1h30m\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1',
      'a.example. 5400 IN A 192.0.2.1\nb.example. 7 IN A 192.0.2.1\nc.example. 5400 IN A 192.0.2.1',
    ],
    [
      'the TTL of the last record',
      'a 7 A 192.0.2.1\nb A 192.0.2.1',
      'a.example. 7 IN A 192.0.2.1\nb.example. 7 IN A 192.0.2.1',
    ],
    [
      'the minimum of an SOA that comes first',
      '@ SOA a b 1 2 3 4 9\na A 192.0.2.1',
      'example. 9 IN SOA a.example. b.example. 1 2 3 4 9\na.example. 9 IN A 192.0.2.1',
    ],
    [
      'units in an SOA',
      '@ 0 SOA a b 1 1w 1d 1H 1m1s',
      'example. 0 IN SOA a.example. b.example. 1 604800 86400 3600 61',
    ],
    ['the largest TTL', 'a 2147483647 A 192.0.2.1', 'a.example. 2147483647 IN A 192.0.2.1'],
    [
      'lines that end as in Windows',
      'a A 192.0.2.1\r\n  AAAA ::1\r\n',
      'a.example. IN A 192.0.2.1\na.example. IN AAAA ::1',
    ],
    ['a line that does not end', 'a TXT x', 'a.example. IN TXT "x"'],
    ['comments and blank lines', '; a\n\n   \n   ; b\na TXT x;y\n;', 'a.example. IN TXT "x"'],
    ['parentheses', 'a TXT (x ; )\n\n y\n) z', 'a.example. IN TXT "x" "y" "z"'],
    ['nested parentheses', 'a TXT ((x)(y))', 'a.example. IN TXT "x" "y"'],
    ['a parenthesis before the owner', '(a\nTXT x)', 'a.example. IN TXT "x"'],
    [
      'strings',
      'a TXT "a;b(c)" "" x\\;y "\\"\\\\" \\097 "\\255"',
      'a.example. IN TXT "a;b(c)" "" "x;y" "\\"\\\\" "a" "\\255"',
    ],
    ['strings without a space between', 'a TXT "x""y"z', 'a.example. IN TXT "x" "y" "z"'],
    ['octets of UTF-8', 'a TXT é', 'a.example. IN TXT "\\195\\169"'],
    ['a type by number with text', 'a TYPE1 192.0.2.1', 'a.example. IN A 192.0.2.1'],
    ['a type by number with octets', 'a TYPE1 \\# 4 c0 00 0201', 'a.example. IN A 192.0.2.1'],
    ['a quoted mark, which is a string', 'a TXT "\\\\#" 4', 'a.example. IN TXT "\\\\#" "4"'],
    ['a parameter in quotes', 'a SVCB 1 . alpn="a b;c" port=53', 'a.example. IN SVCB 1 . alpn="a b;c" port=53'],
    ['a parameter without a value', 'a SVCB 1 . key9', 'a.example. IN SVCB 1 . key9=""'],
  ])('holds %s', (_, text, lines) => {
    expect(read(text)).toBe(lines)
  })

  it.each<[number, ErrorCode | undefined, string]>([
    [1, undefined, 'a A 192.0.2.1'],
    [1, undefined, '  A 192.0.2.1'],
    [2, undefined, `${ORIGIN}  A 192.0.2.1`],
    [1, undefined, '$INCLUDE other.zone'],
    [1, undefined, '$GENERATE 1-9 a$ A 192.0.2.1'],
    [1, undefined, '$ORIGIN'],
    [1, undefined, '$ORIGIN a. b.'],
    [1, 'CDNS_NAME_INVALID', '$ORIGIN a..b.'],
    [1, 'CDNS_TTL_INVALID', '$TTL x'],
    [1, 'CDNS_TTL_INVALID', '$TTL 2147483648'],
    [1, 'CDNS_TTL_INVALID', 'a. 2147483648 A 192.0.2.1'],
    [1, 'CDNS_TTL_INVALID', 'a. 1h30 A 192.0.2.1'],
    [1, 'CDNS_TTL_INVALID', `a. ${'9'.repeat(400)} A 192.0.2.1`],
    [1, undefined, 'a. CH TXT x'],
    [1, undefined, 'a. CLASS3 TXT x'],
    [1, 'CDNS_TYPE_UNSUPPORTED', 'a. IN IN A 192.0.2.1'],
    [1, 'CDNS_TYPE_UNSUPPORTED', 'a. 5 5 A 192.0.2.1'],
    [1, 'CDNS_TYPE_UNSUPPORTED', 'a. HINFO x y'],
    [1, 'CDNS_TYPE_UNSUPPORTED', 'a. TYPE255 \\# 0'],
    [1, 'CDNS_TYPE_UNSUPPORTED', 'a. __proto__ x'],
    [1, undefined, 'a.'],
    [1, undefined, 'a. A'],
    [1, undefined, 'a. "A" 192.0.2.1'],
    [1, undefined, '"a." A 192.0.2.1\n"" "" ""'],
    [1, undefined, 'a. A 192.0.2.1 192.0.2.2'],
    [1, undefined, 'a. NS "b."'],
    [1, 'CDNS_NAME_INVALID', 'a..b. A 192.0.2.1'],
    [1, 'CDNS_NAME_INVALID', 'ä. A 192.0.2.1'],
    [1, 'CDNS_LABEL_TOO_LONG', `${'x'.repeat(64)}. A 192.0.2.1`],
    [1, 'CDNS_NAME_TOO_LONG', `${'x.'.repeat(128)} A 192.0.2.1`],
    [1, 'CDNS_NUMBER_INVALID', 'a. MX -1 b.'],
    [1, 'CDNS_NUMBER_INVALID', 'a. MX 0x1 b.'],
    [1, 'CDNS_NUMBER_INVALID', 'a. SOA b. c. 1h 2 3 4 5'],
    [1, undefined, 'a. TXT \\'],
    [1, undefined, 'a. TXT \\256'],
    [1, undefined, 'a. TXT \\25'],
    [3, undefined, '; one\n; two\na. TXT "x\ny"'],
    [2, undefined, '\na. TXT (\nx\n'],
    [2, undefined, '\na. TXT x )\n'],
    [3, undefined, '\n\na. TXT (x\n) (y\n'],
    [2, 'CDNS_GENERIC_INVALID', '\na. TYPE65280 \\# 2 00'],
    [1, 'CDNS_GENERIC_INVALID', 'a. TYPE65280 \\# x'],
    [1, 'CDNS_GENERIC_INVALID', 'a. A \\# 3 000000'],
    [1, 'CDNS_GENERIC_INVALID', 'a. MX \\# 4 0001c00c'],
    [1, 'CDNS_CAA_INVALID', 'a. CAA \\# 4 00012d61'],
    [1, undefined, 'a. TYPE65280 00'],
    [1, 'CDNS_SVCB_INVALID', 'a. SVCB 1 . port=53 port=53'],
    [1, 'CDNS_SVCB_INVALID', 'a. SVCB 1 . port=x'],
    [1, 'CDNS_SVCB_INVALID', 'a. SVCB 1 . no-default-alpn=x alpn=y'],
    // RFC 9460 §2.2: octets must have their keys in order, each once.
    [1, 'CDNS_SVCB_INVALID', 'a. SVCB \\# 17 0001 00 0004 0004 c0000201 0003 0002 0035'],
    [1, 'CDNS_SVCB_INVALID', 'a. SVCB \\# 15 0001 00 0003 0002 0035 0003 0002 0035'],
    [1, 'CDNS_SVCB_INVALID', 'a. HTTPS \\# 8 0001 00 0003 0002 00'],
  ])('has a fault in line %i (%s): %j', (line, code, text) => {
    const fault = faultOf(text)
    expect({ line: fault?.line, code: (fault?.cause as { code?: string } | undefined)?.code }).toEqual({ line, code })
  })

  it('has entries of half a megabyte at most, so that no parenthesis swallows a file', () => {
    const text = `a. TXT (\n${'x\n'.repeat(600_000)})`
    expect(faultOf(text)?.line).toBe(1)
    expect(faultOf(`a. TXT ${'x '.repeat(600_000)}`)?.line).toBe(1)
    // Comments and blank lines between entries are none.
    expect(faultOf(`${'; comment\n\n'.repeat(100_000)}a. TXT x`)).toBeUndefined()
  })

  it('of any bytes is read, or has a fault in one of its lines', () => {
    const piece = fc.constantFrom(
      'a',
      '@',
      ' ',
      '\n',
      '(',
      ')',
      '"',
      ';',
      '\\',
      '0',
      '5',
      '. ',
      'A',
      ' TXT ',
      ' SVCB 1 . ',
      '=',
      'alpn=',
      '$ORIGIN ',
      '\\#',
      'é',
      '\r',
    )
    const property = fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('')
      const fault = faultOf(text)
      const lines = text.split('\n').length
      expect(fault === undefined || (fault.line >= 1 && fault.line <= lines)).toBe(true)
    })
    fc.assert(property, { numRuns: 2000 })
  })
})

describe('rrsetToText', () => {
  const encoder = new RRsetEncoder()

  it.each(Object.keys(DATA) as KnownType[])('prints data of %s as a zone file has it', (type) => {
    const property = fc.property(hostName, fc.nat(0x7fffffff), DATA[type], (name, ttl, data) => {
      encoder.reset()
      const rrset = decodeRRset(encoder.name(name).slice(), encoder.encode(type, ttl, [data]))
      // In TXT one string and an array of one are the same.
      const back = zoneRecords(rrsetToText(rrset)).map((each) => {
        encoder.reset()
        return decodeRRset(encoder.name(each.name).slice(), encoder.encode(each.type, each.ttl!, each.data))
      })
      expect(back).toEqual([rrset])
    })
    fc.assert(property)
  })

  it('prints a line for each record, and octets as RFC 3597 has them', () => {
    const rrset: RRset = { name: 'a.example', type: 'TYPE731', data: [Uint8Array.of(1, 255), '\\# 0'] }
    expect(rrsetToText(rrset)).toBe('a.example. IN TYPE731 \\# 2 01ff\na.example. IN TYPE731 \\# 0\n')
  })

  it('leaves out weights', () => {
    const rrset: RRset = { name: '.', type: 'A', ttl: 5, data: [{ address: '192.0.2.1', weight: 3 }] }
    expect(rrsetToText(rrset)).toBe('. 5 IN A 192.0.2.1\n')
  })
})
