import { HEADER_SIZE, Type } from '../../wire/constants.js'
import { OPT_SIZE } from '../../wire/edns.js'
import { FLAG_RD } from '../../wire/header.js'

// RFC 4035 §3.2.
const FLAG_AD = 0x0020
const FLAG_CD = 0x0010
const FLAG_DO = 0x8000

/** DNS flag day 2020: what passes without fragments. */
const PAYLOAD_SIZE = 1232

/** Name, type and class behind the header, and an OPT record. */
export const MAX_UPSTREAM_QUERY_SIZE = HEADER_SIZE + 255 + 4 + OPT_SIZE

/** What an upstream is asked; the name stands in wire form, spelled as it is to be sent. */
export interface UpstreamQuery {
  readonly name: Uint8Array
  readonly nameLength: number
  readonly type: number
  readonly class: number
  readonly isDnssecOk: boolean
  readonly isCheckingDisabled: boolean
}

/** Writes a query of our own: nothing of the client's message goes upstream but its question, DO and CD. Returns its length. */
export function writeUpstreamQuery(
  query: UpstreamQuery,
  id: number,
  hasEdns: boolean,
  bytes: Uint8Array,
  start: number,
): number {
  // RFC 6840 §5.7: AD asks for the AD bit in the response, which we can then pass on to whoever wants it.
  const flags = FLAG_RD | FLAG_AD | (query.isCheckingDisabled ? FLAG_CD : 0)
  let at = start
  at = writeU16(bytes, at, id)
  at = writeU16(bytes, at, flags)
  at = writeU16(bytes, at, 1)
  at = writeU16(bytes, at, 0)
  at = writeU16(bytes, at, 0)
  at = writeU16(bytes, at, hasEdns ? 1 : 0)
  const { name, nameLength } = query
  for (let i = 0; i < nameLength; i++) bytes[at + i] = name[i]!
  at = writeU16(bytes, at + nameLength, query.type)
  at = writeU16(bytes, at, query.class)
  return (hasEdns ? writeOpt(bytes, at, query.isDnssecOk) : at) - start
}

/** RFC 6891 §6.1. EDNS goes hop by hop: no option of a client's is passed on, its subnet least of all. */
function writeOpt(bytes: Uint8Array, start: number, isDnssecOk: boolean): number {
  let at = start
  bytes[at++] = 0
  at = writeU16(bytes, at, Type.OPT)
  at = writeU16(bytes, at, PAYLOAD_SIZE)
  at = writeU16(bytes, at, 0)
  at = writeU16(bytes, at, isDnssecOk ? FLAG_DO : 0)
  return writeU16(bytes, at, 0)
}

function writeU16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
  return at + 2
}
