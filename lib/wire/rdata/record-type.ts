import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

/** The types whose data we know, as IANA numbers them. */
export const RECORD_TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  SVCB: 64,
  HTTPS: 65,
  CAA: 257,
} as const

export type KnownType = keyof typeof RECORD_TYPES
/** Any other type, by its number (RFC 3597 §5): `TYPE65280`. */
export type GenericType = `TYPE${number}`
/** The types a record can have. */
export type RecordType = KnownType | GenericType

const NAMES = new Map<number, KnownType>(
  (Object.entries(RECORD_TYPES) as [KnownType, number][]).map(([name, code]) => [code, name]),
)

const GENERIC = /^TYPE([1-9]\d{0,4})$/
const OPT = 41
/** RFC 6895 §3.1: 128 to 255 are for questions and for what a message says of itself; 65535 is reserved. */
const FIRST_META_TYPE = 128
const LAST_META_TYPE = 255
const RESERVED_TYPE = 65535

/**
 * The number of a type. A type has one name: `TYPE1` is refused, because it is A. Throws CDNS_TYPE_UNSUPPORTED.
 */
export function typeCode(type: unknown): number {
  if (typeof type === 'string') {
    if (Object.hasOwn(RECORD_TYPES, type)) return RECORD_TYPES[type as KnownType]
    const code = Number(GENERIC.exec(type)?.[1])
    const name = NAMES.get(code)
    if (name !== undefined) throw unsupported(`record type ${type} is ${name}, and must be called so`)
    if (isDataType(code)) return code
  }
  const known = Object.keys(RECORD_TYPES).join(', ')
  throw unsupported(`record type ${describe(type)} is none of ${known} and TYPEnnn`)
}

/** The name of a type that a record can have. Throws CDNS_TYPE_UNSUPPORTED. */
export function typeName(code: number): RecordType {
  const name = NAMES.get(code)
  if (name !== undefined) return name
  if (isDataType(code)) return `TYPE${code}`
  throw unsupported(`record type ${code} is not one that a record can have`)
}

/** Whether a type is one whose data we know. */
export function isKnownType(type: RecordType): type is KnownType {
  return Object.hasOwn(RECORD_TYPES, type)
}

function isDataType(code: number): boolean {
  if (!(code > 0 && code < RESERVED_TYPE) || code === OPT) return false
  return code < FIRST_META_TYPE || code > LAST_META_TYPE
}

function unsupported(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_TYPE_UNSUPPORTED', message)
}
