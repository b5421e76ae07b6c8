import { countLabels, hashName } from '../wire/name.js'
import { Depths } from './depths.js'
import { HashMarks } from './hash-marks.js'
import type { IndexImage } from './index-image.js'
import { CONTROL_NS_DEPTHS, CONTROL_NS_MARKS, CONTROL_WILDCARD_DEPTHS, CONTROL_WILDCARD_MARKS } from './layout.js'

/** Where there are NS RRsets and wildcards, counted as names come and go, so that queries need not look for those that are not there. */
export class NameMarks {
  readonly #seed: number
  readonly #nsDepths: Depths
  readonly #wildcardDepths: Depths
  readonly #nsMarks: HashMarks
  /** Of the names right above wildcards. */
  readonly #wildcardMarks: HashMarks

  constructor(control: Int32Array, seed: number) {
    this.#seed = seed
    this.#nsDepths = new Depths(control, CONTROL_NS_DEPTHS)
    this.#wildcardDepths = new Depths(control, CONTROL_WILDCARD_DEPTHS)
    this.#nsMarks = new HashMarks(control, CONTROL_NS_MARKS)
    this.#wildcardMarks = new HashMarks(control, CONTROL_WILDCARD_MARKS)
  }

  /** The name of this hash has an NS RRset now. */
  addNs(name: Uint8Array, hash: number): void {
    this.#nsDepths.add(countLabels(name))
    this.#nsMarks.add(hash)
  }

  removeNs(name: Uint8Array, hash: number): void {
    this.#nsDepths.remove(countLabels(name))
    this.#nsMarks.remove(hash)
  }

  /** The name exists now; nothing to do unless it is a wildcard. */
  add(name: Uint8Array): void {
    if (!isWildcard(name)) return
    this.#wildcardDepths.add(countLabels(name))
    this.#wildcardMarks.add(this.#hashAbove(name))
  }

  remove(name: Uint8Array): void {
    if (!isWildcard(name)) return
    this.#wildcardDepths.remove(countLabels(name))
    this.#wildcardMarks.remove(this.#hashAbove(name))
  }

  /** Those of an index that was built elsewhere, in the place of none. */
  adopt({ control, nsDepths, wildcardDepths, nsMarks, wildcardMarks }: IndexImage): void {
    const words = new Int32Array(control)
    this.#nsDepths.adopt(nsDepths)
    this.#wildcardDepths.adopt(wildcardDepths)
    this.#nsMarks.adopt(nsMarks, words)
    this.#wildcardMarks.adopt(wildcardMarks, words)
  }

  image(): Pick<IndexImage, 'nsDepths' | 'wildcardDepths' | 'nsMarks' | 'wildcardMarks'> {
    return {
      nsDepths: this.#nsDepths.counts,
      wildcardDepths: this.#wildcardDepths.counts,
      nsMarks: this.#nsMarks.counts,
      wildcardMarks: this.#wildcardMarks.counts,
    }
  }

  #hashAbove(wildcard: Uint8Array): number {
    return hashName(wildcard, WILDCARD_LABEL_SIZE, wildcard.length - WILDCARD_LABEL_SIZE, this.#seed)
  }
}

const WILDCARD_LABEL_SIZE = 2

/** RFC 4592 §2.1.1: the first label is a single asterisk. */
function isWildcard(name: Uint8Array): boolean {
  return name[0] === 1 && name[1] === 0x2a
}
