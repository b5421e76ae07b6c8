import { describe, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

/** Fields of record data, each checked as it is read. */

const U8 = { min: 0, max: 0xff }
const U16 = { min: 0, max: 0xffff }
const U32 = { min: 0, max: 0xffffffff }

/** Data as an object with none but these keys. Throws CDNS_DATA_INVALID. */
export function fieldsOf<T>(type: string, data: unknown, keys: readonly (keyof T & string)[]): T {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array) {
    throw invalidData(type, `an object with ${keys.join(', ')}`, data)
  }
  try {
    refuseUnknownKeys(`data of ${type}`, data, keys)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_DATA_INVALID', (cause as Error).message)
  }
  return data as T
}

/** Throws CDNS_NUMBER_INVALID, as the next two do. */
export function u8(field: string, value: unknown): number {
  return wholeNumber(field, value, U8, 'CDNS_NUMBER_INVALID')
}

export function u16(field: string, value: unknown): number {
  return wholeNumber(field, value, U16, 'CDNS_NUMBER_INVALID')
}

export function u32(field: string, value: unknown): number {
  return wholeNumber(field, value, U32, 'CDNS_NUMBER_INVALID')
}

export function invalidData(type: string, expected: string, got: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_DATA_INVALID', `data of ${type} must be ${expected}, got ${describe(got)}`)
}
