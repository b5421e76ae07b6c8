import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW } from '../../records/view.js'
import { decodeRRset, type RRsetEncoder } from '../../records/wire-rrset.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import type { Revision } from '../revise.js'
import type { LayoutRecord, LeafPlace, WritableLayout } from './key-layout.js'
import { NO_TTL, rdataKey } from './leaf.js'
import { LeafPacker } from './leaf-packer.js'
import { kindOf, viewOfPath, withoutPrefix } from './leaf-path.js'
import { newPath, wantedRecords } from './new-leaves.js'
import { Changes, keyText, type OwnerState, type Plan, type StoredKey } from './owner-changes.js'
import { parse, serviceRecord } from './value-containerdns.js'
import { otherFields, rrsetValue } from './value-rrset.js'

// What takes more than one transaction happens under a cover. Leaves that are written one chunk after another would show a reader half
// an RRset in between; but a key with the whole RRset wins over leaves. So the first transaction puts such keys, for a put with
// what is wanted, for a delete with what is there. Then leaves change in chunks that nobody sees, and the last transaction
// removes the covers together with the last leaves. A put is visible with its first transaction, a delete with its last.
//
// Whoever works under a cover has written it, and everybody else who changes that RRset in the meantime changes the cover. Each step
// demands that it is as it was put, so that only one goes on. If we die half-way the covers stay, answers are right, and the next put
// or delete of the name begins with covers of its own: each plan is made from what is stored now. To leave them for
// good would be less work, but servers of the other generation read leaves only.
//
// `coverRevision` below is that of the covers this put or delete has written, 0 as long as there are none.

/** The next step to replace an owner's RRsets of the given types. Throws CDNS_CNAME_CONFLICT. */
export function planPut(
  state: OwnerState,
  rrsets: Iterable<RRset>,
  layout: WritableLayout,
  encoder: RRsetEncoder,
  defaultTtl: number,
  coverRevision: number,
): Plan {
  const changes = new Changes(state)
  const covers = new Changes(state)
  const types = new Set<number>()
  for (const rrset of rrsets) {
    types.add(typeCode(rrset.type))
    const whole = new WholeRRset(state, rrset, layout)
    replace(changes, whole, layout, encoder, defaultTtl)
    covers.write(whole.key, whole.value)
  }
  for (const { record } of state.keys.values()) if (record !== undefined) types.add(record.type)
  refuseCnameBesideOthers(state.owner, types)
  return changes.inSteps(covers, coverRevision)
}

/** The next step to remove an owner's RRset of one type, or of all. */
export function planDelete(
  state: OwnerState,
  type: RecordType | undefined,
  layout: WritableLayout,
  defaultTtl: number,
  coverRevision: number,
): Plan {
  const code = type === undefined ? undefined : typeCode(type)
  const stored = [...state.keys.values()].filter(
    ({ record }) => record !== undefined && (code === undefined || record.type === code),
  )
  const changes = new Changes(state)
  for (const each of stored) changes.remove(each)
  if (changes.fit) return changes.atOnce(true)
  const covers = new Changes(state)
  for (const rrset of visible(state.owner, stored, defaultTtl)) {
    const whole = new WholeRRset(state, rrset, layout)
    covers.write(whole.key, whole.value)
  }
  return changes.inSteps(covers, coverRevision)
}

/** The next step to replace all RRsets of an owner that differ, and to remove those that are gone. Throws CDNS_CNAME_CONFLICT. */
export function planEdit(
  state: OwnerState,
  { put, removed }: Revision,
  layout: WritableLayout,
  encoder: RRsetEncoder,
  defaultTtl: number,
  coverRevision: number,
): Plan {
  const changes = new Changes(state)
  const covers = new Changes(state)
  const types = new Set<number>(put.map(({ type }) => typeCode(type)))
  const gone = new Set<number>(removed.map(typeCode))
  for (const rrset of put) {
    const whole = new WholeRRset(state, rrset, layout)
    replace(changes, whole, layout, encoder, defaultTtl)
    covers.write(whole.key, whole.value)
  }
  const stored = [...state.keys.values()].filter(({ record }) => record !== undefined && gone.has(record.type))
  for (const each of stored) changes.remove(each)
  for (const rrset of changes.fit ? [] : visible(state.owner, stored, defaultTtl)) {
    const whole = new WholeRRset(state, rrset, layout)
    covers.write(whole.key, whole.value)
  }
  for (const { record } of state.keys.values())
    if (record !== undefined && !gone.has(record.type)) types.add(record.type)
  refuseCnameBesideOthers(state.owner, types)
  return changes.inSteps(covers, coverRevision)
}

/** What readers see of an owner, in the view of the layout, once they have caught up with what was read. */
export function visibleRRsets(state: OwnerState, layout: WritableLayout, defaultTtl: number): RRset[] {
  const stored = [...state.keys.values()].filter(({ record }) => record !== undefined)
  const ofView = layout.view === DEFAULT_VIEW ? {} : { view: layout.view }
  return visible(state.owner, stored, defaultTtl).map((rrset) => ({ ...rrset, ...ofView }))
}

/** The keys where an RRset's records would go first. */
export function firstKeys(owner: Uint8Array, rrset: RRset, layout: WritableLayout): Buffer[] {
  const place = layout.leafPlace(owner, rrset)
  return place === undefined ? [] : rrset.data.map((data) => layout.keyOf(owner, newPath(place, data, 0)))
}

