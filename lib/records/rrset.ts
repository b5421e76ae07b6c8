import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { MAX_TTL } from '../wire/constants.js'
import type { DataByType, GenericData, RecordData } from '../wire/rdata/record-data.js'
import { type GenericType, type KnownType, type RecordType, typeCode } from '../wire/rdata/record-type.js'
import { parseSelectionOptions, type SelectionOptions } from './selection-options.js'
import { DEFAULT_VIEW, isViewName } from './view.js'

/** All records of one name and type, whose data is known. */
export interface RRsetOf<Type extends RecordType, Data> {
  /** The owner name, absolute; the last dot may be left out. Comes back in lower case and without it. */
  name: string
  type: Type
  /** Seconds; default: the server's `defaultTtl`. */
  ttl?: number
  /** At least one; a value listed twice is kept once (RFC 2181 §5). */
  data: Data[]
  /** The view whose clients see it, one of the server's `views`. Default, and left out when read: the default view. */
  view?: string
  /** A, AAAA, SRV: which records are answered, and in which order; what is left out is as its zone has it. */
  selection?: Type extends SelectableType ? SelectionOptions : never
  /** A, AAAA, SRV: answered in the place of `data` when all of that is unhealthy and `health.allUnhealthy` is `fallback`. Without weights. */
  fallback?: Type extends SelectableType ? Data[] : never
  /** Who may change it through the API, beside its admins: up to 255 bytes of text without control characters. Default: admins alone. */
  owner?: string
}

/** What an RRset says of how it is answered. */
export interface AnswerOptions {
  readonly selection?: SelectionOptions | undefined
  readonly fallback?: readonly RecordData[] | undefined
}

/** What an RRset says beside its records. */
export interface RRsetExtras extends AnswerOptions {
  readonly owner?: string | undefined
}

/** What an RRset is, by its type. */
export type RRsetByType = { [Type in KnownType]: RRsetOf<Type, DataByType[Type]> } & {
  [type: GenericType]: RRsetOf<GenericType, GenericData>
}

/** All records of one name and type. `type` tells what `data` holds. */
export type RRset = RRsetByType[RecordType]

export const TTL: Bounds = { default: 30, min: 0, max: MAX_TTL, unit: 'seconds' }

const KEYS = [
  'name',
  'type',
  'ttl',
  'data',
  'view',
  'selection',
  'fallback',
  'owner',
] as const satisfies readonly (keyof RRset)[]

/** All that an RRset can say. */
export const RRSET_FIELDS: readonly string[] = KEYS

/** Types of which a name has one record at most. */
const SINGLETONS: ReadonlySet<RecordType> = new Set<RecordType>(['CNAME', 'SOA'])
const SELECTABLE_TYPES = ['A', 'AAAA', 'SRV'] as const satisfies readonly KnownType[]
/** Types whose records are backends, among which a client is to have one. Of all others it needs the whole RRset. */
export type SelectableType = (typeof SELECTABLE_TYPES)[number]
const SELECTABLE: ReadonlySet<unknown> = new Set(SELECTABLE_TYPES)

/**
 * Throws unless `given` has an RRset's shape. The name and the data are checked later, where they are turned into wire form.
 *
 * Codes: CDNS_RRSET_INVALID, CDNS_TYPE_UNSUPPORTED, CDNS_TTL_INVALID, CDNS_DATA_EMPTY.
 */
