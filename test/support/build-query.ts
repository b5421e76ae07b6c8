import { nameFromText } from '../../lib/wire/name.js'
import { RECORD_TYPES } from '../../lib/wire/rdata/record-type.js'

/** An OPT record, as a query may have it. */
export interface EdnsParts {
  readonly size?: number
  readonly version?: number
  /** The 16 bits that begin with DO. */
  readonly flags?: number
  /** Codes and data, or the rdata as it stands. */
  readonly options?: readonly (readonly [number, Uint8Array])[] | Uint8Array
}

/** What a query has besides its question. What is left out is what a well-behaved stub resolver sends. */
export interface QueryParts {
  readonly id?: number
  /** The 16 bits behind the id; default: RD alone. */
  readonly flags?: number
  readonly class?: number
  readonly edns?: EdnsParts
  /** Whole records, put into the sections as they are, before the OPT record of `edns`. */
  readonly answer?: readonly Uint8Array[]
  readonly authority?: readonly Uint8Array[]
  readonly additional?: readonly Uint8Array[]
  /** Counts that lie: QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT. Those left undefined are true. */
  readonly counts?: readonly (number | undefined)[]
  /** Bytes behind the last record. */
  readonly trailing?: Uint8Array
}

export const FLAGS = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, Z: 0x0040, AD: 0x0020, CD: 0x0010 }

/** A query in wire form, right or wrong. A name given as bytes is put in as it is. */
export function buildQuery(name: string | Uint8Array, type: string | number = 'A', parts: QueryParts = {}): Uint8Array {
  const wireName = typeof name === 'string' ? nameFromText(name) : name
  const question = Uint8Array.of(...wireName, ...u16(typeNumber(type)), ...u16(parts.class ?? 1))
  return buildMessage(question, parts)
}

/** The same with a question section given as bytes. */
export function buildMessage(question: Uint8Array, parts: QueryParts = {}): Uint8Array {
  const { answer = [], authority = [], additional = [], edns, trailing = new Uint8Array(0) } = parts
  const allAdditional = edns === undefined ? additional : [...additional, optRecord(edns)]
  const counts = [question.length > 0 ? 1 : 0, answer.length, authority.length, allAdditional.length]
  const header = [parts.id ?? 0x1234, parts.flags ?? FLAGS.RD, ...counts.map((count, i) => parts.counts?.[i] ?? count)]
  return joined([Uint8Array.from(header.flatMap(u16)), question, ...answer, ...authority, ...allAdditional, trailing])
}

export function optRecord(
  { size = 1232, version = 0, flags = 0, options = [] }: EdnsParts = {},
  owner: Uint8Array = ROOT,
): Uint8Array {
  const rdata =
    options instanceof Uint8Array
      ? options
      : joined(options.map(([code, data]) => joined([bytesOf(code, data.length), data])))
  return joined([owner, bytesOf(41, size), Uint8Array.of(0, version), bytesOf(flags, rdata.length), rdata])
}

/** Any record, class IN, TTL 0. */
export function record(owner: Uint8Array, type: number, rdata: Uint8Array): Uint8Array {
  return joined([owner, bytesOf(type, 1, 0, 0, rdata.length), rdata])
}

export function typeNumber(type: string | number): number {
  if (typeof type === 'number') return type
  const numbers: Record<string, number> = {
    ...RECORD_TYPES,
    ANY: 255,
    OPT: 41,
    AXFR: 252,
    IXFR: 251,
    DS: 43,
    HTTPS: 65,
  }
  const number = numbers[type]
  if (number === undefined) throw new Error(`no number known for type ${type}`)
  return number
}

/** Bytes put one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** 16-bit numbers in network order. */
export function bytesOf(...numbers: number[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap(u16))
}

const ROOT: Uint8Array = Uint8Array.of(0)

function u16(value: number): number[] {
  return [value >>> 8, value & 0xff]
}
