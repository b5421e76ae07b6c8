import { depthBit } from '../record-index/layout.js'
import type { RecordIndexReader } from '../record-index/record-index-reader.js'
import { Type } from '../wire/constants.js'
import type { FoldedName } from '../wire/folded-name.js'
import type { Zone } from './zone.js'

/** The name is below no cut. */
export const NO_CUT = -1

/**
 * The label of a name at which it leaves a zone of ours (RFC 1034 §4.3.2 step 3b): the NS RRset nearest to the apex, but not at it,
 * is under the index' cursor then. NO_CUT if the zone answers for the name itself.
 *
 * Names cost nothing here as long as no NS RRset stands at any number of labels between the apex' and theirs.
 */
export function findCut(index: RecordIndexReader, zone: Zone, name: FoldedName, type: number): number {
  const depths = index.nsDepths
  if (depths >>> depthBit(zone.labelCount + 1) === 0) return NO_CUT
  // RFC 4035 §3.1.4.1: what is at the cut of type DS belongs to the zone above it.
  const deepest = type === Type.DS ? name.labelCount - 1 : name.labelCount
  for (let depth = zone.labelCount + 1; depth <= deepest; depth++) {
    if (((depths >>> depthBit(depth)) & 1) === 0) continue
    const label = name.labelCount - depth
    const hash = name.suffixHashes[label]!
    // Nearly all ancestors are told by a bit: a name may have a hundred.
    if (!index.mayHaveNs(hash)) continue
    const start = name.labelStarts[label]!
    // With a name its ancestors exist: below one that does not, there is nothing, however many labels a client sends.
    if (!index.find(hash, name.bytes, start, name.length - start)) return NO_CUT
    if (index.findType(Type.NS)) return label
  }
  return NO_CUT
}
