import { CLASS_IN, HEADER_SIZE, MAX_LABELS, RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'
import { foldByte } from '../wire/name.js'
import { WireWriter } from '../wire/writer.js'

/** RFC 1035 §4.1.4: a pointer is two octets, the upper two bits set, the offset in the message below them. */
const POINTER = 0xc000
const POINTER_MASK = 0x3fff
/** What every answer's owner is: the name in the question. */
export const QNAME_OFFSET = HEADER_SIZE
const TYPE_CLASS_TTL_SIZE = 8
/** Owner (a pointer), type, class and TTL. */
const RECORD_HEAD_SIZE = 2 + TYPE_CLASS_TTL_SIZE
/** From a record's owner, as a pointer, to its rdata. */
export const RDATA_OFFSET = RECORD_HEAD_SIZE + RDLENGTH_SIZE
/** No record has less than one octet of rdata: a root name, an empty string. */
export const SMALLEST_RECORD = RDATA_OFFSET + 1

/**
 * Writes a response: records with compressed names, RRsets whole or not at all. Made once per thread.
 *
 * Names are compressed against the question's name only: it is there in each message, folded and hashed already, and holds
 * what names in one answer have in common.
 */
export class ResponseWriter extends WireWriter {
  answerCount = 0
  authorityCount = 0
  /** Without the OPT record. */
  additionalCount = 0
  #qname = NO_NAME
  /** Of the name that is being written. */
  readonly #labelStarts = new Uint8Array(MAX_LABELS)

  /** Starts a response to a question for `qname`; the header is written last. `limit` is where it must end, as a position in `bytes`. */
  begin(qname: FoldedName, bytes: Uint8Array, start: number, limit: number): void {
    this.#qname = qname
    this.reset(bytes, start, limit)
    this.position = start + HEADER_SIZE
    this.answerCount = 0
    this.authorityCount = 0
    this.additionalCount = 0
  }

  /**
   * False when an RRset cannot fit, so that no time goes into one of thousands of records. `wireLength` is that of the records'
   * rdata, each with its length before it. Of names that are compressed the size is not known beforehand: true may be wrong there.
   */
  mayHoldRRset(type: number, count: number, wireLength: number): boolean {
    const least = holdsName(type) ? count * SMALLEST_RECORD : count * RECORD_HEAD_SIZE + wireLength
    return this.position + least <= this.limit
  }

  /** False when no record can fit whose owner, a name of `length` octets, is in the message nowhere but as far as it shares the question's. */
  mayHoldOwner(length: number): boolean {
    return this.position + Math.max(length - this.#qname.length, 0) + SMALLEST_RECORD <= this.limit
  }

  /** More records than this find no room, whatever they are. */
  get mostRecords(): number {
    return Math.floor((this.limit - this.position) / SMALLEST_RECORD)
  }

  /** A name that stands at `offset` in the message already. */
  pointer(offset: number): void {
    this.u16(POINTER | offset)
  }

  /** Type, class and TTL of a record, behind its owner. */
  recordHead(type: number, ttl: number): void {
    const at = this.position
    const next = at + TYPE_CLASS_TTL_SIZE
    if (next > this.limit) {
      this.failed = true
      return
    }
    const { bytes } = this
    bytes[at] = type >>> 8
    bytes[at + 1] = type
    bytes[at + 2] = CLASS_IN >>> 8
    bytes[at + 3] = CLASS_IN
    bytes[at + 4] = ttl >>> 24
    bytes[at + 5] = ttl >>> 16
    bytes[at + 6] = ttl >>> 8
    bytes[at + 7] = ttl
    this.position = next
  }

  /** Rdata with its length before it. Names that RFC 3597 §4 lets us compress are compressed. */
  rdata(type: number, source: Uint8Array, start: number, length: number): void {
    const lengthAt = this.position
    this.u16(length)
    if (!holdsName(type)) {
      this.copy(source, start, length)
      return
    }
    const end = start + length
    let from = start
    if (type === Type.MX) {
      this.copy(source, from, 2)
      from += 2
    }
    from += this.name(source, from, end)
    if (type === Type.SOA) from += this.name(source, from, end)
    this.copy(source, from, end - from)
    if (this.failed) return
    const written = this.position - lengthAt - RDLENGTH_SIZE
    this.bytes[lengthAt] = written >>> 8
    this.bytes[lengthAt + 1] = written
  }

  /** Writes a name, its end replaced by a pointer to the question where the two agree. Returns its length in the source. */
  name(source: Uint8Array, start: number, end: number): number {
    const qname = this.#qname
    const starts = this.#labelStarts
    let count = 0
    let position = start
    for (let length = source[position]!; length !== 0 && position < end; length = source[position]!) {
      starts[count++] = position - start
      position += length + 1
    }
    const common = this.#commonLabels(source, start, count)
    if (common === 0) {
      this.copy(source, start, position + 1 - start)
    } else {
      this.copy(source, start, starts[count - common]!)
      this.u16(POINTER | (QNAME_OFFSET + qname.labelStarts[qname.labelCount - common]!))
    }
    return position + 1 - start
  }

  /** Takes back what has been written from `position` on, because not all of it could be. */
  undo(position: number): void {
    this.position = position
    this.failed = false
  }

  canPointTo(offset: number): boolean {
    return offset <= POINTER_MASK
  }

  /** Where in the message a name stands that has just been written at `offset`: what it points to if it is a pointer alone. */
  resolvePointer(offset: number): number {
    const at = this.start + offset
    const first = this.bytes[at]!
    return first >= POINTER >>> 8 ? ((first << 8) | this.bytes[at + 1]!) & POINTER_MASK : offset
  }

  /** How many labels from the root on a name of `count` labels shares with the question's. */
  #commonLabels(source: Uint8Array, start: number, count: number): number {
    const qname = this.#qname
    const most = Math.min(count, qname.labelCount)
    let common = 0
    while (common < most) {
      const at = start + this.#labelStarts[count - common - 1]!
      if (!sameLabel(source, at, qname.bytes, qname.labelStarts[qname.labelCount - common - 1]!)) break
      common++
    }
    return common
  }
}

/** Until the first response. */
const NO_NAME = new FoldedName()

/** Whether two labels agree but for case, the second one being folded. */
function sameLabel(source: Uint8Array, at: number, folded: Uint8Array, foldedAt: number): boolean {
  const length = folded[foldedAt]!
  for (let i = 0; i <= length; i++) if (foldByte(source[at + i]!) !== folded[foldedAt + i]) return false
  return true
}

/** RFC 3597 §4: the types of RFC 1035 alone may have compressed names in their rdata. */
function holdsName(type: number): boolean {
  return type === Type.CNAME || type === Type.NS || type === Type.PTR || type === Type.MX || type === Type.SOA
}
