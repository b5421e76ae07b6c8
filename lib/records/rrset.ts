import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { MAX_TTL } from '../wire/constants.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../wire/rdata/record-type.js'

/** All records of one name and type. */
export interface RRset {
  /** The owner name, absolute; the last dot may be left out. Comes back in lower case and without it. */
  name: string
  type: RecordType
  /** Seconds; default: the server's `defaultTtl`. */
  ttl?: number
  /** At least one; a value listed twice is kept once (RFC 2181 §5). */
  data: RecordData[]
}

export const TTL: Bounds = { default: 30, min: 0, max: MAX_TTL, unit: 'seconds' }

const KEYS = ['name', 'type', 'ttl', 'data'] as const satisfies readonly (keyof RRset)[]

/** All that an RRset can say. */
export const RRSET_FIELDS: readonly string[] = KEYS

/** Types of which a name has one record at most. */
const SINGLETONS: ReadonlySet<RecordType> = new Set<RecordType>(['CNAME', 'SOA'])

/**
 * Throws unless `given` has an RRset's shape. The name and the data are checked later, where they are turned into wire form.
 *
 * Codes: CDNS_RRSET_INVALID, CDNS_TYPE_UNSUPPORTED, CDNS_TTL_INVALID.
 */
export function checkRRset(given: unknown): asserts given is RRset {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', `an RRset must be an object, got ${describe(given)}`)
  }
  const rrset = given as Partial<RRset>
  for (const key in given) if (!KEYS.includes(key as keyof RRset)) refuseKeys(given)
  typeCode(rrset.type)
  if (rrset.ttl !== undefined) numberWithin('ttl', rrset.ttl, TTL, 'CDNS_TTL_INVALID')
  if (!Array.isArray(rrset.data) || rrset.data.length === 0) {
    throw new ContainerDnsError(
      'CDNS_RRSET_INVALID',
      `an RRset's data must be an array with something in it, got ${describe(rrset.data)}`,
    )
  }
  if (rrset.data.length > 1 && SINGLETONS.has(rrset.type!)) {
    throw new ContainerDnsError(
      'CDNS_RRSET_INVALID',
      `a name can have one ${rrset.type} record, got ${rrset.data.length}`,
    )
  }
}

/** A copy that has passed `checkRRset`, and that nobody else can change. */
export function copyRRset(given: RRset): RRset {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const copy = isObject ? { ...given } : given
  if (isObject && Array.isArray(copy.data)) copy.data = copy.data.map(copyData)
  // The copy, since a getter of the original may tell something else the next time.
  checkRRset(copy)
  return copy
}

function copyData(data: RecordData): RecordData {
  if (Array.isArray(data)) return [...data]
  return typeof data === 'object' && data !== null ? { ...data } : data
}

function refuseKeys(given: object): void {
  try {
    refuseUnknownKeys('an RRset', given, KEYS)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', (cause as Error).message)
  }
}
