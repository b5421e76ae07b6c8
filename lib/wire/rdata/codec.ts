import { isIPv4 } from 'node:net'
import { describe, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { MAX_NAME_LENGTH } from '../constants.js'
import { nameLength, nameToText, writeNameFromText } from '../name.js'
import { ipv6ToText, writeIpv6FromText } from './ipv6.js'
import type { MxData, RecordData, SoaData, SrvData } from './record-data.js'
import type { RecordType } from './record-type.js'

/** Rdata of one type, between what a program writes and what goes over the wire. */
export interface RdataCodec {
  /**
   * Writes the wire form at `at` and returns its length. `target` has room for MAX_RDATA_SIZE bytes from there.
   * Throws CDNS_DATA_INVALID or CDNS_NAME_INVALID.
   */
  encode(data: RecordData, target: Uint8Array, at: number): number
  /** The reverse, for bytes that `encode` has written. */
  decode(bytes: Uint8Array, start: number, length: number): RecordData
  /** Where a name begins in the rdata, in which case does not matter; NO_NAME without. It runs to the end of the rdata, but for an SOA's. */
  readonly nameOffset: number
}

/** RFC 1035 §3.2.1: the length of rdata is 16 bits. */
export const MAX_RDATA_SIZE = 65535
export const NO_NAME = -1
const MAX_STRING_LENGTH = 255

const U16 = { min: 0, max: 0xffff }
const U32 = { min: 0, max: 0xffffffff }

const a: RdataCodec = {
  nameOffset: NO_NAME,
  encode(data, target, at) {
    if (typeof data !== 'string' || !isIPv4(data)) throw invalid('A', 'an IPv4 address', data)
    let octet = 0
    let position = at
    for (let i = 0; i < data.length; i++) {
      const code = data.charCodeAt(i)
      if (code === 0x2e) {
        target[position++] = octet
        octet = 0
      } else octet = octet * 10 + code - 0x30
    }
    target[position] = octet
    return 4
  },
  decode: (bytes, start) => `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`,
}

const aaaa: RdataCodec = {
  nameOffset: NO_NAME,
  encode(data, target, at) {
    if (typeof data !== 'string' || !writeIpv6FromText(data, target, at)) throw invalid('AAAA', 'an IPv6 address', data)
    return 16
  },
  decode: (bytes, start) => ipv6ToText(bytes, start),
}

const name: RdataCodec = {
  nameOffset: 0,
  encode: (data, target, at) => writeNameFromText(data as string, target, at),
  decode: (bytes, start) => nameToText(bytes, start),
}

const mx: RdataCodec = {
  nameOffset: 2,
  encode(data, target, at) {
    const { preference, exchange } = fields<MxData>('MX', data, ['preference', 'exchange'])
    putU16(target, at, u16('preference', preference))
    return 2 + writeNameFromText(exchange, target, at + 2)
  },
  decode: (bytes, start) => ({ preference: getU16(bytes, start), exchange: nameToText(bytes, start + 2) }),
}

const SOA_NUMBERS = ['serial', 'refresh', 'retry', 'expire', 'minimum'] as const

const soa: RdataCodec = {
  nameOffset: 0,
  encode(data, target, at) {
    const given = fields<SoaData>('SOA', data, ['mname', 'rname', ...SOA_NUMBERS])
    let position = at + writeNameFromText(given.mname, target, at)
    position += writeNameFromText(given.rname, target, position)
    for (const field of SOA_NUMBERS) {
      putU32(target, position, u32(field, given[field]))
      position += 4
    }
    return position - at
  },
  decode(bytes, start) {
    const rnameAt = start + nameLength(bytes, start, start + MAX_NAME_LENGTH)
    const numbersAt = rnameAt + nameLength(bytes, rnameAt, rnameAt + MAX_NAME_LENGTH)
    const number = (index: number) => getU32(bytes, numbersAt + 4 * index)
    return {
      mname: nameToText(bytes, start),
      rname: nameToText(bytes, rnameAt),
      serial: number(0),
      refresh: number(1),
      retry: number(2),
      expire: number(3),
      minimum: number(4),
    }
  },
}

const srv: RdataCodec = {
  nameOffset: 6,
  encode(data, target, at) {
    const given = fields<SrvData>('SRV', data, ['priority', 'weight', 'port', 'target'])
    putU16(target, at, u16('priority', given.priority))
    putU16(target, at + 2, u16('weight', given.weight))
    putU16(target, at + 4, u16('port', given.port))
    return 6 + writeNameFromText(given.target, target, at + 6)
  },
  decode: (bytes, start) => ({
    priority: getU16(bytes, start),
    weight: getU16(bytes, start + 2),
    port: getU16(bytes, start + 4),
    target: nameToText(bytes, start + 6),
  }),
}

const txt: RdataCodec = {
  nameOffset: NO_NAME,
  encode(data, target, at) {
    const strings = typeof data === 'string' ? [data] : data
    if (!Array.isArray(strings) || strings.length === 0) throw invalid('TXT', 'a string or an array of strings', data)
    let position = at
    for (const string of strings) {
      if (typeof string !== 'string') throw invalid('TXT', 'strings', string)
      const bytes = Buffer.from(string, 'utf8')
      if (bytes.length > MAX_STRING_LENGTH) throw invalid('TXT', 'strings of at most 255 octets each', string)
      if (position + 1 + bytes.length - at > MAX_RDATA_SIZE) throw invalid('TXT', 'at most 65535 octets in all', data)
      target[position] = bytes.length
      target.set(bytes, position + 1)
      position += 1 + bytes.length
    }
    return position - at
  },
  decode(bytes, start, length) {
    const strings: string[] = []
    for (let position = start; position < start + length; position += 1 + bytes[position]!) {
      // A copy, because a decoder of text refuses shared memory.
      strings.push(Buffer.from(bytes.slice(position + 1, position + 1 + bytes[position]!)).toString('utf8'))
    }
    return strings.length === 1 ? strings[0]! : strings
  },
}

export const RDATA_CODECS: Readonly<Record<RecordType, RdataCodec>> = {
  A: a,
  AAAA: aaaa,
  CNAME: name,
  MX: mx,
  NS: name,
  PTR: name,
  SOA: soa,
  SRV: srv,
  TXT: txt,
}

function fields<T>(type: RecordType, data: unknown, keys: readonly (keyof T & string)[]): T {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw invalid(type, `an object with ${keys.join(', ')}`, data)
  }
  try {
    refuseUnknownKeys(`data of ${type}`, data, keys)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_DATA_INVALID', (cause as Error).message)
  }
  return data as T
}

function u16(field: string, value: unknown): number {
  return wholeNumber(field, value, U16, 'CDNS_DATA_INVALID')
}

function u32(field: string, value: unknown): number {
  return wholeNumber(field, value, U32, 'CDNS_DATA_INVALID')
}

function getU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function getU32(bytes: Uint8Array, at: number): number {
  return ((getU16(bytes, at) << 16) | getU16(bytes, at + 2)) >>> 0
}

function putU16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8
  target[at + 1] = value
}

function putU32(target: Uint8Array, at: number, value: number): void {
  putU16(target, at, value >>> 16)
  putU16(target, at + 2, value & 0xffff)
}

function invalid(type: RecordType, expected: string, got: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_DATA_INVALID', `data of ${type} must be ${expected}, got ${describe(got)}`)
}
