import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { decodeData, type RRsetEncoder } from '../../records/wire-rrset.js'
import { hashStep, nameToText } from '../../wire/name.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import type { Compare, RequestOp } from './client.js'
import { type ContainerdnsLayout, endOfFolder, type LayoutRecord } from './layout-containerdns.js'
import { NO_TTL, rdataKey } from './leaf.js'
import { parse, type ServiceRecord, serviceRecord } from './value-containerdns.js'

/** A key that was read because it may have to do with an owner. */
export interface StoredKey {
  readonly key: Buffer
  readonly value: Buffer
  readonly modRevision: number
  /** What it says of the owner; undefined when it is about another name, or bad. */
  readonly record: LayoutRecord | undefined
  /** Whether nobody can read it, so that writing over it loses nothing. */
  readonly isBad: boolean
}

/** What etcd holds of one owner. */
export interface OwnerState {
  readonly owner: Uint8Array
  readonly revision: number
  readonly keys: ReadonlyMap<string, StoredKey>
  /** Whether these are all keys that begin like the owner's, so that a key that comes later can be told by its revision. */
  readonly isWhole: boolean
}

/** A transaction: it happens if all that was read is still so. */
export interface Plan {
  readonly compare: Compare[]
  readonly success: RequestOp[]
}

/** etcd's `--max-txn-ops`. */
const MAX_OPERATIONS = 128

/** What replaces an owner's RRsets of the given types. Throws CDNS_CNAME_CONFLICT and CDNS_STORE_UNSUPPORTED. */
export function planPut(
  state: OwnerState,
  rrsets: Iterable<RRset>,
  layout: ContainerdnsLayout,
  encoder: RRsetEncoder,
  defaultTtl: number,
): Plan {
  const planner = new Planner(state, layout)
  const types = new Set<number>()
  for (const rrset of rrsets) {
    types.add(typeCode(rrset.type))
    planner.replace(rrset, encoder, defaultTtl)
  }
  for (const { record } of state.keys.values()) if (record !== undefined) types.add(record.type)
  refuseCnameBesideOthers(state.owner, types)
  return planner.plan()
}

/** What removes an owner's RRset of one type, or of all. Throws CDNS_STORE_UNSUPPORTED. */
export function planDelete(state: OwnerState, type: RecordType | undefined, layout: ContainerdnsLayout): Plan {
  const planner = new Planner(state, layout)
  const code = type === undefined ? undefined : typeCode(type)
  for (const stored of state.keys.values()) {
    if (stored.record !== undefined && (code === undefined || stored.record.type === code)) planner.remove(stored)
  }
  return planner.plan()
}

/** The keys where an RRset's records would go first. */
export function firstKeys(owner: Uint8Array, rrset: RRset, layout: ContainerdnsLayout): Buffer[] {
  return rrset.data.map((data) => layout.keyOf(owner, newPath(layout, rrset.type, data, 0)))
}

class Planner {
  readonly #state: OwnerState
  readonly #layout: ContainerdnsLayout
  readonly #compare = new Map<string, Compare>()
  readonly #writes = new Map<string, RequestOp>()

  constructor(state: OwnerState, layout: ContainerdnsLayout) {
    this.#state = state
    this.#layout = layout
  }

  /** Keys that hold wanted data stay as they are, with all that others have written in their values. */
  replace(rrset: RRset, encoder: RRsetEncoder, defaultTtl: number): void {
    const type = typeCode(rrset.type)
    const wanted = wantedRecords(rrset, encoder)
    const missing = new Set(wanted.keys())
    const current = [...this.#state.keys.values()].filter((stored) => stored.record?.type === type)
    for (const stored of current) {
      const key = rdataKey(type, stored.record!.rdata)
      missing.delete(key)
      if (!wanted.has(key)) this.remove(stored)
      else if (hasTtl(stored.record!, rrset.ttl, defaultTtl)) this.#keep(stored)
      else this.#write(stored.key, { ...parse(stored.value), ttl: rrset.ttl ?? defaultTtl }, stored)
    }
    const folder = folderOf(current)
    for (const key of missing) {
      const data = wanted.get(key)!
      const free = this.#freeKey(rrset.type, data, folder)
      this.#write(free, serviceRecord(rrset.type, data, rrset.ttl ?? defaultTtl), this.#state.keys.get(keyText(free)))
    }
  }

  remove(stored: StoredKey): void {
    this.#keep(stored)
    this.#writes.set(keyText(stored.key), { request_delete_range: { key: stored.key } })
  }

  plan(): Plan {
    const compare = [...this.#compare.values()]
    const success = [...this.#writes.values()]
    if (success.length === 0) return { compare: [], success }
    if (this.#state.isWhole) compare.push(this.#nothingNewer())
    if (Math.max(compare.length, success.length) > MAX_OPERATIONS) {
      throw new ContainerDnsError(
        'CDNS_STORE_UNSUPPORTED',
        `the RRsets of ${nameToText(this.#state.owner)} take more than the ${MAX_OPERATIONS} operations that etcd allows in a transaction`,
      )
    }
    return { compare, success }
  }

  /** Whether it is there, or gone, as it was read. */
  #keep(stored: StoredKey): void {
    this.#compare.set(keyText(stored.key), {
      key: stored.key,
      target: 'Mod',
      result: 'Equal',
      mod_revision: stored.modRevision,
    })
  }

  #write(key: Buffer, value: ServiceRecord, stored: StoredKey | undefined): void {
    this.#compare.set(keyText(key), { key, target: 'Mod', result: 'Equal', mod_revision: stored?.modRevision ?? 0 })
    this.#writes.set(keyText(key), { request_put: { key, value: Buffer.from(JSON.stringify(value)) } })
  }

