import { describe, expect, it } from 'vitest'
import { Type } from '../../../lib/wire/constants.js'
import { RECORD_TYPES, typeCode, typeName } from '../../../lib/wire/rdata/record-type.js'
import { errorCode } from '../../support/error-code.js'

describe('record types', () => {
  it('have one number each, the same wherever it stands', () => {
    for (const [name, code] of Object.entries(RECORD_TYPES)) {
      expect([typeCode(name), typeName(code)]).toEqual([code, name])
      expect(Type[name as keyof typeof Type] ?? code).toBe(code)
    }
  })

  it.each([
    'a',
    'TYPE1',
    'TYPE257',
    'TYPE0',
    'TYPE01',
    'TYPE41',
    'TYPE255',
    'TYPE65535',
    'TYPE65536',
    'TYPE',
    'type65280',
    '',
    'ANY',
    'OPT',
    '__proto__',
    'constructor',
    1,
    null,
    undefined,
  ])('refuse %j as a name', (type) => {
    expect(errorCode(() => typeCode(type))).toBe('CDNS_TYPE_UNSUPPORTED')
  })

  it.each([
    ['TYPE3', 3],
    ['TYPE127', 127],
    ['TYPE256', 256],
    ['TYPE65534', 65534],
  ])('know %s by its number alone', (name, code) => {
    expect([typeCode(name), typeName(code)]).toEqual([code, name])
  })

  it.each([0, 41, 128, 255, 65535, 65536])('refuse %i as a number', (code) => {
    expect(errorCode(() => typeName(code))).toBe('CDNS_TYPE_UNSUPPORTED')
  })
})
