import { depthBit } from '../record-index/layout.js'
import { MAX_NAME_LENGTH, Type } from '../wire/constants.js'
import type { FoldedName } from '../wire/folded-name.js'
import { hashEnd, hashStep, undoHashEnd } from '../wire/name.js'
import type { QuerySettings } from './query-context.js'
import type { Zone } from './zone.js'
import { findCut, NO_CUT } from './zone-cuts.js'

const ASTERISK = 0x2a
const WILDCARD_LABEL_SIZE = 2

/** Finds the wildcard that answers for a name which is not there (RFC 4592 §3.3.1). Made once per thread. */
export class Wildcards {
  /** The hash of the wildcard that `find` has found. */
  hash = 0
  /** The label of the name below which that wildcard stands: 1 where it speaks for one label. */
  label = 0
  readonly #settings: QuerySettings
  readonly #wildcard = new Uint8Array(MAX_NAME_LENGTH + 1)
  /** The same as the index compares names. */
  readonly #words = new Int32Array(this.#wildcard.buffer)

  constructor(settings: QuerySettings) {
    this.#settings = settings
  }

  /** Sets the index' cursor to the entry of a name in the zone that a record points to, or to that of the wildcard that speaks for it. */
  findTarget(zone: Zone, target: FoldedName): boolean {
    const { index, zones } = this.#settings
    if (index.findFolded(target)) return true
    if (target.labelCount === zone.labelCount || !this.#mayFind(zone, target)) return false
    if (zone.isNameServer(target) || zones.isAboveZone(target)) return false
    // Below a cut it is for the servers of that zone to say what a wildcard stands for.
    return findCut(index, zone, target, Type.A) === NO_CUT && this.find(zone, target)
  }

  /**
   * Sets the index' cursor to the source of synthesis for a name below the apex that is not in the index. False without one.
   *
   * A client may send a hundred labels. Of the names above, nearest first, only those are looked at that may have a wildcard; and the
   * first that has one decides, for the closest encloser is that or a name below it, which has none.
   */
  find(zone: Zone, name: FoldedName): boolean {
    const { index } = this.#settings
    if (index.wildcardDepths >>> depthBit(zone.labelCount + 1) === 0) return false
    const apexLabel = name.labelCount - zone.labelCount
    for (let label = 1; label <= apexLabel; label++) {
      if (!index.mayHaveWildcard(name.suffixHashes[label]!)) continue
      if (label > 1 && this.#exists(name, label - 1)) return false
      if (this.#findBelow(name, label)) {
        this.label = label
        return true
      }
    }
    return false
  }

  /** Whether `find` has anything to look at: bits tell, for nearly all names that they do not have a wildcard above them. */
  #mayFind(zone: Zone, name: FoldedName): boolean {
    const { index } = this.#settings
    if (index.wildcardDepths >>> depthBit(zone.labelCount + 1) === 0) return false
    const apexLabel = name.labelCount - zone.labelCount
    for (let label = 1; label <= apexLabel; label++) {
      if (index.mayHaveWildcard(name.suffixHashes[label]!)) return true
    }
    return false
  }

  /** The wildcard right below the name from a label on. */
  #findBelow(name: FoldedName, label: number): boolean {
    const wildcard = this.#wildcard
    const from = name.labelStarts[label]!
    const length = name.length - from
    if (WILDCARD_LABEL_SIZE + length > MAX_NAME_LENGTH) return false
    this.#words[(WILDCARD_LABEL_SIZE + length - 1) >>> 2] = 0
    wildcard[0] = 1
    wildcard[1] = ASTERISK
    for (let i = 0; i < length; i++) wildcard[WILDCARD_LABEL_SIZE + i] = name.bytes[from + i]!
    // Hashes are made from the root to the left.
    this.hash = hashEnd(hashStep(hashStep(undoHashEnd(name.suffixHashes[label]!), ASTERISK), 1))
    return this.#settings.index.findWords(this.hash, this.#words, WILDCARD_LABEL_SIZE + length)
  }

  #exists(name: FoldedName, label: number): boolean {
    const { index, zones } = this.#settings
    const start = name.labelStarts[label]!
    return (
      index.find(name.suffixHashes[label]!, name.bytes, start, name.length - start) || zones.isAboveZone(name, label)
    )
  }
}
