import { ContainerDnsError } from '../errors.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, MAX_NAME_LENGTH, RDLENGTH_SIZE } from '../wire/constants.js'
import { OPT_SIZE } from '../wire/edns.js'
import { foldName, nameToText, writeNameFromText } from '../wire/name.js'
import { DEFAULT_WEIGHT, weightOf } from '../wire/rdata/address-codecs.js'
import { MAX_RDATA_SIZE, rdataCodec } from '../wire/rdata/codec.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { type RecordType, typeCode, typeName } from '../wire/rdata/record-type.js'
import { DistinctRecords } from './distinct-records.js'
import type { RRset, RRsetExtras } from './rrset.js'
import {
  fallbackOf,
  isWeighted,
  ownerOf,
  type SideParts,
  selectionOf,
  sideSize,
  weightAt,
  writeSide,
} from './rrset-side.js'
import { NO_VIEWS } from './view.js'

/**
 * An RRset in wire form: a piece of `bytes` that holds, for each record, the length of its rdata (16 bits) and the rdata.
 *
 * `side` is what is known of the records beside that: weights, and what the store remembers (keys, revisions, …). `rrset-side.ts` draws it.
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
  /** The number of the view that it is for, up to 255. Left out: 0, the default view. */
  readonly view?: number
}

/** A record in wire form: a piece of `bytes` that is its rdata. */
export interface WireRecord {
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
  readonly weight: number
}

/** Owner (a pointer), type, class and TTL stand before that in a message. */
const RECORD_OVERHEAD = 10
/** A header, the longest question and an OPT record: what a response holds besides an RRset. */
const MESSAGE_OVERHEAD = HEADER_SIZE + MAX_NAME_LENGTH + 4 + OPT_SIZE

const NO_SIDE = new Uint8Array(0)
const NOTHING_SAID: RRsetExtras = {}

/**
 * Turns RRsets into wire form, in a scratch buffer that the next `reset` overwrites.
 *
 * One per store; all RRsets of one owner are encoded, handed to the index, and forgotten.
 */
export class RRsetEncoder {
  #scratch = new Uint8Array(2 * MAX_MESSAGE_SIZE)
  #used = 0
  /** Of the RRset in hand: where it begins, where its next record goes, and the weights of those it has. */
  #start = 0
  #position = 0
  readonly #weights: number[] = []
  /** What the fallback of the RRset in hand would take in a message: with the records, no more than one can carry. */
  #fallbackSize = 0
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

  /**
   * `said` has passed `checkAnswerOptions`; `storeSide` is what the store wants to remember. Of records that are alike the first
   * one's weight counts. Throws the codes of the data's codec, and CDNS_RRSET_TOO_LARGE.
   */
  encode(
    type: RecordType,
    ttl: number,
    data: readonly RecordData[],
    said = NOTHING_SAID,
    storeSide: Uint8Array = NO_SIDE,
  ): WireRRset {
    const code = typeCode(type)
    const fallback = this.#encodeFallback(type, said.fallback)
    this.#takeAll(type, data)
    return this.#finish(code, ttl, { selection: said.selection, fallback, owner: said.owner }, storeSide)
  }

  /** Takes in data that is still to be encoded. */
  #takeAll(type: RecordType, data: readonly RecordData[]): void {
    const codec = rdataCodec(type)
    const code = typeCode(type)
    this.#begin(data.length)
    for (const item of data) {
      const at = this.#nextRdata()
      const length = codec.encode(item, this.#scratch, at)
      this.#take(code, length, weightOf(type, item))
    }
  }

  /** Throws CDNS_RRSET_INVALID for weights, which would be lost. */
  #encodeFallback(type: RecordType, data: RRsetExtras['fallback']): SideParts['fallback'] {
    this.#fallbackSize = 0
    if (data === undefined) return undefined
    this.#takeAll(type, data)
    if (this.#weights.some((weight) => weight !== DEFAULT_WEIGHT)) {
      throw new ContainerDnsError('CDNS_RRSET_INVALID', "the addresses of an RRset's fallback have no weights")
    }
    const count = this.#weights.length
    this.#fallbackSize = this.#position - this.#start + count * RECORD_OVERHEAD
    return { bytes: this.#scratch.slice(this.#start, this.#position), count }
  }

