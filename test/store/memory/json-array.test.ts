import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonArrayElements } from '../../../lib/store/memory/json-array.js'

const elements = (text: string) => [...jsonArrayElements(Buffer.from(text))]

describe('jsonArrayElements', () => {
  it('gives what JSON.parse gives, however the array is written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t'),
        fc.constantFrom('', ' ', '\r\n'),
        (value, indent, space) => {
          const text = JSON.stringify(value, null, indent)
          expect(elements(`${space}${text}${space}`)).toEqual(JSON.parse(text))
        },
      ),
    )
  })

  it('refuses what JSON.parse refuses', () => {
    const piece = fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', '1', 'null', ' ', '"a"')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `[${pieces.join('')}`
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          expect(() => elements(text)).toThrow(SyntaxError)
          return
        }
        expect(elements(text)).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('passes over a byte order mark', () => {
    expect(elements('\ufeff[1]')).toEqual([1])
  })
})
