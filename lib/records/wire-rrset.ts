import { ContainerDnsError } from '../errors.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, MAX_NAME_LENGTH, RDLENGTH_SIZE } from '../wire/constants.js'
import { OPT_SIZE } from '../wire/edns.js'
import { foldName, nameToText, writeNameFromText } from '../wire/name.js'
import { MAX_RDATA_SIZE, RDATA_CODECS } from '../wire/rdata/codec.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { type RecordType, typeCode, typeName } from '../wire/rdata/record-type.js'
import { DistinctRecords } from './distinct-records.js'
import type { RRset } from './rrset.js'

/**
 * An RRset in wire form: a piece of `bytes` that holds, for each record, the length of its rdata (16 bits) and the rdata.
 *
 * `side` is what the store remembers of the records (keys, revisions, …). Query threads skip it, and only the store reads it.
 * The pieces may lie in shared memory or in a scratch buffer: use them before the next `await`, or copy them.
 */
export interface WireRRset {
  readonly type: number
  readonly ttl: number
  readonly count: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
  readonly side: Uint8Array
  readonly sideStart: number
  readonly sideLength: number
  /** Made up by the server, not put in by a store. Left out: it is the store's. */
  readonly isSynthesized?: boolean
}

/** Owner (a pointer), type, class and TTL stand before that in a message. */
const RECORD_OVERHEAD = 10
/** A header, the longest question and an OPT record: what a response holds besides an RRset. */
const MESSAGE_OVERHEAD = HEADER_SIZE + MAX_NAME_LENGTH + 4 + OPT_SIZE

const NO_SIDE = new Uint8Array(0)

/**
 * Turns RRsets into wire form, in a scratch buffer that the next `reset` overwrites.
 *
 * One per store; all RRsets of one owner are encoded, handed to the index, and forgotten.
 */
export class RRsetEncoder {
  #scratch = new Uint8Array(2 * MAX_MESSAGE_SIZE)
  #used = 0
  readonly #distinct = new DistinctRecords()
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 1)

  reset(): void {
    this.#used = 0
  }

  /** The folded wire form of a name. The bytes are the encoder's: they last until the next call. Throws CDNS_NAME_INVALID. */
  name(text: string): Uint8Array {
    const length = writeNameFromText(text, this.#name)
    foldName(this.#name, 0, length)
    return this.#name.subarray(0, length)
  }

  /** Throws the codes of the data's codec, and CDNS_RRSET_TOO_LARGE. */
  encode(type: RecordType, ttl: number, data: readonly RecordData[], side: Uint8Array = NO_SIDE): WireRRset {
    const codec = RDATA_CODECS[type]
    const start = this.#used
    let position = start
    let count = 0
    this.#distinct.reset(data.length)
    for (const item of data) {
      this.#reserve(position + RDLENGTH_SIZE + MAX_RDATA_SIZE)
      const scratch = this.#scratch
      const length = codec.encode(item, scratch, position + RDLENGTH_SIZE)
      scratch[position] = length >>> 8
      scratch[position + 1] = length
      if (!this.#distinct.add(scratch, position, codec.nameOffset)) continue
      position += RDLENGTH_SIZE + length
      count++
      if (position - start + count * RECORD_OVERHEAD > MAX_MESSAGE_SIZE - MESSAGE_OVERHEAD) {
        throw new ContainerDnsError(
          'CDNS_RRSET_TOO_LARGE',
          `an RRset of ${data.length} ${type} records is larger than a message of ${MAX_MESSAGE_SIZE} octets can carry`,
        )
      }
    }
    this.#used = position
    return {
      type: typeCode(type),
      ttl,
      count,
      bytes: this.#scratch,
      start,
      length: position - start,
      side,
      sideStart: 0,
      sideLength: side.length,
    }
  }

  /** Grows into new bytes: what was handed out before keeps the old ones. */
  #reserve(size: number): void {
    if (size <= this.#scratch.length) return
    const grown = new Uint8Array(Math.max(size, 2 * this.#scratch.length))
    grown.set(this.#scratch)
    this.#scratch = grown
  }
}

/** The RRset as a program sees it. `name` is folded and in wire form. */
export function decodeRRset(name: Uint8Array, rrset: WireRRset, nameStart = 0): RRset {
  return { name: nameToText(name, nameStart), type: typeName(rrset.type), ttl: rrset.ttl, data: decodeData(rrset) }
}

export function decodeData(rrset: WireRRset): RecordData[] {
  const codec = RDATA_CODECS[typeName(rrset.type)]
  const data: RecordData[] = []
  let position = rrset.start
  for (let i = 0; i < rrset.count; i++) {
    const length = (rrset.bytes[position]! << 8) | rrset.bytes[position + 1]!
    data.push(codec.decode(rrset.bytes, position + RDLENGTH_SIZE, length))
    position += RDLENGTH_SIZE + length
  }
  return data
}
