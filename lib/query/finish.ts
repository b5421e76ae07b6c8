import { BOTH_COOKIES_SIZE } from '../limits/server-cookies.js'
import { HEADER_SIZE, MIN_UDP_PAYLOAD, Type } from '../wire/constants.js'
import {
  EdnsOption,
  NO_EXTENDED_ERROR,
  OPT_SIZE,
  OPTION_HEADER_SIZE,
  SUBNET_ADDRESS,
  SUBNET_SCOPE,
  writeOptHead,
  writeOptionHead,
} from '../wire/edns.js'
import { FLAG_AA, FLAG_QR, FLAG_RD, FLAG_TC, OPCODE_MASK } from '../wire/header.js'
import type { QueryContext } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'

export const EXTENDED_ERROR_SIZE = 2
const KEEPALIVE_SIZE = 2
/** RFC 8467 §4.1: padded responses are multiples of this. */
const PADDING_BLOCK_SIZE = 468
/** What an answer to ANY may have for each octet of the query, if that came in a datagram whose sender may be someone else. */
export const ANY_AMPLIFICATION = 1.5

/** How much room the response must leave for its OPT record. */
export function optSize(context: QueryContext): number {
  return context.edns.present ? OPT_SIZE + optionsSize(context) : 0
}

/** RFC 6891 §6.2.5: what the client can take, at most what we send; 512 octets without EDNS. */
export function responseSize(context: QueryContext, capacity: number): number {
  const { edns, settings } = context
  const size = edns.present ? Math.min(edns.payloadSize, settings.udpPayloadSize) : MIN_UDP_PAYLOAD
  const most = Math.min(size, capacity)
  return asksForAny(context) ? Math.min(most, anySize(context)) : most
}

export function asksForAny({ question, hasQuestion }: QueryContext): boolean {
  return question.type === Type.ANY && hasQuestion
}

/** RFC 8482 §4.4: whoever wants ANY can have it over TCP; what is larger is truncated, whose answer is as long as its question. */
function anySize(context: QueryContext): number {
  if (context.isClientVerified) return Number.POSITIVE_INFINITY
  const { question, reader, edns } = context
  // Whether there will be an Extended DNS Error is not known yet.
  const error = edns.present ? OPTION_HEADER_SIZE + EXTENDED_ERROR_SIZE : 0
  const least = HEADER_SIZE + question.length + optSize(context) + error
  return Math.max(least, Math.floor(ANY_AMPLIFICATION * (reader.end - reader.start)))
}

/** Adds the OPT record, writes the header with what the counts have come to, and returns the length of the response. */
export function finish(context: QueryContext, limit: number): number {
  const { response, header, edns, rcode } = context
  response.limit = limit
  let additionalCount = response.additionalCount
  if (edns.present) {
    writeOpt(context)
    additionalCount++
  }
  writeHeader(response, header.id, flagsOf(context) | (rcode & 0xf), context.hasQuestion ? 1 : 0, additionalCount)
  return response.length
}

/** `begin` has left room for it, so that the cursor with its checks is not needed: that took longer than what it wrote. */
function writeHeader(response: ResponseWriter, id: number, flags: number, questions: number, additional: number): void {
  const { bytes, start, answerCount, authorityCount } = response
  bytes[start] = id >>> 8
  bytes[start + 1] = id
  bytes[start + 2] = flags >>> 8
  bytes[start + 3] = flags
  bytes[start + 4] = 0
  bytes[start + 5] = questions
  bytes[start + 6] = answerCount >>> 8
  bytes[start + 7] = answerCount
  bytes[start + 8] = authorityCount >>> 8
  bytes[start + 9] = authorityCount
  bytes[start + 10] = additional >>> 8
  bytes[start + 11] = additional
}

