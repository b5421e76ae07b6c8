import type { RRset } from '../../records/rrset.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import type { HealthState } from '../record-store.js'
import type { Leaf } from './leaf.js'

/**
 * How records stand in etcd: keys to names and back, and values to records, for loads, events and edits alike.
 *
 * Made from plain options by `keyLayoutFor`, so that any thread can have its own. Nothing here throws on what etcd holds.
 */
export interface KeyLayout {
  /** All keys are read from these, one after another. They do not overlap. */
  readonly ranges: readonly KeyRange[]
  /** What is watched, in one watch, so that all changes come in the order of their revisions: from the first range … */
  readonly rangeStart: Buffer
  /** … to the end of the last. Keys between two ranges are decoded as `ignored`. */
  readonly rangeEnd: Buffer
  decode(key: Buffer, value: Buffer): Decoded
  /** Every place where this key could have put a record: where to look when the key is gone, or says something else now. */
  spots(key: Buffer): readonly Spot[]
  /** The address that a key has the health of, whatever its value says; undefined for all other keys. */
  healthAddress(key: Buffer): string | undefined
  /** The key of a leaf, as `path` in its side data says. */
  keyOf(owner: Uint8Array, path: string): Buffer
  /** undefined for a layout that is only read. */
  readonly writable: WritableLayout | undefined
}

/** From `start` up to, but without, `end`. */
export interface KeyRange {
  readonly start: Buffer
  readonly end: Buffer
}

/** What a writer must know beyond that: where an owner's records are, and where new ones go. */
export interface WritableLayout {
  /** The view whose records are written. */
  readonly view: string
  /** The same for another view that is served. */
  inView(view: string): WritableLayout
  decode(key: Buffer, value: Buffer): Decoded
  /** Where all keys of an owner are, but for those of `ownerKeys` and those that only the index knows of. */
  ownerRanges(owner: Uint8Array): readonly OwnerRange[]
  /** Keys of the owner outside of its ranges. */
  ownerKeys(owner: Uint8Array): readonly Buffer[]
  /** The key of a leaf, as `path` in its side data says. */
  keyOf(owner: Uint8Array, path: string): Buffer
  /** The key that every edit of an owner writes where its range is too large to be compared. It holds nothing. */
  editKey(owner: Uint8Array): Buffer
  /** The key of the health of an address, in its one written form. */
  healthKey(address: string): Buffer
  /** Where a key with a whole RRset stands. */
  rrsetPath(type: RecordType): string
  /** Where new leaves of an RRset go; undefined when leaves cannot say all of it, and then it stands in one key of its own. */
  leafPlace(owner: Uint8Array, rrset: RRset): LeafPlace | undefined
}

export interface OwnerRange extends KeyRange {
  /** Whether the keys of the names below the owner are in it too. */
  readonly hasNamesBelow: boolean
}

/** Below the owner's own key, and whether each record has a label of its own there. */
export interface LeafPlace {
  readonly folder: string
  readonly hasLeaf: boolean
  /** What the first new one is called, where somebody has chosen that. */
  readonly label?: string
}

/** What a key holds, and whose it is: a record, or for a path of a whole RRset (see leaf.ts) all of its records. */
export interface LayoutRecord extends Omit<Leaf, 'modRevision'> {
  readonly owner: Uint8Array
}

/**
 * What a key and its value say: records, the health of an address, or why there are none. `ignored` is what other programs keep
 * near the records, `otherView` a record of a view that this server has not.
 */
export type Decoded =
  | { readonly kind: 'records'; readonly records: readonly LayoutRecord[] }
  | { readonly kind: 'health'; readonly address: string; readonly state: HealthState }
  | { readonly kind: 'otherView' }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'bad'; readonly reason: string }

/** An owner that a key may have something to say of, and the path of the key as that owner's leaf has it. */
export interface Spot {
  readonly owner: Uint8Array
  readonly path: string
}

export const IGNORED: Decoded = { kind: 'ignored' }