/** Keys that hold wanted data stay as they are, with all that others have written in their values. */
function replace(
  changes: Changes,
  whole: WholeRRset,
  layout: WritableLayout,
  encoder: RRsetEncoder,
  defaultTtl: number,
): void {
  const { rrset } = whole
  const type = typeCode(rrset.type)
  const wanted = wantedRecords(rrset, encoder)
  const current = [...changes.state.keys.values()].filter(({ record }) => record?.type === type)
  const leaves = current.filter(({ record }) => kindOf(record!.path) === 'record')
  const place = whole.hasOtherFields ? undefined : layout.leafPlace(changes.state.owner, rrset)
  const isWanted = ({ key, record }: StoredKey) =>
    kindOf(record!.path) === 'record'
      ? place !== undefined && wanted.has(rdataKey(type, record!.rdata))
      : place === undefined && key.equals(whole.key)
  for (const stored of current) if (!isWanted(stored)) changes.remove(stored)
  const added =
    place && newLeaves(changes, { ...place, folder: folderOf(leaves) ?? place.folder }, wanted, leaves, layout)
  if (added === undefined) {
    // Leaves cannot say it, or there is no key left for them.
    for (const stored of leaves) changes.remove(stored)
    if (!whole.isStored || changes.removes(whole.key)) changes.write(whole.key, whole.value)
    return
  }
  const ttl = rrset.ttl ?? defaultTtl
  for (const stored of leaves.filter(isWanted)) {
    // Who says nothing of an owner leaves to others what they have written.
    const hasOwner = rrset.owner === undefined || rrset.owner === stored.record!.user
    if (hasOwner && hasTtl(stored.record!, rrset.ttl, defaultTtl)) changes.keep(stored)
    else
      changes.write(
        stored.key,
        JSON.stringify({ ...parse(stored.value), ttl, ...(!hasOwner && { user: rrset.owner }) }),
      )
  }
  for (const [key, data] of added) changes.write(key, JSON.stringify(serviceRecord(rrset.type, data, ttl, rrset.owner)))
}

/** Where data go that no leaf holds yet; undefined when a key for one of them holds something else. Two texts with one hash, and keys of others, are got around. */
function newLeaves(
  changes: Changes,
  place: LeafPlace,
  wanted: ReadonlyMap<string, RecordData>,
  leaves: readonly StoredKey[],
  layout: WritableLayout,
): [Buffer, RecordData][] | undefined {
  const missing = new Map(wanted)
  for (const { record } of leaves) missing.delete(rdataKey(record!.type, record!.rdata))
  const taken = new Set<string>()
  const added: [Buffer, RecordData][] = []
  for (const data of missing.values()) {
    let key: Buffer | undefined
    for (let attempt = 0; key === undefined; attempt++) {
      if (attempt === (place.hasLeaf ? MAX_ATTEMPTS : 1)) return undefined
      const candidate = layout.keyOf(changes.state.owner, newPath(place, data, attempt))
      if (changes.isFree(candidate) && !taken.has(keyText(candidate))) key = candidate
    }
    taken.add(keyText(key))
    added.push([key, data])
  }
  return added
}

/** Hashes of one text with a number behind it. */
const MAX_ATTEMPTS = 128

/** The RRset as one key of its own, which may be there already. */
class WholeRRset {
  readonly rrset: RRset
  readonly key: Buffer
  readonly value: string
  /** Whether that is what etcd holds. */
  readonly isStored: boolean
  /** Whether the stored one says something that a program of this version cannot. It stays. */
  readonly hasOtherFields: boolean

  constructor(state: OwnerState, rrset: RRset, layout: WritableLayout) {
    this.rrset = rrset
    this.key = layout.keyOf(state.owner, layout.rrsetPath(rrset.type))
    const stored = state.keys.get(keyText(this.key))
    const others = stored === undefined ? {} : otherFields(stored.value)
    this.value = rrsetValue(rrset, others)
    this.isStored = stored?.value.toString() === this.value
    this.hasOtherFields = Object.keys(others).length > 0
  }
}

/** What readers see of these keys, an RRset for each type. */
function visible(owner: Uint8Array, stored: readonly StoredKey[], defaultTtl: number): RRset[] {
  const leaves = stored.map(({ record, modRevision }) => ({ ...record!, modRevision }))
  // All are of one view, which the layout knows.
  const views = [DEFAULT_VIEW, ...new Set(leaves.map(({ path }) => viewOfPath(path)))]
  return new LeafPacker(views).pack(leaves, defaultTtl).map((rrset) => decodeRRset(owner, rrset))
}

function hasTtl(record: LayoutRecord, wanted: number | undefined, defaultTtl: number): boolean {
  if (record.ttl === NO_TTL) return wanted === undefined
  return record.ttl === (wanted ?? defaultTtl)
}

/** New addresses of a zone itself go where its old ones are. */
function folderOf(leaves: readonly StoredKey[]): string | undefined {
  for (const { record } of leaves) {
    const path = withoutPrefix(record!.path)
    const end = path.startsWith('/') ? -1 : path.lastIndexOf('/')
    if (end !== -1) return path.slice(0, end)
  }
  return undefined
}