export function checkRRset(given: unknown): asserts given is RRset {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', `an RRset must be an object, got ${describe(given)}`)
  }
  const rrset = given as Partial<RRset>
  for (const key in given) if (!KEYS.includes(key as keyof RRset)) refuseKeys(given)
  typeCode(rrset.type)
  if (rrset.ttl !== undefined) numberWithin('ttl', rrset.ttl, TTL, 'CDNS_TTL_INVALID')
  if (rrset.view !== undefined && !isViewName(rrset.view)) {
    throw new ContainerDnsError(
      'CDNS_RRSET_INVALID',
      `an RRset's view must be the name of one, got ${describe(rrset.view)}`,
    )
  }
  if (rrset.owner !== undefined && !isOwner(rrset.owner)) {
    throw new ContainerDnsError(
      'CDNS_RRSET_INVALID',
      `an RRset's owner must be text of 1 to ${MAX_OWNER_BYTES} bytes without control characters, got ${describe(rrset.owner)}`,
    )
  }
  if (!Array.isArray(rrset.data)) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', `an RRset's data must be an array, got ${describe(rrset.data)}`)
  }
  if (rrset.data.length === 0) {
    throw new ContainerDnsError('CDNS_DATA_EMPTY', "an RRset's data must have something in it")
  }
  if (rrset.data.length > 1) refuseSecond(rrset.type!)
  checkAnswerOptions(rrset.type!, rrset)
}

/** The owner of what comes from Kubernetes, where alone it is to be changed. */
export const KUBERNETES = 'kubernetes'

/** An owner stands behind its length in an octet. */
const MAX_OWNER_BYTES = 255

/** Whether an RRset can belong to somebody of this name. */
export function isOwner(given: unknown): given is string {
  if (typeof given !== 'string' || given === '' || Buffer.byteLength(given) > MAX_OWNER_BYTES) return false
  // A lone surrogate has no UTF-8, and would come back as something else.
  return !/[\p{Cc}\p{Cs}]/u.test(given)
}

/** Throws CDNS_RRSET_INVALID for a selection or fallback that is wrong, or is said of a type that has none. */
export function checkAnswerOptions(type: RecordType, { selection, fallback }: AnswerOptions): void {
  if (selection === undefined && fallback === undefined) return
  if (!SELECTABLE.has(type)) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', `selection and fallback are for A, AAAA and SRV, not for ${type}`)
  }
  if (selection !== undefined) asRRsetFault(() => parseSelectionOptions('selection', selection))
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length > 0)) return
  throw new ContainerDnsError(
    'CDNS_RRSET_INVALID',
    `an RRset's fallback must be an array with something in it, got ${describe(fallback)}`,
  )
}

/** Throws CDNS_RRSET_INVALID for a type of which a name has one record at most. */
export function refuseSecond(type: RecordType): void {
  if (!SINGLETONS.has(type)) return
  throw new ContainerDnsError('CDNS_RRSET_INVALID', `a name can have one ${type} record`)
}

/** A copy that has passed `checkRRset`, and that nobody else can change. */
export function copyRRset(given: RRset): RRset {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const copy = isObject ? { ...given } : given
  if (isObject) {
    if (Array.isArray(copy.data)) copy.data = (copy.data as RecordData[]).map((item) => copyOf(item)) as never
    if (copy.selection !== undefined) copy.selection = copyOf(copy.selection)
    if (copy.fallback !== undefined) copy.fallback = copyOf(copy.fallback)
  }
  // The copy, since a getter of the original may tell something else the next time.
  checkRRset(copy)
  if (copy.view === DEFAULT_VIEW) delete copy.view
  return copy
}

/** Data of a service is an object with parameters that are arrays of octets: nothing lies deeper. What does is refused later. */
const MAX_DATA_DEPTH = 3

/** Data is made of arrays, plain objects, octets and what cannot change. */
function copyOf<T>(data: T, depth = MAX_DATA_DEPTH): T {
  if (typeof data !== 'object' || data === null || depth < 0) return data
  if (data instanceof Uint8Array) return Uint8Array.from(data) as T
  if (Array.isArray(data)) return data.map((item) => copyOf(item, depth - 1)) as T
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, copyOf(value, depth - 1)])) as T
}

function refuseKeys(given: object): void {
  asRRsetFault(() => refuseUnknownKeys('an RRset', given, KEYS))
}

function asRRsetFault(check: () => void): void {
  try {
    check()
  } catch (cause) {
    throw new ContainerDnsError('CDNS_RRSET_INVALID', (cause as Error).message)
  }
}
