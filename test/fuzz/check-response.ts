import { readMessage } from '../support/read-message.js'
import { UDP_PAYLOAD_SIZE } from './fuzzed-server.js'

const HEADER_SIZE = 12
const SIZE_WITHOUT_EDNS = 512
const COOKIE = 10
const CLIENT_COOKIE_SIZE = 8
/** QR, AA, TC, opcode and RD; all else is clear. */
const [QR, COPIED, KEPT_CLEAR] = [0x8000, 0x7900, 0x00f0]

/** Whether a datagram is to be answered: a header that does not say that it is a response. */
export function wantsResponse(request: Uint8Array): boolean {
  return request.length >= HEADER_SIZE && (request[2]! & 0x80) === 0
}

/** What is true of every response to anything. Throws where it is not. */
export function checkResponse(request: Uint8Array, response: Uint8Array): void {
  if (!wantsResponse(request)) throw new Error(`an answer to ${hex(request)}`)
  const { id, flags, question, opt, answer, authority, additional } = readMessage(response)
  const [requestId, requestFlags] = [word(request, 0), word(request, 2)]
  const wrong = (what: string) => new Error(`${what}: ${hex(response)} to ${hex(request)}`)
  if (id !== requestId) throw wrong('another ID')
  if ((flags & QR) === 0 || (flags & KEPT_CLEAR) !== 0) throw wrong('flags that no response has')
  if ((flags & COPIED) !== (requestFlags & COPIED)) throw wrong('another opcode or RD')
  const asked = request.subarray(HEADER_SIZE, HEADER_SIZE + question.length)
  if (!Buffer.from(asked).equals(question)) throw wrong('another question')
  if (word(response, 4) > 1) throw wrong('several questions')
  // RFC 2181 §5. A chain that goes round says so, too.
  for (const records of [answer, authority, additional]) {
    if (new Set(records.map((record) => JSON.stringify(record))).size < records.length) throw wrong('a record twice')
  }
  if (response.length > (opt === undefined ? SIZE_WITHOUT_EDNS : UDP_PAYLOAD_SIZE)) throw wrong('too long')
}

/**
 * Whether two responses say the same: the order within a section apart, of which chance decides. `withCookies: false` is for servers that
 * have secrets of their own, and passes over what their cookies are.
 */
export function saysTheSame(one: Uint8Array, other: Uint8Array, withCookies = true): boolean {
  if (Buffer.from(one).equals(other)) return true
  if (one.length !== other.length) return false
  return withCookies ? sorted(one) === sorted(other) : sorted(withoutCookie(one)) === sorted(withoutCookie(other))
}

/** The server's part of a cookie zeroed: both of them stand in the options of the OPT record, which is the last. */
function withoutCookie(response: Uint8Array): Uint8Array {
  const { opt } = readMessage(response)
  if (opt === undefined) return response
  const options = Buffer.from(opt.rdata, 'hex')
  const changed = Uint8Array.from(response)
  for (let at = 0; at < options.length; ) {
    const [code, length] = [word(options, at), word(options, at + 2)]
    const data = response.length - options.length + at + 4
    if (code === COOKIE) changed.fill(0, data + CLIENT_COOKIE_SIZE, data + length)
    at += 4 + length
  }
  return changed
}

function sorted(response: Uint8Array): string {
  const { answer, authority, additional, question, ...rest } = readMessage(response)
  const sections = [answer, authority, additional].map((records) =>
    records.map((record) => JSON.stringify(record)).sort(),
  )
  return JSON.stringify([rest, hex(question), sections])
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
