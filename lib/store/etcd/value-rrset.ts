import { ContainerDnsError } from '../../errors.js'
import { checkAnswerOptions, isOwner, RRSET_FIELDS, type RRset, type RRsetExtras } from '../../records/rrset.js'
import { RRsetEncoder } from '../../records/wire-rrset.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { typeCode } from '../../wire/rdata/record-type.js'
import type { Decoded } from './key-layout.js'
import type { RRsetPlace } from './layout-rrset.js'
import { wholeRdata } from './leaf-packer.js'
import { parse, ttlIn } from './value-containerdns.js'

/** An RRset as JSON, in a key that says its name, type and view. Fields that are not known here are passed over, and stay when it is written again. */
export interface RRsetValue {
  readonly ttl?: unknown
  readonly data?: unknown
  readonly selection?: unknown
  readonly fallback?: unknown
  readonly [field: string]: unknown
}

/** Twice the JSON of any RRset that a message can carry, texts in which every character is escaped aside. etcd itself takes 1.5 MB. */
export const MAX_RRSET_VALUE_BYTES = 512 * 1024

const SINGLETONS: ReadonlySet<string> = new Set(['CNAME', 'SOA'])

/** Reads the values of keys that hold whole RRsets. */
export class RRsetReader {
  readonly #encoder = new RRsetEncoder()

  /** Never throws. The rdata of the one record it gives are those of a whole RRset, as leaf.ts has them. */
  read(place: RRsetPlace, value: Buffer): Decoded {
    try {
      const { data, ttl, ...others } = parse(value, MAX_RRSET_VALUE_BYTES) as RRsetValue
      if (!Array.isArray(data) || data.length === 0) throw new Error('data is not an array with something in it')
      if (data.length > 1 && SINGLETONS.has(place.type)) throw new Error(`a name can have one ${place.type} record`)
      const { selection, fallback, owner: holder } = others as RRsetExtras
      const said = { selection, fallback, owner: isOwner(holder) ? holder : undefined }
      checkAnswerOptions(place.type, said)
      this.#encoder.reset()
      const rdata = wholeRdata(this.#encoder.encode(place.type, 0, data as RecordData[], said))
      const { owner, path, type } = place
      return { kind: 'records', records: [{ owner, path, type: typeCode(type), ttl: ttlIn({ ttl }), rdata }] }
    } catch (error) {
      return { kind: 'bad', reason: (error as Error).message }
    }
  }
}

/** What a stored value says that an RRset of this version cannot: it was written by a later one. Empty for one that cannot be read. */
export function otherFields(value: Buffer): Record<string, unknown> {
  try {
    const fields = Object.entries(parse(value, MAX_RRSET_VALUE_BYTES))
    return Object.fromEntries(fields.filter(([field]) => !RRSET_FIELDS.includes(field)))
  } catch {
    return {}
  }
}

/** The value of a key for a whole RRset: what a program has put, but for what the key says. It has passed `refuseUnsaid`. */
export function rrsetValue(rrset: RRset, others: Readonly<Record<string, unknown>> = {}): string {
  const { name: _name, type: _type, view: _view, ttl, data, ...options } = rrset
  return JSON.stringify({ ...others, ...(ttl === undefined ? {} : { ttl }), data, ...options })
}

/** Octets have no form in JSON, and must not be lost in silence. Throws CDNS_STORE_UNSUPPORTED. */
export function refuseUnsaid(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Uint8Array)
    throw new ContainerDnsError('CDNS_STORE_UNSUPPORTED', 'etcd holds octets as text only')
  for (const item of Object.values(value)) refuseUnsaid(item)
}
