import { describe, expect, it } from 'vitest'
import { type Bounds, describe as describeValue, numberWithin, refuseUnknownKeys, wholeNumber } from '../lib/bounds.js'
import { errorCode } from './support/error-code.js'

const SIZE: Bounds = { default: 20, min: 10, max: 30, unit: 'bytes' }

describe('numberWithin', () => {
  it('gives the default for undefined, and numbers within the bounds back', () => {
    expect(numberWithin('size', undefined, SIZE)).toBe(20)
    for (const size of [10, 11, 30]) expect(numberWithin('size', size, SIZE)).toBe(size)
  })

  it.each([9, 31, 10.5, Number.NaN, Number.POSITIVE_INFINITY, '20', null, 20n, [20], {}])('refuses %s', (given) => {
    expect(errorCode(() => numberWithin('size', given, SIZE))).toBe('CDNS_OPTION_INVALID')
  })

  it('throws the code that it is given, with the option, what was expected and what came', () => {
    expect(() => numberWithin('udp.size', '20', SIZE, 'CDNS_TTL_INVALID')).toThrow(
      expect.objectContaining({
        code: 'CDNS_TTL_INVALID',
        message: 'udp.size must be a whole number of bytes from 10 to 30, got "20"',
      }),
    )
  })
})

describe('wholeNumber', () => {
  it('has no default: undefined is an error that says so', () => {
    expect(() => wholeNumber('port', undefined, { min: 0, max: 9 }, 'CDNS_DATA_INVALID')).toThrow(
      expect.objectContaining({ message: 'port must be a whole number from 0 to 9, got undefined' }),
    )
  })
})

describe('refuseUnknownKeys', () => {
  const known = ['listen', 'workers', 'zones']

  it('passes objects with known keys alone', () => {
    expect(errorCode(() => refuseUnknownKeys('options', {}, known))).toBeUndefined()
    expect(errorCode(() => refuseUnknownKeys('options', { zones: 1, listen: undefined }, known))).toBeUndefined()
  })

  it.each([null, undefined, 5, 'zones', ['zones'], () => {}])('refuses %s, which is no object', (given) => {
    expect(errorCode(() => refuseUnknownKeys('options', given, known))).toBe('CDNS_OPTION_INVALID')
  })

  it('names the nearest known key, or all of them', () => {
    const message = (given: object) => {
      try {
        refuseUnknownKeys('options', given, known)
      } catch (error) {
        return (error as Error).message
      }
      return ''
    }
    expect(errorCode(() => refuseUnknownKeys('options', { wokers: 2 }, known))).toBe('CDNS_OPTION_UNKNOWN')
    expect(message({ wokers: 2 })).toContain('did you mean workers?')
    expect(message({ Zones: 2 })).toContain('did you mean zones?')
    expect(message({ threads: 2 })).toContain('known are listen, workers, zones')
    expect(message(JSON.parse('{"__proto__": 1}'))).toContain('"__proto__"')
  })

  it('spends no time on a key of megabytes, and does not repeat it', () => {
    const key = 'x'.repeat(50_000_000)
    const startedAt = performance.now()
    expect(() => refuseUnknownKeys('options', { [key]: 1 }, known)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{0,200}$/) }),
    )
    // Working out the distance would take more than ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })
})

describe('describe', () => {
  it('tells kinds of values apart, and stays short', () => {
    expect(
      ['a', 1, null, undefined, true, [1, 2], { a: 1 }, describeValue, 3n, Object.create(null)].map(describeValue),
    ).toEqual(['"a"', '1', 'null', 'undefined', 'true', 'an array of 2', 'an object', 'a function', '3', 'an object'])
    expect(describeValue('x'.repeat(1000)).length).toBeLessThan(100)
  })
})
