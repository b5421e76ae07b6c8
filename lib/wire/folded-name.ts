import { MAX_LABEL_LENGTH, MAX_LABELS, MAX_NAME_LENGTH } from './constants.js'
import { foldByte, hashEnd, hashStep } from './name.js'

/**
 * A name in lower case, with its labels and the hash of each of its suffixes. Made once per thread and read into again and again.
 *
 * `suffixHashes[i]` is the hash of the name from label i on; the one at `labelCount` is that of the root.
 */
export class FoldedName {
  readonly bytes = new Uint8Array(MAX_NAME_LENGTH + 1)
  /** The same in words, as the record index compares names; zeros stand behind the last octet up to the end of its word. */
  readonly words = new Int32Array(this.bytes.buffer)
  /** In octets, root label counted. */
  length = 1
  /** Without the root. */
  labelCount = 0
  /** Where each label's length octet stands in `bytes`. */
  readonly labelStarts = new Uint8Array(MAX_LABELS)
  readonly suffixHashes = new Int32Array(MAX_LABELS)

  get hash(): number {
    return this.suffixHashes[0]!
  }

  /** Reads a name that is not compressed. False when it does not end before `end`, or breaks a limit of RFC 1035 §2.3.4. */
  read(source: Uint8Array, start: number, end: number, seed: number): boolean {
    let position = start
    let count = 0
    for (;;) {
      if (position >= end) return false
      const length = source[position]!
      if (length === 0) break
      if (length > MAX_LABEL_LENGTH) return false
      this.labelStarts[count++] = position - start
      position += length + 1
      if (position - start >= MAX_NAME_LENGTH) return false
    }
    this.length = position + 1 - start
    this.labelCount = count
    this.labelStarts[count] = position - start
    this.#foldAndHash(source, start, seed)
    return true
  }

  /** Whether it ends in the name that begins at a label of another, or is that name. Both were read with one seed. */
  isAtOrBelow(other: FoldedName, label: number): boolean {
    const own = this.labelCount - (other.labelCount - label)
    if (own < 0 || this.suffixHashes[own] !== other.suffixHashes[label]) return false
    const from = this.labelStarts[own]!
    const otherFrom = other.labelStarts[label]!
    const length = this.length - from
    if (length !== other.length - otherFrom) return false
    for (let i = 0; i < length; i++) if (this.bytes[from + i] !== other.bytes[otherFrom + i]) return false
    return true
  }

  /** From the root to the left, so that each suffix is hashed on the way. */
  #foldAndHash(source: Uint8Array, start: number, seed: number): void {
    const bytes = this.bytes
    let at = this.length - 1
    // The root label and the zeros behind it.
    this.words[at >>> 2] = 0
    let state = hashStep(seed, 0)
    this.suffixHashes[this.labelCount] = hashEnd(state)
    for (let label = this.labelCount - 1; label >= 0; label--) {
      const labelStart = this.labelStarts[label]!
      for (at--; at >= labelStart; at--) {
        const byte = foldByte(source[start + at]!)
        bytes[at] = byte
        state = hashStep(state, byte)
      }
      at++
      this.suffixHashes[label] = hashEnd(state)
    }
  }
}
