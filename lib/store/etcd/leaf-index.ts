import type { ContainerDnsError } from '../../errors.js'
import { nameToText } from '../../wire/name.js'
import { typeName } from '../../wire/rdata/record-type.js'
import { KeySet, type KeySetImage } from '../key-set.js'
import { ownerKey } from '../owner-groups.js'
import type { HealthState, StoreSink } from '../record-store.js'
import { HealthWords } from './health-words.js'
import { type Leaf, sameLeaf } from './leaf.js'
import { LeafPacker, unpackLeaves } from './leaf-packer.js'

/** What a key says of an owner now. Without a leaf: nothing any more. */
export interface LeafChange {
  readonly path: string
  readonly leaf?: Leaf
}

/** Changes that are to be seen together, sorted by owner. */
export class ChangeSet {
  readonly #owners = new Map<string, { readonly owner: Uint8Array; readonly changes: LeafChange[] }>()

  add(owner: Uint8Array, change: LeafChange): void {
    const key = ownerKey(owner)
    const known = this.#owners.get(key)
    if (known === undefined) this.#owners.set(key, { owner, changes: [change] })
    else known.changes.push(change)
  }

  values(): Iterable<{ readonly owner: Uint8Array; readonly changes: readonly LeafChange[] }> {
    return this.#owners.values()
  }
}

/** What a load has come across besides records. Plain data: it comes from the loader thread. */
export interface LoadFindings {
  readonly badKeys: KeySetImage
  readonly heldBack: KeySetImage
  readonly ignoredKeys: KeySetImage
  /** What keys that hold no records say of addresses, in their order. */
  readonly health: readonly (readonly [address: string, state: HealthState])[]
  /** Owners that have more leaves than there is room for, by `ownerKey`. */
  readonly refused: ReadonlySet<string>
}

/** Where leaves stand: the server's index, or one that a load makes. */
export type LeafSink = Pick<StoreSink, 'read' | 'write' | 'defaultTtl' | 'views' | 'reportBadRecord' | 'setHealth'>

/** The keys of etcd as they stand in the index: each owner's leaves, in the side data of its RRsets. */
export class LeafIndex {
  readonly #sink: LeafSink
  readonly #packer: LeafPacker
  /** Owners that are larger than an entry can be, and stay as they were. */
  #refused = new Set<string>()
  /** What keys that hold no records say of addresses. */
  readonly health: HealthWords
  /** Keys that cannot be understood. */
  #badKeys = new KeySet()
  /** Owners and paths of leaves for which there was no room. */
  #heldBack = new KeySet()
  /** Keys of views that are not served. */
  #ignoredKeys = new KeySet()

  constructor(sink: LeafSink) {
    this.#sink = sink
    this.#packer = new LeafPacker(sink.views)
    this.health = new HealthWords(sink)
  }

  /** After all that a load has read was put in the place of what was here. */
  loaded({ badKeys, heldBack, ignoredKeys, health, refused }: LoadFindings): void {
    this.#badKeys = KeySet.from(badKeys)
    this.#heldBack = KeySet.from(heldBack)
    this.#ignoredKeys = KeySet.from(ignoredKeys)
    this.#refused = new Set(refused)
    this.health.startLoad()
    for (const [address, state] of health) this.health.set(address, state)
    this.health.endLoad()
  }

  /** For `loaded` in another thread. */
  get keysPassedOver(): Pick<LoadFindings, 'badKeys' | 'heldBack' | 'ignoredKeys'> {
    return {
      badKeys: this.#badKeys.image(),
      heldBack: this.#heldBack.image(),
      ignoredKeys: this.#ignoredKeys.image(),
    }
  }

  /** How many keys are not published as they stand in etcd now. */
  get badRecords(): number {
    return this.#badKeys.size + this.#heldBack.size
  }

  /** How many keys there are now of views that are not served. */
  get ignoredRecords(): number {
    return this.#ignoredKeys.size
  }

  /** Whether every leaf that was understood is in the index: those that found no room in any RRset are not. */
  get isComplete(): boolean {
    return this.#heldBack.size === 0
  }

  /** Whether the last write of the owner was refused. */
  isRefused(owner: Uint8Array): boolean {
    return this.#refused.size > 0 && this.#refused.has(ownerKey(owner))
  }

