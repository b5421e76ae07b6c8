import type { RRset } from '../records/rrset.js'
import type { Revise } from '../store/revise.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import { requireOwner, requireScope } from './access.js'
import { addressIn, type byFamily } from './origin-names.js'
import { changedData, type RecordEdits, replacing } from './record-edits.js'
import type { Call } from './route.js'
import type { Source } from './source.js'

/** The origin's own; what leaves of it say. */
export const TTL = 30

/** What one of these calls has in its body. */
export interface OriginBody {
  readonly type?: string
  readonly ips?: readonly string[]
  readonly ports?: readonly number[]
  readonly alias?: string
  readonly update?: Readonly<Record<string, string>>
  readonly nsHost?: string
  readonly mailHost?: string
  readonly mailPriority?: number
  readonly text?: string
}

/** Data to add to a name, by type. */
export type Added = Readonly<Partial<Record<RecordType, readonly RecordData[]>>>

/** Edits as these calls make them: whoever changes a part of a name must be whose all of it is. */
export class OriginEdits {
  readonly source: Source
  readonly #edits: RecordEdits

  constructor(source: Source, edits: RecordEdits) {
    this.source = source
    this.#edits = edits
  }

  /** Throws CDNS_FORBIDDEN. */
  read(call: Call, name: string): Promise<RRset[]> {
    return this.#edits.read(call, name)
  }

  /** Data in its one written form. */
  canonical(type: RecordType, data: RecordData): RecordData {
    return this.#edits.canonicalData(type, [data])[0]!
  }

  /** `label` is what a new MX or TXT is called. */
  async edit(call: Call, name: string, revise: Revise, label?: string): Promise<void> {
    requireScope(call.principal, name)
    await this.#edits.edit(call, { name, revise, label })
  }

  /** Throws what `edit` would throw. */
  async check(call: Call, name: string, revise: Revise): Promise<void> {
    await this.#edits.check(call, { name, revise })
  }

  async add(call: Call, name: string, added: Added): Promise<void> {
    await this.edit(call, name, this.added(call, name, added))
  }

  /** Whoever adds to a name must be whose all of it is. */
  added({ principal }: Call, name: string, added: Added): Revise {
    return (before) => {
      for (const rrset of before) requireOwner(principal, rrset)
      let rrsets = before
      for (const [type, items] of Object.entries(added) as [RecordType, readonly RecordData[]][]) {
        if (items.length === 0) continue
        rrsets = replacing(type, (current) => {
          const data = changedData(this.#edits, type, current?.data ?? [], items, [])
          return { ttl: TTL, ...(current ?? { name, type }), data } as RRset
        })(rrsets)
      }
      return rrsets
    }
  }

  /** The same array if none of these addresses was there. */
  withoutAddresses(rrsets: readonly RRset[], { A, AAAA }: ReturnType<typeof byFamily>): readonly RRset[] {
    return this.withoutData(this.withoutData(rrsets, 'A', A), 'AAAA', AAAA)
  }

  /** The same array if nothing of it was there. */
  withoutData(rrsets: readonly RRset[], type: RecordType, items: readonly RecordData[]): readonly RRset[] {
    return replacing(type, (current) => {
      if (current === undefined || items.length === 0) return current
      const data = changedData(this.#edits, type, current.data, [], items)
      if (data.length === current.data.length) return current
      return data.length === 0 ? undefined : ({ ...current, data } as RRset)
    })(rrsets)
  }

  /** Where there is a scanner, it looks after what these calls add, as the origin's does. */
  async watch(name: string, addresses: readonly string[], isWanted: boolean): Promise<void> {
    await this.source.store.watchHealth?.(this.#edits.canonicalAddresses(addresses), name, isWanted)
  }
}

export function addressesOf(rrsets: readonly RRset[]): string[] {
  return rrsets
    .filter(({ type }) => type === 'A' || type === 'AAAA')
    .flatMap(({ data }) => (data as RecordData[]).map(addressIn))
}

/** What a call for a name shows: its addresses, services and alias, or those of a type. */
export function isShownAt(held: RecordType, type: string): boolean {
  if (type !== '' && type !== 'A') return held === type
  return held === 'A' || held === 'AAAA' || held === 'SRV' || held === 'CNAME'
}
