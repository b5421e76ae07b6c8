import type { ContainerDnsError } from '../../errors.js'
import { nameToText } from '../../wire/name.js'
import { typeName } from '../../wire/rdata/record-type.js'
import { ownerKey } from '../owner-groups.js'
import type { StoreSink } from '../record-store.js'
import { HealthWords } from './health-words.js'
import { type Leaf, LeafPacker, sameLeaf, unpackLeaves } from './leaf.js'

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

/** Where leaves stand: the server's index, or one that a load makes. */
export type LeafSink = Pick<StoreSink, 'read' | 'write' | 'defaultTtl' | 'reportBadRecord' | 'setHealth'>

/** The keys of etcd as they stand in the index: each owner's leaves, in the side data of its RRsets. */
export class LeafIndex {
  readonly #sink: LeafSink
  readonly #packer = new LeafPacker()
  /** What keys that hold no records say of addresses. */
  readonly health: HealthWords
  /** Keys that could not be published as they are. */
  badRecords = 0
  /** Records of views that are not served. */
  ignoredRecords = 0

  constructor(sink: LeafSink) {
    this.#sink = sink
    this.health = new HealthWords(sink)
  }

  leavesOf(owner: Uint8Array): Leaf[] {
    return unpackLeaves(this.#sink.read(owner))
  }

  /** Makes the changes of one owner visible in one step. Returns whether there was anything to change. */
  apply(owner: Uint8Array, changes: readonly LeafChange[]): boolean {
    const before = this.leavesOf(owner)
    const after = new Map(before.map((leaf) => [leaf.path, leaf]))
    for (const { path, leaf } of changes) {
      if (leaf === undefined) after.delete(path)
      else after.set(path, leaf)
    }
    if (after.size === before.length && before.every((leaf) => isKept(leaf, after))) return false
    this.#write(owner, [...after.values()], changes)
    return true
  }

  badKey(key: Buffer, reason: string): void {
    this.#bad(key.toString('latin1', 0, SHOWN_KEY_LENGTH), reason)
  }

  #bad(key: string, reason: string): void {
    this.badRecords++
    this.#sink.reportBadRecord({ key, reason })
  }

  #write(owner: Uint8Array, leaves: readonly Leaf[], changes: readonly LeafChange[]): void {
    const heldBack: Leaf[] = []
    try {
      this.#sink.write(owner, this.#packer.pack(leaves, this.#sink.defaultTtl, heldBack))
    } catch (error) {
      if ((error as ContainerDnsError).code !== 'CDNS_RRSET_TOO_LARGE') throw error
      // One name must not keep all others from being followed. It stays as it was until a load finds it smaller.
      this.#bad(nameToText(owner), (error as Error).message)
      return
    }
    for (const leaf of heldBack) {
      // Said once, when the key comes or changes, not with each later change of its neighbours.
      if (!changes.some((change) => change.leaf === leaf)) continue
      this.#bad(
        `${nameToText(owner)} ${typeName(leaf.type)} ${leaf.path}`,
        'there is no room for it beside the records of other keys',
      )
    }
  }
}

/** A key can be as long as a request to etcd. */
const SHOWN_KEY_LENGTH = 512

function isKept(leaf: Leaf, after: ReadonlyMap<string, Leaf>): boolean {
  const next = after.get(leaf.path)
  return next !== undefined && sameLeaf(leaf, next)
}
