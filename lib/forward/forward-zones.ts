import { MAX_LABELS } from '../wire/constants.js'
import type { FoldedName } from '../wire/folded-name.js'
import { countLabels, foldName, hashName, nameFromText } from '../wire/name.js'

/** No forward zone holds the name. */
export const NO_FORWARD_ZONE = -1

interface ForwardZone {
  readonly index: number
  /** Folded, in wire form. */
  readonly apex: Uint8Array
}

/** The forward zones of a server; the one with the most labels in common wins, its apex included. One for each thread. */
export class ForwardZoneTable {
  readonly #byHash = new Map<number, ForwardZone[]>()
  /** 1 for each label count that an apex has, so that most suffixes of a name are never looked up. */
  readonly #hasLabelCount = new Uint8Array(MAX_LABELS)
  readonly #labelCounts: Uint8Array

  /** `zones` are names as text; names are looked up that were read with the same seed. */
  constructor(zones: readonly string[], seed: number) {
    this.#labelCounts = new Uint8Array(zones.length)
    for (const [index, text] of zones.entries()) {
      const apex = nameFromText(text)
      foldName(apex, 0, apex.length)
      const hash = hashName(apex, 0, apex.length, seed)
      const zone = { index, apex }
      const others = this.#byHash.get(hash)
      if (others === undefined) this.#byHash.set(hash, [zone])
      else others.push(zone)
      this.#labelCounts[index] = countLabels(apex)
      this.#hasLabelCount[this.#labelCounts[index]!] = 1
    }
  }

  /** The place in the list of the zone that a name, from a label on, belongs to; NO_FORWARD_ZONE if there is none. */
  match(name: FoldedName, firstLabel = 0): number {
    if (this.#labelCounts.length === 0) return NO_FORWARD_ZONE
    for (let label = firstLabel; label <= name.labelCount; label++) {
      if (this.#hasLabelCount[name.labelCount - label] === 0) continue
      const zones = this.#byHash.get(name.suffixHashes[label]!)
      if (zones === undefined) continue
      for (const zone of zones) if (endsWith(name, label, zone.apex)) return zone.index
    }
    return NO_FORWARD_ZONE
  }

  /** How many labels the apex of a zone has: the longer one of a forward zone and a zone of ours has the name. */
  labelCountOf(zone: number): number {
    return this.#labelCounts[zone]!
  }
}

/** Whether a name is `suffix` from a label on: two names may have one hash. */
function endsWith(name: FoldedName, label: number, suffix: Uint8Array): boolean {
  const start = name.labelStarts[label]!
  if (name.length - start !== suffix.length) return false
  for (let i = 0; i < suffix.length; i++) if (name.bytes[start + i] !== suffix[i]) return false
  return true
}
