import { isIP } from 'node:net'
import { ContainerDnsError } from '../errors.js'
import type { RRset } from '../records/rrset.js'
import { DEFAULT_VIEW } from '../records/view.js'
import { decodeData, RRsetEncoder } from '../records/wire-rrset.js'
import type { Revise } from '../store/revise.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../wire/rdata/record-type.js'
import { canonicalName, ownerAfter, type Principal, requireOwner, requireScope } from './access.js'
import type { Audit } from './audit.js'
import { Passes } from './passes.js'
import type { Source } from './source.js'

/** Who asks, and from where. */
export interface Caller {
  readonly principal: Principal
  readonly client: string
}

/** An edit of one name in one view. */
export interface Edit {
  readonly name: string
  /** Default: the default view. */
  readonly view?: string | undefined
  readonly revise: Revise
  /** What a new MX or TXT is called: see `EditOptions`. */
  readonly label?: string | undefined
}

/** What an edit has made of a name: the RRsets as they are now, and which of them are new. */
export interface Edited {
  readonly after: readonly RRset[]
  readonly before: readonly RRset[]
}

/** What both surfaces of the API do with records: reads and edits within what the caller may, with an audit line for each change. */
export class RecordEdits {
  readonly #source: Source
  readonly #audit: Audit
  readonly #encoder = new RRsetEncoder()
  /** For whoever reads all records. */
  readonly passes = new Passes()

  constructor(source: Source, audit: Audit) {
    this.#source = source
    this.#audit = audit
  }

  /** All RRsets of a name in a view. Throws CDNS_FORBIDDEN. */
  async read({ principal }: Caller, name: string, view?: string): Promise<RRset[]> {
    requireScope(principal, name)
    return this.#source.records.get(name, undefined, viewOption(view))
  }

  /**
   * Throws CDNS_FORBIDDEN and CDNS_RECORD_READ_ONLY for what is not the caller's, whatever `revise` and `Records.edit` throw, and
   * then nothing has changed.
   */
  async edit(caller: Caller, { name, view, revise, label }: Edit): Promise<Edited> {
    let seen: readonly RRset[] = []
    const after = await this.#source.records.edit(
      name,
      (before) => {
        seen = before
        return permitted(caller.principal, before, revise(before))
      },
      { ...viewOption(view), ...(label === undefined ? {} : { label }) },
    )
    this.#recordChanges(caller, seen, after)
    return { before: seen, after }
  }

  /** Whether `edit` would do it, as far as can be told beforehand. Throws what it would throw. */
  async check(caller: Caller, { name, view, revise }: Edit): Promise<void> {
    requireScope(caller.principal, name)
    const checked: Revise = (before) => permitted(caller.principal, before, revise(before))
    await this.#source.records.edit(name, checked, { ...viewOption(view), dryRun: true })
  }

  /** Data in its one written form, each once. Throws the codes of the type's codec. */
  canonicalData(type: RecordType, data: readonly RecordData[]): RecordData[] {
    if (data.length === 0) return []
    this.#encoder.reset()
    return decodeData(this.#encoder.encode(type, 0, data))
  }

  /** Addresses of both families in their one written form. */
  canonicalAddresses(addresses: readonly string[]): string[] {
    return addresses.map((address) => this.canonicalData(isIP(address) === 4 ? 'A' : 'AAAA', [address])[0] as string)
  }

  #recordChanges({ principal, client }: Caller, before: readonly RRset[], after: readonly RRset[]): void {
    const entry = {
      at: new Date().toISOString(),
      ...(principal.name === undefined ? {} : { principal: principal.name }),
      client,
    }
    const held = new Map(before.map((rrset) => [rrset.type, rrset]))
    for (const rrset of after) {
      const replaced = held.get(rrset.type)
      held.delete(rrset.type)
      if (replaced === rrset) continue
      const { name, type, view } = rrset
      const what = { name, type, ...viewOption(view), ...(replaced === undefined ? {} : { before: replaced }) }
      this.#audit.record({ ...entry, action: 'put', ...what, after: rrset })
    }
    for (const removed of held.values()) {
      const { name, type, view } = removed
      this.#audit.record({ ...entry, action: 'delete', name, type, ...viewOption(view), before: removed })
    }
  }
}

/** The result of an edit with its owners, if the principal may make it. */
function permitted(principal: Principal, before: readonly RRset[], after: readonly RRset[]): RRset[] {
  const held = new Map(before.map((rrset) => [rrset.type, rrset]))
  const result = after.map((rrset): RRset => {
    const replaced = held.get(rrset.type)
    held.delete(rrset.type)
    if (replaced === rrset) return rrset
    if (replaced !== undefined) requireOwner(principal, replaced)
    requireScope(principal, rrset.name)
    const { owner: _owner, ...rest } = rrset
    const owner = ownerAfter(principal, rrset, replaced)
    return (owner === undefined ? rest : { ...rest, owner }) as RRset
  })
  for (const removed of held.values()) requireOwner(principal, removed)
  return result
}

export function viewOption(view: string | undefined): { view?: string } {
  return view === undefined || view === DEFAULT_VIEW ? {} : { view }
}

/** The RRset of one type, with the others as they are, given what it was. `undefined` removes it. */
export function replacing(type: RecordType, change: (current: RRset | undefined) => RRset | undefined): Revise {
  return (rrsets) => {
    const current = rrsets.find((rrset) => rrset.type === type)
    const next = change(current)
    if (next === current) return rrsets
    const others = rrsets.filter((rrset) => rrset !== current)
    return next === undefined ? others : [...others, next]
  }
}

/** A type in capitals, as it is in URLs of ours. Throws CDNS_TYPE_UNSUPPORTED. */
export function recordType(text: string): RecordType {
  const type = text.toUpperCase()
  typeCode(type)
  return type as RecordType
}

/** Throws CDNS_REQUEST_INVALID unless an RRset in a body is of the name, type and view of its URL, where it says so at all. */
export function placedAt(given: object, place: { name: string; type: RecordType; view?: string | undefined }): RRset {
  const { name = place.name, type = place.type, view, ...rest } = given as Partial<RRset>
  const isThere =
    typeof name === 'string' &&
    canonicalName(name) === canonicalName(place.name) &&
    type === place.type &&
    (view === undefined || place.view === undefined || view === place.view)
  if (!isThere)
    throw new ContainerDnsError('CDNS_REQUEST_INVALID', 'the body is of another name, type or view than the URL')
  return { ...rest, name: place.name, type: place.type, ...viewOption(place.view ?? view) } as RRset
}

/** Items added and removed, by what they say; addresses whatever their weights. */
export function changedData(
  edits: RecordEdits,
  type: RecordType,
  current: readonly RecordData[],
  add: readonly RecordData[],
  remove: readonly RecordData[],
): RecordData[] {
  const items = new Map(current.map((item) => [keyOf(item), item]))
  for (const item of edits.canonicalData(type, remove)) items.delete(keyOf(item))
  for (const item of edits.canonicalData(type, add)) items.set(keyOf(item), item)
  return [...items.values()]
}

function keyOf(item: RecordData): string {
  return typeof item === 'object' && 'address' in item
    ? item.address
    : typeof item === 'string'
      ? item
      : JSON.stringify(item)
}
