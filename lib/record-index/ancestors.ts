import type { TableWriter } from '../shared-table/table-writer.js'
import { hashName } from '../wire/name.js'
import { writePayload } from './entry-payload.js'
import { CHILDREN, DIRECTORY, RRSET_COUNT, RRSET_COUNT_MASK } from './layout.js'
import type { NameMarks } from './name-marks.js'
import type { RecordIndexReader } from './record-index-reader.js'

export interface AncestorsOptions {
  readonly table: TableWriter
  /** A reader of this table. */
  readonly entry: RecordIndexReader
  readonly marks: NameMarks
}

/** The names above those with records: each knows how many are right below it, and is there as long as anything keeps it. */
export class Ancestors {
  readonly #table: TableWriter
  readonly #entry: RecordIndexReader
  readonly #marks: NameMarks

  constructor({ table, entry, marks }: AncestorsOptions) {
    this.#table = table
    this.#entry = entry
    this.#marks = marks
  }

  /** How many names are right below that of the entry that was found last. */
  get children(): number {
    return Atomics.load(this.#table.reader.words, this.#table.reader.payloadWord + CHILDREN)
  }

  /**
   * A new entry counts with its parent, which comes into being if it must. Readers take it that a name's ancestors exist: what is
   * missing comes from the top down, before the name itself, and goes after it from the bottom up.
   */
  adopt(name: Uint8Array): void {
    const parent = parentOf(name)
    if (parent === undefined) return
    const hash = hashName(parent, 0, parent.length, this.#entry.seed)
    if (this.#entry.find(hash, parent, 0, parent.length)) {
      Atomics.add(this.#table.reader.words, this.#table.reader.payloadWord + CHILDREN, 1)
      return
    }
    this.adopt(parent)
    this.#table.begin(parent, parent.length, 4 * DIRECTORY)
    writePayload(this.#table, [], 1)
    this.#marks.add(parent)
    this.#table.publish(hash)
  }

  /** A removed entry no longer counts with its parent, which goes if nothing else keeps it. */
  disown(name: Uint8Array): void {
    const parent = parentOf(name)
    if (parent === undefined) return
    const hash = hashName(parent, 0, parent.length, this.#entry.seed)
    if (!this.#entry.find(hash, parent, 0, parent.length)) return
    const { words, payloadWord } = this.#table.reader
    const children = Atomics.sub(words, payloadWord + CHILDREN, 1) - 1
    if (children > 0 || (words[payloadWord + RRSET_COUNT]! & RRSET_COUNT_MASK) > 0) return
    this.#table.remove(hash, parent, parent.length)
    this.#marks.remove(parent)
    this.disown(parent)
  }
}

/** The name one label up; undefined for the root and for the names right below it, which need no parent. */
function parentOf(name: Uint8Array): Uint8Array | undefined {
  const parent = name.subarray(name[0]! + 1)
  return parent.length > 1 ? parent : undefined
}
