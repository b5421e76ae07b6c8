import type { RRset } from '../records/rrset.js'
import type { RecordType } from '../wire/rdata/record-type.js'

/**
 * What is to stand in the place of the RRsets of one name in one view: what it is given, what it leaves out goes. It is called with
 * what the store holds, and again when somebody has changed that meanwhile; what it throws ends the edit with nothing done.
 */
export type Revise = (rrsets: readonly RRset[]) => readonly RRset[]

/** What is different after a revision. */
export interface Revision {
  readonly put: readonly RRset[]
  readonly removed: readonly RecordType[]
}

/** An RRset that says the same as before is left as it stands. */
export function revisionOf(before: readonly RRset[], after: readonly RRset[]): Revision {
  const held = new Map(before.map((rrset) => [rrset.type, rrset]))
  const put = after.filter((rrset) => held.get(rrset.type) !== rrset)
  const kept = new Set(after.map(({ type }) => type))
  return { put, removed: [...held.keys()].filter((type) => !kept.has(type)) }
}
