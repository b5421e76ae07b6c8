import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dataFromLines, linesFromData, readable } from '../../lib/ui/data-lines.js'
import { hasUnseen } from '../../lib/ui/figures.js'

describe('data as lines', () => {
  it('come back as what they were, whatever is in them', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(' a', '"', '{', '[x', '\n', '\u2028', ''),
    )
    const item = fc.oneof(text, fc.array(text), fc.dictionary(fc.string(), fc.oneof(text, fc.integer())))
    fc.assert(
      fc.property(fc.array(item), (data) => {
        expect(JSON.stringify(dataFromLines(linesFromData(data)))).toBe(JSON.stringify(data))
      }),
    )
  })

  it('hide nothing from who reads them: what cannot be seen is written out', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (data) => {
        expect(linesFromData(data).split('\n').some(hasUnseen)).toBe(false)
        expect(hasUnseen(readable(data))).toBe(false)
        expect(hasUnseen(readable({ data }))).toBe(false)
      }),
    )
    expect(linesFromData(['safe \u202etxt.exe'])).toBe('"safe \\u202etxt.exe"')
  })

  it('are plain where that is enough, and leave out empty lines', () => {
    expect(linesFromData(['192.0.2.1', '\\# 2 0001', { preference: 10, exchange: 'mail.example' }])).toBe(
      '192.0.2.1\n\\# 2 0001\n{"preference":10,"exchange":"mail.example"}',
    )
    expect(dataFromLines('\n 192.0.2.1 \r\n\n["a","b"]\n')).toEqual(['192.0.2.1', ['a', 'b']])
    expect(() => dataFromLines('fine\n{"preference":')).toThrow(SyntaxError)
  })

  it('are read as a zone file has them', () => {
    expect(readable({ priority: 0, weight: 5, port: 80, target: 'www.example' })).toBe('0 5 80 www.example')
    expect(readable({ address: '192.0.2.1', weight: 3 })).toBe('192.0.2.1 weight 3')
    expect(readable({ priority: 1, target: '.', params: { port: 8443 } })).toBe('1 . {"port":8443}')
  })
})
