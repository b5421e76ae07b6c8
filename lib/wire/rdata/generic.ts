import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { refuseTooLong } from './character-string.js'
import { invalidData } from './data-fields.js'
import type { RdataCodec } from './rdata-codec.js'
import type { RecordData } from './record-data.js'

/** Data of a type that we know by number only (RFC 3597 §5): `\# 4 0a000001`, or the octets. */
export function genericCodec(type: string): RdataCodec {
  return {
    encode(data, target, at) {
      const octets = octetsFrom(type, data)
      refuseTooLong(type, octets.length)
      target.set(octets, at)
      return octets.length
    },
    decode: (bytes, start, length) => genericText(bytes, start, length),
  }
}

/** `\# 4 0a000001`, and `\# 0` for nothing. */
export function genericText(bytes: Uint8Array, start: number, length: number): string {
  if (length === 0) return '\\# 0'
  return `\\# ${length} ${Buffer.from(bytes.slice(start, start + length)).toString('hex')}`
}

/** The octets that RFC 3597 §5 writes as a length and words of hexadecimal digits. Throws CDNS_GENERIC_INVALID. */
export function octetsOfGeneric(type: string, length: string, words: readonly string[]): Uint8Array {
  const digits = words.join('')
  if (!/^\d{1,5}$/.test(length) || !/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
    throw invalidGeneric(`data of ${type} must be \\# with a length and hexadecimal digits`)
  }
  const octets = Buffer.from(digits, 'hex')
  if (octets.length === Number(length)) return octets
  throw invalidGeneric(`data of ${type} says that it has ${length} octets, and has ${octets.length}`)
}

function octetsFrom(type: string, data: RecordData): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data !== 'string') throw invalidData(type, 'text such as \\# 2 0a00, or a Uint8Array', data)
  const [mark, length = '', ...words] = data.trim().split(/[ \t]+/)
  if (mark !== '\\#') throw invalidGeneric(`data of ${type} must begin with \\#, got ${describe(data)}`)
  return octetsOfGeneric(type, length, words)
}

function invalidGeneric(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_GENERIC_INVALID', message)
}
