import { CLASS_IN, HEADER_SIZE, MAX_MESSAGE_SIZE, MAX_NAME_LENGTH, Rcode } from '../../wire/constants.js'
import { writeOptHead } from '../../wire/edns.js'
import { FLAG_AA, FLAG_QR, FLAG_RD, FLAG_TC } from '../../wire/header.js'
import { foldByte, nameLength, writeNameFromText } from '../../wire/name.js'
import { MAX_RDATA_SIZE, rdataCodec } from '../../wire/rdata/codec.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { WireWriter } from '../../wire/writer.js'
import type { UpstreamQuery } from './upstream-query.js'

/** A record of a scripted response. Unlike one of an RRset it may be wrong: any TTL of 32 bits, any class, rdata as octets. */
export interface UpstreamRecord {
  readonly name: string
  readonly type: RecordType
  /** Seconds; default 60. */
  readonly ttl?: number
  /** Default: IN. */
  readonly class?: number
  /** As in an RRset, or the octets of the rdata. */
  readonly data: RecordData | Uint8Array
}

/** A response, as a script writes it. What is left out is empty, off or NOERROR. */
export interface UpstreamResponse {
  /** A mnemonic (`NXDOMAIN`) or a number; one above 15 needs an OPT record, which is put in for it. */
  readonly rcode?: RcodeName | number
  readonly answer?: readonly UpstreamRecord[]
  readonly authority?: readonly UpstreamRecord[]
  readonly additional?: readonly UpstreamRecord[]
  /** AA. A forwarder's upstream is mostly a resolver, and has it clear. */
  readonly isAuthoritative?: boolean
  readonly isTruncated?: boolean
  /** AD. */
  readonly isAuthenticated?: boolean
  /** RA; default true. */
  readonly isRecursionAvailable?: boolean
}

export type RcodeName = keyof typeof Rcode

/** What is odd about a message besides what it says. */
export interface Oddities {
  /** In the place of the question that was asked, in wire form. */
  readonly question?: Uint8Array
  /** Whether a query with an OPT record gets one back; default true. */
  readonly hasEdns?: boolean
  /** Octets of a datagram's payload; default: no limit but that of a message. */
  readonly limit?: number
}

/** The message that a response is to a query. One that is larger than `limit` is cut down to its question, with TC set. */
export function encodeResponse(query: UpstreamQuery, response: UpstreamResponse, oddities: Oddities = {}): Uint8Array {
  const whole = new MessageEncoder(query, oddities).encode(response)
  if (whole.length <= (oddities.limit ?? MAX_MESSAGE_SIZE)) return whole
  const { answer: _, authority: __, additional: ___, ...head } = response
  return new MessageEncoder(query, oddities).encode({ ...head, isTruncated: true })
}

/** The question section of a query, its one name uncompressed. */
export function questionOf({ bytes }: UpstreamQuery): Uint8Array {
  return bytes.slice(HEADER_SIZE, HEADER_SIZE + nameLength(bytes, HEADER_SIZE, bytes.length) + 4)
}

const DEFAULT_TTL = 60
const FLAG_RA = 0x0080
const FLAG_AD = 0x0020
const FLAG_CD = 0x0010
const PAYLOAD_SIZE = 1232
/** A pointer to the question's name. */
const TO_QUESTION = 0xc000 | HEADER_SIZE
const RDLENGTH_AT_END = 2

class MessageEncoder {
  readonly #query: UpstreamQuery
  readonly #question: Uint8Array
  readonly #hasEdns: boolean
  readonly #writer = new WireWriter(new Uint8Array(MAX_MESSAGE_SIZE + MAX_RDATA_SIZE))
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 1)

  constructor(query: UpstreamQuery, { question = questionOf(query), hasEdns = true }: Oddities) {
    this.#query = query
    this.#question = question
    this.#hasEdns = hasEdns && query.edns !== undefined
  }

  /** Throws RangeError when it is larger than a message can be. */
  encode(response: UpstreamResponse): Uint8Array {
    const { answer = [], authority = [], additional = [] } = response
    const rcode = rcodeOf(response)
    const hasOpt = this.#hasEdns || rcode > 0xf
    const writer = this.#writer
    writer.u16(this.#query.id)
    writer.u16(this.#flags(response) | (rcode & 0xf))
    for (const count of [1, answer.length, authority.length, additional.length + Number(hasOpt)]) writer.u16(count)
    writer.copy(this.#question, 0, this.#question.length)
    for (const record of [...answer, ...authority, ...additional]) this.#record(record)
    if (hasOpt) writeOptHead(writer, PAYLOAD_SIZE, rcode, this.#query.edns?.isDnssecOk ?? false, 0)
    if (writer.failed || writer.length > MAX_MESSAGE_SIZE) {
      throw new RangeError(`the response to ${this.#query.name} is larger than a message can be`)
    }
    return writer.bytes.slice(0, writer.length)
  }

  #flags({ isAuthoritative, isTruncated, isAuthenticated, isRecursionAvailable = true }: UpstreamResponse): number {
    const { isRecursionDesired, isCheckingDisabled } = this.#query
    return (
      FLAG_QR |
      (isAuthoritative ? FLAG_AA : 0) |
      (isTruncated ? FLAG_TC : 0) |
      (isRecursionDesired ? FLAG_RD : 0) |
      (isRecursionAvailable ? FLAG_RA : 0) |
      (isAuthenticated ? FLAG_AD : 0) |
      (isCheckingDisabled ? FLAG_CD : 0)
    )
  }

  #record({ name, type, ttl = DEFAULT_TTL, class: klass = CLASS_IN, data }: UpstreamRecord): void {
    const writer = this.#writer
    this.#owner(name)
    writer.u16(typeCode(type))
    writer.u16(klass)
    writer.u32(ttl)
    if (data instanceof Uint8Array) {
      writer.u16(data.length)
      writer.copy(data, 0, data.length)
      return
    }
    const at = writer.position + RDLENGTH_AT_END
    // A message that is too large already; `encode` says so.
    if (at > MAX_MESSAGE_SIZE) return
    const length = rdataCodec(type).encode(data, writer.bytes, at)
    writer.u16(length)
    writer.position += length
  }

  /** The name asked for is a pointer to the question: thousands of records fit only so. */
  #owner(text: string): void {
    const length = writeNameFromText(text, this.#name)
    if (isSameName(this.#name, length, this.#question)) this.#writer.u16(TO_QUESTION)
    else this.#writer.copy(this.#name, 0, length)
  }
}

function isSameName(name: Uint8Array, length: number, question: Uint8Array): boolean {
  if (length !== question.length - 4) return false
  for (let i = 0; i < length; i++) if (foldByte(name[i]!) !== foldByte(question[i]!)) return false
  return true
}

function rcodeOf({ rcode = 'NOERROR' }: UpstreamResponse): number {
  return typeof rcode === 'number' ? rcode : Rcode[rcode]
}
