import { depthBit } from '../record-index/layout.js'
import { MAX_NAME_LENGTH, Type } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'
import type { QuerySettings } from './query-context.js'
import type { Zone } from './zone.js'
import { findCut, NO_CUT } from './zone-cuts.js'

const ASTERISK = 0x2a
const WILDCARD_LABEL_SIZE = 2

/** Finds the wildcard that answers for a name which is not there (RFC 4592 §3.3.1). Made once per thread. */
export class Wildcards {
  readonly #settings: QuerySettings
  readonly #source = new Uint8Array(WILDCARD_LABEL_SIZE + MAX_NAME_LENGTH)
  readonly #name = new FoldedName()

  constructor(settings: QuerySettings) {
    this.#settings = settings
    this.#source[0] = 1
    this.#source[1] = ASTERISK
  }

  /** The hash of the wildcard that `find` has found. */
  get hash(): number {
    return this.#name.hash
  }

  /** Sets the index' cursor to the entry of a name in the zone that a record points to, or to that of the wildcard that speaks for it. */
  findTarget(zone: Zone, target: FoldedName): boolean {
    const { index, zones } = this.#settings
    if (index.findFolded(target)) return true
    if (target.labelCount === zone.labelCount || zone.isNameServer(target) || zones.isAboveZone(target)) return false
    // Below a cut it is for the servers of that zone to say what a wildcard stands for.
    return findCut(index, zone, target, Type.A) === NO_CUT && this.find(zone, target)
  }

  /** Sets the index' cursor to the source of synthesis for a name below the apex that is not in the index. False without one. */
  find(zone: Zone, name: FoldedName): boolean {
    const { index } = this.#settings
    const depths = index.wildcardDepths
    if (depths >>> depthBit(zone.labelCount + 1) === 0) return false
    const encloser = this.#closestEncloser(zone, name)
    const depth = name.labelCount - encloser
    if (((depths >>> depthBit(depth + 1)) & 1) === 0) return false
    const from = name.labelStarts[encloser]!
    const length = name.length - from
    for (let i = 0; i < length; i++) this.#source[WILDCARD_LABEL_SIZE + i] = name.bytes[from + i]!
    const wildcard = this.#name
    if (!wildcard.read(this.#source, 0, WILDCARD_LABEL_SIZE + length, index.seed)) return false
    return index.findFolded(wildcard)
  }

  /**
   * The label of the name from which on it exists. Halves the labels in question each time: with a name its ancestors exist, and a
   * client may send a hundred labels.
   */
  #closestEncloser(zone: Zone, name: FoldedName): number {
    let existing = zone.labelCount
    let missing = name.labelCount
    while (missing - existing > 1) {
      const depth = (existing + missing) >>> 1
      if (this.#exists(name, name.labelCount - depth)) existing = depth
      else missing = depth
    }
    return name.labelCount - existing
  }

  #exists(name: FoldedName, label: number): boolean {
    const { index, zones } = this.#settings
    const start = name.labelStarts[label]!
    return (
      index.find(name.suffixHashes[label]!, name.bytes, start, name.length - start) || zones.isAboveZone(name, label)
    )
  }
}
