import { MIN_UDP_PAYLOAD } from '../wire/constants.js'
import { EXTENDED_ERROR_SIZE, NO_EXTENDED_ERROR, OPT_SIZE, writeOpt } from '../wire/edns.js'
import { FLAG_AA, FLAG_QR, FLAG_RD, FLAG_TC, OPCODE_MASK } from '../wire/header.js'
import type { QueryContext } from './query-context.js'

/** How much room the response must leave for its OPT record. */
export function optSize(context: QueryContext): number {
  if (!context.edns.present) return 0
  return context.extendedError === NO_EXTENDED_ERROR ? OPT_SIZE : OPT_SIZE + EXTENDED_ERROR_SIZE
}

/** RFC 6891 §6.2.5: what the client can take, at most what we send; 512 octets without EDNS. */
export function responseSize(context: QueryContext, capacity: number): number {
  const { edns, settings } = context
  const size = edns.present ? Math.min(edns.payloadSize, settings.udpPayloadSize) : MIN_UDP_PAYLOAD
  return Math.min(size, capacity)
}

/** Adds the OPT record, writes the header with what the counts have come to, and returns the length of the response. */
export function finish(context: QueryContext, limit: number): number {
  const { response, header, edns, settings, rcode } = context
  response.limit = limit
  let additionalCount = 0
  if (edns.present) {
    writeOpt(response, settings.udpPayloadSize, rcode, edns.dnssecOk, context.extendedError)
    additionalCount = 1
  }
  const end = response.position
  response.position = response.start
  response.u16(header.id)
  response.u16(flagsOf(context) | (rcode & 0xf))
  response.u16(context.hasQuestion ? 1 : 0)
  response.u16(response.answerCount)
  response.u16(response.authorityCount)
  response.u16(additionalCount)
  return end - response.start
}

/** RA is clear, as we do not recurse; Z, AD and CD are too (RFC 4035 §3.1.6). Opcode and RD are the query's. */
function flagsOf(context: QueryContext): number {
  let flags = FLAG_QR | (context.header.flags & (OPCODE_MASK | FLAG_RD))
  if (context.isAuthoritative) flags |= FLAG_AA
  if (context.isTruncated) flags |= FLAG_TC
  return flags
}
