import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'

/** The types a record can have, as IANA numbers them. */
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
} as const

export type RecordType = keyof typeof RECORD_TYPES

const NAMES = new Map<number, RecordType>(
  (Object.entries(RECORD_TYPES) as [RecordType, number][]).map(([name, code]) => [code, name]),
)

/** The number of a type. Throws CDNS_TYPE_UNSUPPORTED. */
export function typeCode(type: unknown): number {
  if (typeof type === 'string' && Object.hasOwn(RECORD_TYPES, type)) return RECORD_TYPES[type as RecordType]
  const known = Object.keys(RECORD_TYPES).join(', ')
  throw new ContainerDnsError('CDNS_TYPE_UNSUPPORTED', `record type ${describe(type)} is none of ${known}`)
}

/** The name of a type that a record can have. Throws CDNS_TYPE_UNSUPPORTED. */
export function typeName(code: number): RecordType {
  const name = NAMES.get(code)
  if (name === undefined) throw new ContainerDnsError('CDNS_TYPE_UNSUPPORTED', `record type ${code} is not one we hold`)
  return name
}