  /** The same for records that are in wire form already, `count` of them at most. */
  encodeRecords(
    code: number,
    ttl: number,
    count: number,
    records: Iterable<WireRecord>,
    said: RRsetExtras,
    storeSide: Uint8Array,
  ): WireRRset {
    const fallback = this.#encodeFallback(typeName(code), said.fallback)
    this.#begin(count)
    for (const { bytes, start, length, weight } of records) {
      const at = this.#nextRdata()
      const scratch = this.#scratch
      for (let i = 0; i < length; i++) scratch[at + i] = bytes[start + i]!
      this.#take(code, length, weight)
    }
    return this.#finish(code, ttl, { selection: said.selection, fallback, owner: said.owner }, storeSide)
  }

  #begin(mostRecords: number): void {
    this.#start = this.#used
    this.#position = this.#used
    this.#weights.length = 0
    this.#distinct.reset(mostRecords)
  }

  /** Where the rdata of the next record goes. */
  #nextRdata(): number {
    const at = this.#position + RDLENGTH_SIZE
    this.#reserve(at + MAX_RDATA_SIZE)
    return at
  }

  /** Takes in a record whose rdata has been written, unless there is one like it. */
  #take(code: number, length: number, weight: number): void {
    const scratch = this.#scratch
    const position = this.#position
    scratch[position] = length >>> 8
    scratch[position + 1] = length
    if (!this.#distinct.add(scratch, position, code)) return
    this.#position = position + RDLENGTH_SIZE + length
    this.#weights.push(weight)
    const size = this.#fallbackSize + this.#position - this.#start + this.#weights.length * RECORD_OVERHEAD
    if (size > MAX_MESSAGE_SIZE - MESSAGE_OVERHEAD) {
      throw new ContainerDnsError(
        'CDNS_RRSET_TOO_LARGE',
        `an RRset of ${typeName(code)} records is larger than a message of ${MAX_MESSAGE_SIZE} octets can carry`,
      )
    }
  }

  #finish(type: number, ttl: number, said: Omit<SideParts, 'weights'>, storeSide: Uint8Array): WireRRset {
    const weights = this.#weights.every((weight) => weight === DEFAULT_WEIGHT) ? undefined : this.#weights
    const parts: SideParts = { ...said, weights }
    const sideStart = this.#position
    const sideLength = sideSize(parts, storeSide)
    this.#reserve(sideStart + sideLength)
    if (sideLength > 0) writeSide(parts, storeSide, this.#scratch, sideStart)
    this.#used = sideStart + sideLength
    return {
      type,
      ttl,
      count: this.#weights.length,
      bytes: this.#scratch,
      start: this.#start,
      length: sideStart - this.#start,
      side: this.#scratch,
      sideStart,
      sideLength,
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

/** The RRset as a program sees it. `name` is folded and in wire form; `views` are those of the server. */
export function decodeRRset(name: Uint8Array, rrset: WireRRset, views: readonly string[] = NO_VIEWS): RRset {
  const type = typeName(rrset.type)
  const { ttl, view = 0 } = rrset
  const selection = selectionOf(rrset)
  const fallback = fallbackOf(rrset)
  const owner = ownerOf(rrset)
  // The compiler cannot know that the codec of a type gives that type's data.
  return {
    ...{ name: nameToText(name), type, ttl, data: decodeData(rrset) },
    ...(view !== 0 && { view: views[view]! }),
    ...(selection && { selection }),
    ...(fallback && { fallback: decodeData(fallback) }),
    ...(owner !== undefined && { owner }),
  } as RRset
}

/** Addresses that have weights come as `{ address, weight }`, all of them. */
export function decodeData(rrset: WireRRset): RecordData[] {
  const codec = rdataCodec(typeName(rrset.type))
  const weighted = isWeighted(rrset)
  const data: RecordData[] = []
  let position = rrset.start
  for (let i = 0; i < rrset.count; i++) {
    const length = (rrset.bytes[position]! << 8) | rrset.bytes[position + 1]!
    const item = codec.decode(rrset.bytes, position + RDLENGTH_SIZE, length)
    data.push(weighted ? { address: item as string, weight: weightAt(rrset, i) } : item)
    position += RDLENGTH_SIZE + length
  }
  return data
}
