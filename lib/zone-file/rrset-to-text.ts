import type { RRset } from '../records/rrset.js'
import { genericText } from '../wire/rdata/generic.js'
import type {
  CaaData,
  CharacterString,
  MxData,
  NaptrData,
  RecordData,
  SoaData,
  SrvData,
  SvcbData,
  WeightedAddress,
} from '../wire/rdata/record-data.js'
import { isKnownType, type KnownType } from '../wire/rdata/record-type.js'
import { svcParamKey } from '../wire/rdata/svc-params.js'
import { listOf, quoted } from './character-text.js'

/**
 * An RRset that has come out of a store as lines of a master file, one for each record, with absolute names. `ZoneFileReader`
 * reads them back; weights, for which such files have no place, are left out.
 */
export function rrsetToText(rrset: RRset): string {
  const { name, ttl, type } = rrset
  const head = [absolute(name), ...(ttl === undefined ? [] : [ttl]), 'IN', type].join(' ')
  return (rrset.data as RecordData[])
    .map((data) => `${head} ${isKnownType(type) ? PRINTERS[type](data as never) : genericData(data)}\n`)
    .join('')
}

const printAddress = (data: string | WeightedAddress) => (typeof data === 'string' ? data : data.address)
const words = (...parts: (string | number)[]) => parts.join(' ')

const PRINTERS: Readonly<Record<KnownType, (data: never) => string>> = {
  A: printAddress,
  AAAA: printAddress,
  CAA: ({ flags, tag, value }: CaaData) => words(flags, tag, quoted(value)),
  CNAME: absolute,
  HTTPS: printService,
  MX: ({ preference, exchange }: MxData) => words(preference, absolute(exchange)),
  NAPTR: ({ order, preference, flags, services, regexp, replacement }: NaptrData) =>
    words(order, preference, quoted(flags), quoted(services), quoted(regexp), absolute(replacement)),
  NS: absolute,
  PTR: absolute,
  SOA: ({ mname, rname, serial, refresh, retry, expire, minimum }: SoaData) =>
    words(absolute(mname), absolute(rname), serial, refresh, retry, expire, minimum),
  SRV: ({ priority, weight, port, target }: SrvData) => words(priority, weight, port, absolute(target)),
  SVCB: printService,
  TXT: (data: CharacterString | CharacterString[]) =>
    (Array.isArray(data) ? data : [data]).map((string) => quoted(string)).join(' '),
}

function printService({ priority, target, params = {} }: SvcbData): string {
  const keys = Object.keys(params).sort((a, b) => svcParamKey(a) - svcParamKey(b))
  return words(priority, absolute(target), ...keys.map((key) => printParam(key, params[key as 'key0'])))
}

function printParam(key: string, value: unknown): string {
  if (value === true) return key
  if (key === 'alpn') {
    // What a list has escaped is escaped once more as a string: RFC 9460 appendix A.1.
    return `${key}=${quoted(listOf(value as CharacterString[]))}`
  }
  if (Array.isArray(value)) return `${key}=${value.join(',')}`
  return typeof value === 'number' ? `${key}=${value}` : `${key}=${quoted(value as CharacterString)}`
}

function genericData(data: RecordData): string {
  return data instanceof Uint8Array ? genericText(data, 0, data.length) : (data as string)
}

function absolute(name: string): string {
  return name.endsWith('.') && !name.endsWith('\\.') ? name : `${name}.`
}
