import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { dataOfOctets } from '../wire/rdata/codec.js'
import { octetsOfGeneric } from '../wire/rdata/generic.js'
import type { RecordData, SoaData, SvcParams } from '../wire/rdata/record-data.js'
import { isKnownType, type KnownType, type RecordType } from '../wire/rdata/record-type.js'
import { listItems, stringFrom, unescaped } from './character-text.js'
import { secondsFrom } from './duration.js'

/** The tokens of an entry from its rdata on, as they are asked for by the type. Ranges are the codec's to check. */
export interface RdataTokens {
  readonly left: number
  /** Throws when there is none. */
  take(): { readonly text: string; readonly isQuoted: boolean }
  /** A token as an absolute name. */
  name(): string
}

const GENERIC_MARK = '\\#'

/** The data of a record. Throws ContainerDnsError where there is a code for what is wrong, else Error. */
export function dataFromText(type: RecordType, tokens: RdataTokens): RecordData {
  if (!isKnownType(type)) {
    const first = tokens.take()
    if (first.text !== GENERIC_MARK || first.isQuoted) throw new Error(`data of ${type} must begin with \\#`)
    return genericFrom(type, tokens)
  }
  return PARSERS[type](tokens)
}

/** What stands behind `\#`, for any type (RFC 3597 §5). */
export function genericFrom(type: RecordType, tokens: RdataTokens): RecordData {
  const length = tokens.take().text
  const words: string[] = []
  while (tokens.left > 0) words.push(tokens.take().text)
  return dataOfOctets(type, octetsOfGeneric(type, length, words))
}

const addressFrom = (tokens: RdataTokens) => tokens.take().text
const nameFrom = (tokens: RdataTokens) => tokens.name()
const stringToken = (tokens: RdataTokens) => stringFrom(unescaped(tokens.take().text))

function serviceFrom(tokens: RdataTokens): RecordData {
  const service = { priority: number(tokens), target: tokens.name() }
  return tokens.left === 0 ? service : { ...service, params: paramsFrom(tokens) }
}

const PARSERS: Readonly<Record<KnownType, (tokens: RdataTokens) => RecordData>> = {
  A: addressFrom,
  AAAA: addressFrom,
  CAA: (tokens) => ({ flags: number(tokens), tag: tokens.take().text, value: stringToken(tokens) }),
  CNAME: nameFrom,
  HTTPS: serviceFrom,
  MX: (tokens) => ({ preference: number(tokens), exchange: tokens.name() }),
  NAPTR: (tokens) => ({
    order: number(tokens),
    preference: number(tokens),
    flags: stringToken(tokens) as string,
    services: stringToken(tokens),
    regexp: stringToken(tokens),
    replacement: tokens.name(),
  }),
  NS: nameFrom,
  PTR: nameFrom,
  SOA: (tokens): SoaData => ({
    mname: tokens.name(),
    rname: tokens.name(),
    serial: number(tokens),
    refresh: duration(tokens),
    retry: duration(tokens),
    expire: duration(tokens),
    minimum: duration(tokens),
  }),
  SRV: (tokens) => ({
    priority: number(tokens),
    weight: number(tokens),
    port: number(tokens),
    target: tokens.name(),
  }),
  SVCB: serviceFrom,
  TXT: (tokens) => {
    const strings = [stringToken(tokens)]
    while (tokens.left > 0) strings.push(stringToken(tokens))
    return strings
  },
}

function number(tokens: RdataTokens): number {
  const { text } = tokens.take()
  if (/^\d+$/.test(text)) return Number(text)
  throw new ContainerDnsError('CDNS_NUMBER_INVALID', `${describe(text)} is not a whole number`)
}

function duration(tokens: RdataTokens): number {
  const { text } = tokens.take()
  const seconds = secondsFrom(text)
  if (seconds !== undefined) return seconds
  throw new ContainerDnsError('CDNS_NUMBER_INVALID', `${describe(text)} is not a number of seconds`)
}

/** RFC 9460 §2.1: `key`, `key=value` or `key="value"`. */
function paramsFrom(tokens: RdataTokens): SvcParams {
  const params: Record<string, unknown> = {}
  while (tokens.left > 0) {
    const { text } = tokens.take()
    const equals = text.indexOf('=')
    const key = equals === -1 ? text : text.slice(0, equals)
    if (Object.hasOwn(params, key)) throw invalidParams(`${key} is there twice`)
    // Not by assignment, which a key called __proto__ would make something else of.
    const value = paramFrom(key, equals === -1 ? undefined : withoutQuotes(text.slice(equals + 1)))
    Object.defineProperty(params, key, { value, enumerable: true })
  }
  return params as SvcParams
}

function paramFrom(key: string, value: string | undefined): unknown {
  if (key === 'no-default-alpn') {
    if (value !== undefined) throw invalidParams('no-default-alpn has no value')
    return true
  }
  const octets = unescaped(value ?? '')
  switch (key) {
    case 'alpn':
      return listItems(octets)
    case 'mandatory':
    case 'ipv4hint':
    case 'ipv6hint':
      return Buffer.from(octets).toString('latin1').split(',')
    case 'port':
      if (!/^\d+$/.test(value ?? '')) throw invalidParams('port is not a number')
      return Number(value)
    case 'ech':
      return Buffer.from(octets).toString('latin1')
    default:
      return stringFrom(octets)
  }
}

function withoutQuotes(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1) : value
}

function invalidParams(reason: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_SVCB_INVALID', `parameters of a service are wrong: ${reason}`)
}
