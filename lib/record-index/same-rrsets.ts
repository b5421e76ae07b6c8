import type { WireRRset } from '../records/wire-rrset.js'
import { viewOf } from './entry-payload.js'
import type { RecordIndexReader } from './record-index-reader.js'

/** Whether the entry under the cursor of a reader of all views holds just these RRsets, side data included, in this order. */
export function holdsSame(entry: RecordIndexReader, rrsets: readonly WireRRset[]): boolean {
  if (entry.rrsetCount !== rrsets.length) return false
  for (let i = 0; i < rrsets.length; i++) {
    const rrset = rrsets[i]!
    entry.openRRset(i)
    if (entry.type !== rrset.type || entry.ttl !== rrset.ttl || entry.count !== rrset.count) return false
    if (entry.isSynthesized !== (rrset.isSynthesized === true) || entry.viewOfRRset !== viewOf(rrset)) return false
    if (entry.wireLength !== rrset.length || entry.sideLength !== rrset.sideLength) return false
    if (!sameBytes(entry.bytes, entry.wireStart, rrset.bytes, rrset.start, rrset.length)) return false
    if (!sameBytes(entry.bytes, entry.sideStart, rrset.side, rrset.sideStart, rrset.sideLength)) return false
  }
  return true
}

function sameBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (left[leftStart + i] !== right[rightStart + i]) return false
  return true
}
