import { RECORD_TYPES } from '../../wire/rdata/record-type.js'
import type { StoreSink } from '../record-store.js'
import type { LayoutRecord, WritableLayout } from './key-layout.js'
import type { Leaf } from './leaf.js'
import type { LeafIndex } from './leaf-index.js'
import { kindOf, viewOfPath, withoutPrefix } from './leaf-path.js'
import { keyText, type OwnerState, type StoredKey } from './owner-changes.js'

/**
 * An owner as the index has it: what etcd held a moment ago. A plan made of it needs no reading; it happens if all of it is still
 * so, and nothing of the owner is newer. `revision` is the one up to which the index has everything.
 *
 * undefined where the index does not tell all that a plan must know of keys, or where comparing would cost etcd more than
 * reading: then there are names below, whose keys are in the same range.
 */
export function knownOwner(
  owner: Uint8Array,
  layout: WritableLayout,
  index: LeafIndex,
  sink: Pick<StoreSink, 'hasNamesBelow'>,
  revision: number,
): OwnerState | undefined {
  if (!index.isComplete || index.isRefused(owner) || sink.hasNamesBelow(owner)) return undefined
  const all = index.leavesOf(owner)
  const leaves = all.filter(({ path }) => viewOfPath(path) === layout.view)
  if (!leaves.every(isOfOwnKey)) return undefined
  const keys = leaves.map((leaf) => new KnownKey(layout.keyOf(owner, leaf.path), owner, leaf))
  return {
    owner,
    // All that has come together is written together, owner by owner: one that has a newer leaf has all up to that.
    revision: all.reduce((newest, { modRevision }) => Math.max(newest, modRevision), revision),
    keys: new Map(keys.map((known) => [keyText(known.key), known])),
    wholeRanges: layout.ownerRanges(owner),
  }
}

/** What a plan asks for that only etcd knows. */
export class ValueUnknown extends Error {}

/** A key of which the index has all but the text of its value. */
class KnownKey implements StoredKey {
  readonly key: Buffer
  readonly record: LayoutRecord
  readonly modRevision: number
  readonly isBad = false

  constructor(key: Buffer, owner: Uint8Array, leaf: Leaf) {
    this.key = key
    this.record = { ...leaf, owner }
    this.modRevision = leaf.modRevision
  }

  get value(): never {
    throw new ValueUnknown()
  }
}

/** Whether its key is there for this record, and not for another that brings this one along, as an SRV the address of its target. */
function isOfOwnKey({ path, type }: Leaf): boolean {
  if (kindOf(path) === 'rrset') return true
  const plain = withoutPrefix(path)
  return !plain.startsWith('/') && (plain !== '' || type === RECORD_TYPES.CNAME)
}