  leavesOf(owner: Uint8Array): Leaf[] {
    return unpackLeaves(this.#sink.read(owner))
  }

  /** Makes the changes of one owner visible in one step. Returns whether there was anything to change. */
  apply(owner: Uint8Array, changes: readonly LeafChange[]): boolean {
    for (const { path, leaf } of changes) if (leaf === undefined) this.#heldBack.delete(owner, path)
    const after = changed(this.leavesOf(owner), changes)
    if (after === undefined) return false
    this.#write(owner, [...after.values()], changes)
    return true
  }

  /** Whether `apply` would leave the owner with other leaves than it has. */
  differs(owner: Uint8Array, changes: readonly LeafChange[]): boolean {
    if (this.isRefused(owner)) return false
    const before = this.leavesOf(owner)
    const after = changed(before, changes)
    if (after === undefined) return false
    // A single record can be too large for an answer, and then the index has no place for its leaf either.
    const packed = this.#packer.pack([...after.values()], this.#sink.defaultTtl)
    const kept = new Map(unpackLeaves(packed).map((leaf) => [leaf.path, leaf]))
    return kept.size !== before.length || !before.every((leaf) => isKept(leaf, kept))
  }

  /** Before what a key says now: what was said of it is over. */
  keyChanged(key: Buffer): void {
    this.#badKeys.delete(key, '')
    this.#ignoredKeys.delete(key, '')
  }

  badKey(key: Buffer, reason: string): void {
    this.#badKeys.add(key, '')
    this.#sink.reportBadRecord({ key: key.toString('latin1', 0, SHOWN_KEY_LENGTH), reason })
  }

  ignoredKey(key: Buffer): void {
    this.#ignoredKeys.add(key, '')
  }

  #write(owner: Uint8Array, leaves: readonly Leaf[], changes: readonly LeafChange[]): void {
    const heldBack: Leaf[] = []
    try {
      this.#sink.write(owner, this.#packer.pack(leaves, this.#sink.defaultTtl, heldBack))
      if (this.#refused.size > 0) this.#refused.delete(ownerKey(owner))
    } catch (error) {
      if ((error as ContainerDnsError).code !== 'CDNS_RRSET_TOO_LARGE') throw error
      this.#refused.add(ownerKey(owner))
      // One name must not keep all others from being followed. It stays as it was until a load finds it smaller.
      for (const { path, leaf } of changes) if (leaf !== undefined) this.#heldBack.add(owner, path)
      this.#sink.reportBadRecord({ key: nameToText(owner), reason: (error as Error).message })
      return
    }
    this.#markHeldBack(owner, leaves, heldBack)
    if (heldBack.length === 0) return
    const leavesChanged = new Set(changes.map((change) => change.leaf))
    for (const leaf of heldBack) {
      // Said once, when the key comes or changes, not with each later change of its neighbours.
      if (!leavesChanged.has(leaf)) continue
      this.#sink.reportBadRecord({
        key: `${nameToText(owner)} ${typeName(leaf.type)} ${leaf.path}`,
        reason: 'there is no room for it beside the records of other keys',
      })
    }
  }

  /** What found no room before may have some now that a neighbour has left. */
  #markHeldBack(owner: Uint8Array, leaves: readonly Leaf[], heldBack: readonly Leaf[]): void {
    if (this.#heldBack.size > 0) for (const { path } of leaves) this.#heldBack.delete(owner, path)
    for (const { path } of heldBack) this.#heldBack.add(owner, path)
  }
}

/** A key can be as long as a request to etcd. */
const SHOWN_KEY_LENGTH = 512

/** The leaves with the changes made; undefined when that makes no difference. */
function changed(before: readonly Leaf[], changes: readonly LeafChange[]): ReadonlyMap<string, Leaf> | undefined {
  const after = new Map<string, Leaf>()
  for (const leaf of before) after.set(leaf.path, leaf)
  for (const { path, leaf } of changes) {
    if (leaf === undefined) after.delete(path)
    else after.set(path, leaf)
  }
  if (after.size !== before.length) return after
  return before.every((leaf) => isKept(leaf, after)) ? undefined : after
}

function isKept(leaf: Leaf, after: ReadonlyMap<string, Leaf>): boolean {
  const next = after.get(leaf.path)
  return next === leaf || (next !== undefined && sameLeaf(leaf, next))
}