  /** No key of the owner has been written since. Keys of names below it count too, which costs another attempt at worst. */
  #nothingNewer(): Compare {
    const folder = this.#layout.folderOf(this.#state.owner)
    return {
      key: Buffer.from(folder, 'latin1'),
      range_end: endOfFolder(folder),
      target: 'Mod',
      result: 'Less',
      mod_revision: this.#state.revision + 1,
    }
  }

  /** Where a new record can go. Two texts with one hash, and keys of others, are got around. */
  #freeKey(type: RecordType, data: RecordData, folder: string | undefined): Buffer {
    const attempts = this.#layout.folderOfType(type)?.hasLeaf ? MAX_OPERATIONS : 1
    for (let attempt = 0; attempt < attempts; attempt++) {
      const key = this.#layout.keyOf(this.#state.owner, newPath(this.#layout, type, data, attempt, folder))
      if (this.#isFree(keyText(key))) return key
    }
    throw new ContainerDnsError(
      'CDNS_STORE_UNSUPPORTED',
      `the key for ${nameToText(this.#state.owner)} ${type} holds something else in the containerdns layout`,
    )
  }

  /** Whether nothing stands there, or something that nobody can read, or what this plan is about to delete. */
  #isFree(key: string): boolean {
    const write = this.#writes.get(key)
    if (write !== undefined) return write.request_delete_range !== undefined
    return this.#state.keys.get(key)?.isBad ?? true
  }
}

/** The data of an RRset, each once, by what it says on the wire. */
function wantedRecords(rrset: RRset, encoder: RRsetEncoder): Map<string, RecordData> {
  const wanted = new Map<string, RecordData>()
  for (const data of rrset.data) {
    encoder.reset()
    const wire = encoder.encode(rrset.type, 0, [data])
    const rdata = wire.bytes.subarray(wire.start + RDLENGTH_SIZE, wire.start + wire.length)
    // In its one written form, which is what a leaf's hash is made of.
    wanted.set(rdataKey(wire.type, rdata), decodeData(wire)[0]!)
  }
  return wanted
}

const RDLENGTH_SIZE = 2

function hasTtl(record: LayoutRecord, wanted: number | undefined, defaultTtl: number): boolean {
  if (record.ttl === NO_TTL) return wanted === undefined
  return record.ttl === (wanted ?? defaultTtl)
}

/** New addresses of a zone itself go where its old ones are. */
function folderOf(current: readonly StoredKey[]): string | undefined {
  for (const { record } of current) {
    const end = record!.path.startsWith('/') ? -1 : record!.path.lastIndexOf('/')
    if (end !== -1) return record!.path.slice(0, end)
  }
  return undefined
}

function newPath(
  layout: ContainerdnsLayout,
  type: RecordType,
  data: RecordData,
  attempt: number,
  folder?: string,
): string {
  const place = layout.folderOfType(type)
  if (place?.hasLeaf !== true) return ''
  const text = attempt === 0 ? hashedText(data) : `${hashedText(data)}#${attempt}`
  const leaf = fnv32a(text).toString(16)
  const parent = folder ?? place.folder
  return parent === '' ? leaf : `${parent}/${leaf}`
}

/** The origin hashes what stands in `host`, and its texts have labels that people chose. */
function hashedText(data: RecordData): string {
  if (typeof data === 'string') return data
  if (Array.isArray(data)) return data.join('')
  return 'target' in data ? data.target : 'exchange' in data ? data.exchange : data.mname
}

/** The origin's hash, in Go `fnv.New32a`. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = hashStep(hash, byte)
  return hash >>> 0
}

function keyText(key: Buffer): string {
  return key.toString('latin1')
}
