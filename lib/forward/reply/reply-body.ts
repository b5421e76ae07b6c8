import { CLASS_IN, MAX_TTL } from '../../wire/constants.js'
import type { FoldedName } from '../../wire/folded-name.js'
import { BodyWriter } from './body-writer.js'
import { MessageName } from './message-name.js'
import { NAME, REST, rdataNames, STRING } from './rdata-names.js'
import { MAX_RECORDS, type ReplyRecords, Section } from './reply-records.js'

/**
 * Records of an upstream's reply, written anew as the body of responses: what goes behind the question. What is taken is for whoever takes to say.
 *
 * Made once, and begun again and again.
 */
export class ReplyBody {
  answerCount = 0
  authorityCount = 0
  /** The shortest of those taken, in seconds. */
  ttl = 0
  /** Holds the body from `start` to `end`; the answer ends at `answerEnd`. */
  readonly bytes: Uint8Array
  start = 0
  answerEnd = 0
  end = 0
  /** Where TTLs stand, counted from `start`. */
  readonly ttlOffsets = new Uint16Array(MAX_RECORDS)
  ttlCount = 0
  readonly #records: ReplyRecords
  readonly #writer: BodyWriter
  readonly #name = new MessageName()

  constructor(records: ReplyRecords) {
    this.#records = records
    this.#writer = new BodyWriter(records.seed)
    this.bytes = this.#writer.bytes
  }

  /** Something that was taken does not fit, or is not what its type says. */
  get failed(): boolean {
    return this.#writer.failed
  }

  begin(qname: FoldedName): void {
    const writer = this.#writer
    writer.begin(qname)
    this.start = writer.bodyStart
    this.ttl = MAX_TTL
    this.ttlCount = 0
    this.answerCount = 0
    this.authorityCount = 0
  }

  /** What is taken from now on is of the authority section. */
  endAnswer(): void {
    this.answerEnd = this.#writer.position
  }

  finish(): void {
    this.end = this.#writer.position
  }

  /** Record `i`, with a TTL of its own. */
  take(i: number, ttl: number, section: number = Section.answer): void {
    const records = this.#records
    const writer = this.#writer
    // Pointers may lead thousands of records to names that do not fit: none is looked for, among those known, once one has not.
    if (writer.failed) return
    const name = this.#name
    name.read(records.message, records.owners[i]!, records.messageLength)
    writer.name(name.bytes, name.length)
    writer.u16(records.types[i]!)
    writer.u16(CLASS_IN)
    this.ttlOffsets[this.ttlCount++] = writer.position - this.start
    writer.u32(ttl)
    this.#writeRdata(records.types[i]!, records.rdataStarts[i]!, records.rdataLengths[i]!)
    this.ttl = Math.min(this.ttl, ttl)
    if (section === Section.answer) this.answerCount++
    else this.authorityCount++
  }

  #writeRdata(type: number, start: number, length: number): void {
    const writer = this.#writer
    const names = rdataNames(type)
    writer.u16(length)
    if (names === undefined) {
      writer.copy(this.#records.message, start, length)
      return
    }
    const from = writer.position
    const end = this.#writePieces(names.pieces, names.isCompressible, start, start + length)
    if (end !== start + length) writer.failed = true
    if (writer.failed) return
    const written = writer.position - from
    writer.bytes[from - 2] = written >>> 8
    writer.bytes[from - 1] = written
  }

  /** Returns where the pieces have ended in the message; `BROKEN` if they do not fit. */
  #writePieces(pieces: readonly number[], isCompressible: boolean, start: number, end: number): number {
    const { message } = this.#records
    const writer = this.#writer
    const name = this.#name
    let at = start
    for (const piece of pieces) {
      if (piece === NAME) {
        if (!name.read(message, at, end)) return BROKEN
        if (isCompressible) writer.name(name.bytes, name.length)
        else writer.copy(name.bytes, 0, name.length)
        at = name.end
        continue
      }
      const size = piece === REST ? end - at : piece === STRING ? 1 + message[at]! : piece
      if (at + size > end) return BROKEN
      writer.copy(message, at, size)
      at += size
    }
    return at
  }
}

const BROKEN = -1
