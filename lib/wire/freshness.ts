import { Rcode, Type } from './constants.js'
import { WireReader } from './reader.js'

/**
 * For how many seconds a response may be kept by a cache that knows nothing of DNS: RFC 8484 §5.1.
 *
 * The smallest TTL of the answer section; without answers, what the SOA in the authority section allows; 0 for all other responses,
 * and for those that cannot be read to that point.
 */
export function freshness(response: Uint8Array, start: number, length: number): number {
  const reader = new WireReader()
  reader.reset(response, start, length)
  reader.skip(2)
  const flags = reader.u16()
  const questions = reader.u16()
  const answers = reader.u16()
  const authorities = reader.u16()
  reader.skip(2)
  for (let i = 0; i < questions; i++) skipQuestion(reader)
  const rcode = flags & 0xf
  const isAnswer = (flags & TC) === 0 && (rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN)
  // An NXDOMAIN behind a CNAME must not outlive its SOA either, which §5.1 leaves out.
  const isNegative = answers === 0 || rcode === Rcode.NXDOMAIN
  let seconds = answers === 0 ? Number.POSITIVE_INFINITY : smallestTtl(reader, answers, undefined)
  if (isNegative) seconds = Math.min(seconds, smallestTtl(reader, authorities, Type.SOA))
  return isAnswer && !reader.failed && seconds !== Number.POSITIVE_INFINITY ? seconds : 0
}

const TC = 0x0200
const POINTER = 0xc0
/** RFC 1035 §3.3.13: five numbers of 32 bits at the end of a SOA, MINIMUM last. */
const MINIMUM_SIZE = 4

/** Of the records of the type, or of all; infinite without any. Of a SOA, RFC 2308 §5 lets MINIMUM count as well. */
function smallestTtl(reader: WireReader, records: number, type: number | undefined): number {
  let smallest = Number.POSITIVE_INFINITY
  for (let i = 0; i < records && !reader.failed; i++) {
    skipName(reader)
    const owned = reader.u16()
    reader.skip(2)
    const ttl = reader.u32()
    const length = reader.u16()
    const isSoa = type === Type.SOA && owned === Type.SOA && length > MINIMUM_SIZE
    reader.skip(isSoa ? length - MINIMUM_SIZE : length)
    const limit = isSoa ? reader.u32() : ttl
    if (type === undefined || type === owned) smallest = Math.min(smallest, ttl, limit)
  }
  return smallest
}

function skipQuestion(reader: WireReader): void {
  skipName(reader)
  reader.skip(4)
}

/** Compressed or not: a pointer ends a name. */
function skipName(reader: WireReader): void {
  for (;;) {
    const length = reader.u8()
    if (length === 0) return
    if (length >= POINTER) {
      reader.skip(1)
      return
    }
    reader.skip(length)
  }
}