/** RA, AD and CD are clear in what we answer by ourselves (RFC 4035 §3.1.6), as Z is; RA only where nobody forwards. Opcode and RD are the query's. */
function flagsOf(context: QueryContext): number {
  let flags = FLAG_QR | (context.header.flags & (OPCODE_MASK | FLAG_RD)) | context.forwardFlags
  if (context.isAuthoritative) flags |= FLAG_AA
  if (context.isTruncated) flags |= FLAG_TC
  return flags
}

/** Of all options but padding, whose data takes what room there is. */
function optionsSize(context: QueryContext): number {
  const { edns, settings } = context
  if (!edns.hasOptions && context.extendedError === NO_EXTENDED_ERROR) return 0
  let size = 0
  if (context.extendedError !== NO_EXTENDED_ERROR) size += OPTION_HEADER_SIZE + EXTENDED_ERROR_SIZE
  if (context.answersCookie) size += OPTION_HEADER_SIZE + BOTH_COOKIES_SIZE
  if (context.answersSubnet) size += OPTION_HEADER_SIZE + edns.subnetLength
  if (edns.wantsNsid && settings.nsid.length > 0) size += OPTION_HEADER_SIZE + settings.nsid.length
  if (edns.wantsKeepalive && context.isStream) size += OPTION_HEADER_SIZE + KEEPALIVE_SIZE
  if (edns.hasPadding && context.isEncrypted) size += OPTION_HEADER_SIZE
  return size
}

function writeOpt(context: QueryContext): void {
  const { edns, response, settings } = context
  const length = optionsSize(context)
  const padding = edns.hasPadding && context.isEncrypted ? paddingSize(context, length) : 0
  writeOptHead(response, settings.udpPayloadSize, context.rcode, edns.dnssecOk, length + padding)
  if (length > 0) writeOptions(context, padding)
}

function writeOptions(context: QueryContext, padding: number): void {
  const { edns, response, settings } = context
  if (context.extendedError !== NO_EXTENDED_ERROR) {
    writeOptionHead(response, EdnsOption.EXTENDED_ERROR, EXTENDED_ERROR_SIZE)
    response.u16(context.extendedError)
  }
  if (context.answersCookie) {
    writeOptionHead(response, EdnsOption.COOKIE, BOTH_COOKIES_SIZE)
    const cookies = settings.cookies!
    response.copy(cookies.bytes, cookies.start, BOTH_COOKIES_SIZE)
  }
  if (context.answersSubnet) {
    // RFC 7871 §7.2.1: as it came, and for which part of it the answer holds.
    writeOptionHead(response, EdnsOption.CLIENT_SUBNET, edns.subnetLength)
    response.copy(context.reader.bytes, edns.subnetStart, SUBNET_SCOPE)
    response.u8(context.subnetScope)
    response.copy(context.reader.bytes, edns.subnetStart + SUBNET_ADDRESS, edns.subnetLength - SUBNET_ADDRESS)
  }
  if (edns.wantsNsid && settings.nsid.length > 0) {
    writeOptionHead(response, EdnsOption.NSID, settings.nsid.length)
    response.copy(settings.nsid, 0, settings.nsid.length)
  }
  // RFC 7828 §3.3.2: over UDP the option means nothing.
  if (edns.wantsKeepalive && context.isStream) {
    writeOptionHead(response, EdnsOption.TCP_KEEPALIVE, KEEPALIVE_SIZE)
    response.u16(settings.keepaliveTimeout)
  }
  // RFC 7830 §6: only where nobody can read what is padded.
  if (edns.hasPadding && context.isEncrypted) {
    writeOptionHead(response, EdnsOption.PADDING, padding)
    // RFC 7830 §3: octets of padding should be 0. The response's room may hold what was written there before.
    for (let i = 0; i < padding; i++) response.u8(0)
  }
}

/** What is missing to the end of a block, or of the room. */
function paddingSize(context: QueryContext, optionsLength: number): number {
  const { response } = context
  const length = response.length + OPT_SIZE + optionsLength
  const padded = Math.ceil(length / PADDING_BLOCK_SIZE) * PADDING_BLOCK_SIZE
  return Math.max(0, Math.min(padded, response.limit - response.start) - length)
}
