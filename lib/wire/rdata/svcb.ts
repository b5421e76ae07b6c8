import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { MAX_NAME_LENGTH } from '../constants.js'
import { nameLength, nameToText, writeNameFromText } from '../name.js'
import { IPV4_SIZE, IPV6_SIZE, ipv4ToText, writeIpv4, writeIpv6 } from './address-codecs.js'
import { getU16, putU16 } from './big-endian.js'
import { octetsOf, refuseTooLong, stringOf, writeString } from './character-string.js'
import { fieldsOf, u16 } from './data-fields.js'
import { ipv6ToText } from './ipv6.js'
import type { RdataCodec } from './rdata-codec.js'
import type { CharacterString, SvcbData, SvcParams } from './record-data.js'
import { checkSvcParams, SVC_PARAM_KEYS, SvcParamKey, svcParamKey, svcParamName } from './svc-params.js'

/** SVCB and HTTPS (RFC 9460 §2.2): priority, target, and parameters in the order of their keys. */
export function svcbCodec(type: 'SVCB' | 'HTTPS'): RdataCodec {
  return {
    encode(data, target, at) {
      const { priority, target: name, params = {} } = fieldsOf<SvcbData>(type, data, ['priority', 'target', 'params'])
      putU16(target, at, u16('priority', priority))
      const paramsAt = at + 2 + writeNameFromText(name, target, at + 2)
      const end = writeParams(type, params, target, paramsAt, at)
      checkSvcParams(target, paramsAt, end)
      return end - at
    },
    decode(bytes, start, length) {
      const nameAt = start + 2
      const paramsAt = nameAt + nameLength(bytes, nameAt, nameAt + MAX_NAME_LENGTH)
      const data: SvcbData = { priority: getU16(bytes, start), target: nameToText(bytes, nameAt) }
      if (paramsAt < start + length) data.params = readParams(bytes, paramsAt, start + length)
      return data
    },
  }
}

interface Param {
  readonly key: number
  readonly value: Uint8Array
}

function writeParams(type: string, given: unknown, target: Uint8Array, paramsAt: number, start: number): number {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalid(`params are ${describe(given)}`)
  const params: Param[] = []
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const key = svcParamKey(name)
    const isGeneric = !Object.hasOwn(SVC_PARAM_KEYS, name)
    params.push({ key, value: isGeneric ? octetsOf(type, value) : paramValue(key, value) })
  }
  let at = paramsAt
  for (const { key, value } of params.sort((a, b) => a.key - b.key)) {
    refuseTooLong(type, at + 4 + value.length - start)
    putU16(target, at, key)
    putU16(target, at + 2, value.length)
    target.set(value, at + 4)
    at += 4 + value.length
  }
  return at
}

/** The value of a key that has a form of its own. What it must be is checked in wire form. */
function paramValue(key: number, value: unknown): Uint8Array {
  switch (key) {
    case SvcParamKey.MANDATORY: {
      const keys = list('mandatory', value).map((name) => svcParamKey(name))
      return u16s(keys.sort((a, b) => a - b))
    }
    case SvcParamKey.ALPN:
      return joined(list('alpn', value), 1 + MAX_ALPN_LENGTH, (id, bytes) => writeString('alpn', id, bytes, 0, 0))
    case SvcParamKey.NO_DEFAULT_ALPN:
      if (value !== true) throw invalid(`no-default-alpn must be true or left out, got ${describe(value)}`)
      return new Uint8Array(0)
    case SvcParamKey.PORT:
      return u16s([u16('port', value)])
    case SvcParamKey.IPV4HINT:
      return joined(list('ipv4hint', value), IPV4_SIZE, (address, bytes) => writeIpv4(address, bytes, 0))
    case SvcParamKey.IPV6HINT:
      return joined(list('ipv6hint', value), IPV6_SIZE, (address, bytes) => writeIpv6(address, bytes, 0))
    case SvcParamKey.ECH:
      return fromBase64(value)
    default:
      return octetsOf('dohpath', value)
  }
}

function readParams(bytes: Uint8Array, start: number, end: number): SvcParams {
  const params: Record<string, unknown> = {}
  for (let at = start; at < end; ) {
    const key = getU16(bytes, at)
    const valueAt = at + 4
    const valueEnd = valueAt + getU16(bytes, at + 2)
    params[svcParamName(key)] = readValue(key, bytes, valueAt, valueEnd)
    at = valueEnd
  }
  return params as SvcParams
}

function readValue(key: number, bytes: Uint8Array, start: number, end: number): unknown {
  switch (key) {
    case SvcParamKey.MANDATORY:
      return steps(start, end, 2).map((at) => svcParamName(getU16(bytes, at)))
    case SvcParamKey.ALPN:
      return readAlpn(bytes, start, end)
    case SvcParamKey.NO_DEFAULT_ALPN:
      return true
    case SvcParamKey.PORT:
      return getU16(bytes, start)
    case SvcParamKey.IPV4HINT:
      return steps(start, end, IPV4_SIZE).map((at) => ipv4ToText(bytes, at))
    case SvcParamKey.IPV6HINT:
      return steps(start, end, IPV6_SIZE).map((at) => ipv6ToText(bytes, at))
    case SvcParamKey.ECH:
      return Buffer.from(bytes.slice(start, end)).toString('base64')
    default:
      return stringOf(bytes, start, end)
  }
}

function readAlpn(bytes: Uint8Array, start: number, end: number): CharacterString[] {
  const ids: CharacterString[] = []
  for (let at = start; at < end; at += 1 + bytes[at]!) ids.push(stringOf(bytes, at + 1, at + 1 + bytes[at]!))
  return ids
}

const MAX_ALPN_LENGTH = 255

function list(name: string, value: unknown): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw invalid(`${name} must be an array with something in it, got ${describe(value)}`)
}

function joined(
  items: readonly unknown[],
  mostEach: number,
  write: (item: unknown, bytes: Uint8Array) => number,
): Uint8Array {
  return Buffer.concat(
    items.map((item) => {
      const bytes = new Uint8Array(mostEach)
      return bytes.subarray(0, write(item, bytes))
    }),
  )
}

function u16s(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * numbers.length)
  numbers.forEach((number, i) => {
    putU16(bytes, 2 * i, number)
  })
  return bytes
}

function steps(start: number, end: number, size: number): number[] {
  return Array.from({ length: (end - start) / size }, (_, i) => start + i * size)
}

/** Buffer would pass over what is no base64. */
function fromBase64(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
  if (bytes === undefined || bytes.toString('base64') !== value) {
    throw invalid(`ech must be base64, got ${describe(value)}`)
  }
  return bytes
}

function invalid(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_SVCB_INVALID', reason)
}
