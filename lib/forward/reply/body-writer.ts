import { HEADER_SIZE, MAX_LABELS, MAX_MESSAGE_SIZE } from '../../wire/constants.js'
import { FoldedName } from '../../wire/folded-name.js'
import { foldByte } from '../../wire/name.js'
import { WireWriter } from '../../wire/writer.js'
import { POINTER, POINTER_MASK } from './message-name.js'

/** Names, and ends of names, that others can point to. Answers have a handful; looking through more would take longer than it saves. */
const MAX_KNOWN_SUFFIXES = 64
const NOT_KNOWN = -1
/** Behind the name in a question. */
const TYPE_AND_CLASS_SIZE = 4

/**
 * Writes what stands behind the question of a message, with its names compressed against that and against each other.
 *
 * The question is there, in its place, for pointers to lead to; what is written fits behind any spelling of that name.
 */
export class BodyWriter extends WireWriter {
  /** Where the body begins. */
  bodyStart = 0
  readonly #seed: number
  readonly #folded = new FoldedName()
  readonly #hashes = new Int32Array(MAX_KNOWN_SUFFIXES + MAX_LABELS)
  readonly #offsets = new Uint16Array(MAX_KNOWN_SUFFIXES + MAX_LABELS)
  #knownCount = 0

  /** `seed` is that with which the names of questions are hashed. */
  constructor(seed: number) {
    super(new Uint8Array(MAX_MESSAGE_SIZE))
    this.#seed = seed
  }

  begin(qname: FoldedName): void {
    this.reset(this.bytes, 0, this.bytes.length)
    this.position = HEADER_SIZE
    this.#knownCount = 0
    this.copy(qname.bytes, 0, qname.length)
    this.#remember(qname, qname.labelCount, HEADER_SIZE)
    this.position += TYPE_AND_CLASS_SIZE
    this.bodyStart = this.position
  }

  /** A name that stands at the beginning of `source`, its end replaced by a pointer where it can be. */
  name(source: Uint8Array, length: number): void {
    const folded = this.#folded
    if (!folded.read(source, 0, length, this.#seed)) {
      this.failed = true
      return
    }
    const at = this.position
    let label = 0
    let known = NOT_KNOWN
    for (; label < folded.labelCount; label++) {
      known = this.#find(folded, label)
      if (known !== NOT_KNOWN) break
    }
    this.copy(source, 0, folded.labelStarts[label]!)
    if (known === NOT_KNOWN) this.u8(0)
    else this.u16(POINTER | known)
    if (this.#knownCount < MAX_KNOWN_SUFFIXES) this.#remember(folded, label, at)
  }

  /** The first labels of a name have been written at `at`. */
  #remember(name: FoldedName, labels: number, at: number): void {
    for (let label = 0; label < labels; label++) {
      const offset = at + name.labelStarts[label]!
      if (offset > POINTER_MASK) return
      this.#hashes[this.#knownCount] = name.suffixHashes[label]!
      this.#offsets[this.#knownCount] = offset
      this.#knownCount++
    }
  }

  #find(name: FoldedName, label: number): number {
    const hash = name.suffixHashes[label]!
    for (let i = 0; i < this.#knownCount; i++) {
      if (this.#hashes[i] === hash && this.#standsAt(this.#offsets[i]!, name, label)) return this.#offsets[i]!
    }
    return NOT_KNOWN
  }

  /** Whether a name, from a label on, is what we have written at `offset`. */
  #standsAt(offset: number, name: FoldedName, label: number): boolean {
    const { bytes } = this
    let at = offset
    let from = name.labelStarts[label]!
    for (;;) {
      const first = bytes[at]!
      if (first >= POINTER >>> 8) {
        at = ((first << 8) | bytes[at + 1]!) & POINTER_MASK
        continue
      }
      for (let i = 0; i <= first; i++) if (foldByte(bytes[at + i]!) !== name.bytes[from + i]) return false
      if (first === 0) return true
      at += 1 + first
      from += 1 + first
    }
  }
}
