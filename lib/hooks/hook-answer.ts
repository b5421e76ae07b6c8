import { describe, refuseUnknownKeys } from '../bounds.js'
import type { QueryContext } from '../query/query-context.js'
import { QNAME_OFFSET } from '../query/response-writer.js'
import { MAX_TTL, Rcode, RDLENGTH_SIZE } from '../wire/constants.js'
import { type RdataCodec, rdataCodec } from '../wire/rdata/codec.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import { typeName } from '../wire/rdata/record-type.js'
import type { HookAnswer } from './hooks.js'
import { nonsense } from './nonsense.js'

// An answer in bytes: | rcode u8 | ttl u32 | count u16 | rdlength u16, rdata | … |
const RCODE = 0
const TTL = RCODE + 1
const COUNT = TTL + 4
const RECORDS = COUNT + 2

const RCODES = ['NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED'] as const

/** Writes an answer to a question of a type. Throws when it makes no sense, or has no room. */
export function encodeHookAnswer(given: HookAnswer, type: number, target: Uint8Array, at: number, end: number): void {
  refuseUnknownKeys('the answer of onQuery', given, ['rcode', 'ttl', 'answer'])
  const { answer = [] } = given
  const { rcode = 'NOERROR', ttl = 0 } = given
  if (!RCODES.includes(rcode)) throw nonsense(`rcode must be one of ${RCODES.join(', ')}, got ${describe(rcode)}`)
  if (!(Number.isInteger(ttl) && ttl >= 0 && ttl <= MAX_TTL))
    throw nonsense(`ttl must be seconds, got ${describe(ttl)}`)
  if (!Array.isArray(answer)) throw nonsense(`answer must be an array, got ${describe(answer)}`)
  if (at + RECORDS > end) throw nonsense('there is no room for an answer')
  const view = new DataView(target.buffer, target.byteOffset)
  const codec = rdataCodec(typeName(type))
  // What is behind the room is someone else's, and out of a codec's reach.
  const room = target.subarray(0, end)
  let position = at + RECORDS
  for (const data of answer as readonly RecordData[]) {
    const length = encodeWithin(codec, data, room, position + RDLENGTH_SIZE)
    view.setUint16(position, length)
    position += RDLENGTH_SIZE + length
  }
  view.setUint8(at + RCODE, Rcode[rcode])
  view.setUint32(at + TTL, ttl)
  view.setUint16(at + COUNT, answer.length)
}

/** Codecs write as if there were room: what they set behind the end is an error, and what they assign there is not written. */
function encodeWithin(codec: RdataCodec, data: RecordData, room: Uint8Array, at: number): number {
  if (at <= room.length) {
    try {
      const length = codec.encode(data, room, at)
      if (at + length <= room.length) return length
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  throw nonsense('answer is too large')
}

/** Makes a response of what `encodeHookAnswer` has written. */
export function writeHookAnswer(context: QueryContext, bytes: Uint8Array, at: number): void {
  const { response, question } = context
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const ttl = view.getUint32(at + TTL)
  const count = view.getUint16(at + COUNT)
  context.rcode = view.getUint8(at + RCODE)
  context.isAuthoritative = context.rcode !== Rcode.REFUSED
  // Names that a hook denies are often random: none has a limit of its own.
  context.limitHash = context.rcode === Rcode.NXDOMAIN ? 0 : question.name.hash
  context.isNodata = context.rcode === Rcode.NOERROR && count === 0
  const before = response.position
  let position = at + RECORDS
  for (let i = 0; i < count && !response.failed; i++) {
    const length = view.getUint16(position)
    response.pointer(QNAME_OFFSET)
    response.recordHead(question.type, ttl)
    response.rdata(question.type, bytes, position + RDLENGTH_SIZE, length)
    position += RDLENGTH_SIZE + length
  }
  if (response.failed) {
    response.undo(before)
    context.isTruncated = true
  } else {
    response.answerCount += count
  }
}
