import { ENDS_SIZE } from '../../query/client-in-slot.js'
import { MAX_RESPONSE_SIZE, ROUTE_SIZE } from '../../transport/datagram-transport.js'
import { MAX_MESSAGE_SIZE } from '../../wire/constants.js'

// What stands in a slot of a ring to the forward thread:
//
//   | kind u8 | protocol u8 | view u8 | flags u8 | client length u8, fate u8 | request length u16 | response length u16, target length u8, 1 unused
//   | client 16 | ends | route | request, target | response |
//
// The target, if there is one, is the name that is to be forwarded in the place of the request's own: CNAMEs of ours lead there.
// The owner writes all of it but the response, and reads that again when it has given up waiting. Its fate is
// what becomes of it when the forward thread dies.

const KIND = 0
const PROTOCOL = KIND + 1
const VIEW = PROTOCOL + 1
const FLAGS = VIEW + 1
const CLIENT_LENGTH = FLAGS + 1
const FATE = CLIENT_LENGTH + 1
const REQUEST_LENGTH = FATE + 1
const RESPONSE_LENGTH = REQUEST_LENGTH + 2
const TARGET_LENGTH = RESPONSE_LENGTH + 2
const CLIENT = TARGET_LENGTH + 2
const ENDS = CLIENT + 16
const ROUTE = ENDS + ENDS_SIZE
const REQUEST = ROUTE + ROUTE_SIZE
/** A name, an OPT record with a cookie and padding to a block (RFC 8467 §4.1) come to half of it. What is longer is not forwarded. */
const REQUEST_ROOM = 1024
const RESPONSE = REQUEST + REQUEST_ROOM

/** `query`: somebody waits for a response. `renewal`: nobody does, the answer is wanted in the cache. `flush`: a name to drop from it, or none for all. */
export const ForwardKind = { query: 1, renewal: 2, flush: 3 } as const

/** `adopted`: taken over from a forward thread that died. `given up`: another one died with it, and its owner is to answer it. */
export const Fate = { none: 0, adopted: 1, givenUp: 2 } as const

/** A ring for each kind of thread that forwards, with as many slots as may wait at a time, and the room each of them has. */
export interface RingShape {
  readonly slotCount: number
  readonly bodyBytes: number
}

/** The forward thread copies what comes from here and frees the slot, so that this is for what comes in one of its turns. */
export const BATCH_RING: RingShape = { slotCount: 4096, bodyBytes: RESPONSE }
/** Here a slot is held until its query has been answered. */
export const DGRAM_RING: RingShape = { slotCount: 4096, bodyBytes: RESPONSE + MAX_RESPONSE_SIZE }
/** Most of the room for responses is never written to, and so never becomes memory. */
export const STREAM_RING: RingShape = { slotCount: 1024, bodyBytes: RESPONSE + MAX_MESSAGE_SIZE + 1 }
export const HOST_RING: RingShape = { slotCount: 256, bodyBytes: RESPONSE + MAX_MESSAGE_SIZE + 1 }

/** A cursor over one slot, in its ring or copied out of it. */
export class ForwardSlot {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0

  open(bytes: Uint8Array, start: number): this {
    this.bytes = bytes
    this.start = start
    return this
  }

  get kind(): number {
    return this.bytes[this.start + KIND]!
  }

  set kind(kind: number) {
    this.bytes[this.start + KIND] = kind
  }

  /** A number of `protocolCode`. */
  get protocol(): number {
    return this.bytes[this.start + PROTOCOL]!
  }

  set protocol(code: number) {
    this.bytes[this.start + PROTOCOL] = code
  }

  get view(): number {
    return this.bytes[this.start + VIEW]!
  }

  set view(view: number) {
    this.bytes[this.start + VIEW] = view
  }

  /** FLAG_DO and FLAG_CD of the answer cache. */
  get flags(): number {
    return this.bytes[this.start + FLAGS]!
  }

  set flags(flags: number) {
    this.bytes[this.start + FLAGS] = flags
  }

  get fate(): number {
    return this.bytes[this.start + FATE]!
  }

  set fate(fate: number) {
    this.bytes[this.start + FATE] = fate
  }

  get clientStart(): number {
    return this.start + CLIENT
  }

  get clientLength(): number {
    return this.bytes[this.start + CLIENT_LENGTH]!
  }

  set clientLength(length: number) {
    this.bytes[this.start + CLIENT_LENGTH] = length
  }

  /** See `client-in-slot.ts`. */
  get endsStart(): number {
    return this.start + ENDS
  }

  get routeStart(): number {
    return this.start + ROUTE
  }

  get requestStart(): number {
    return this.start + REQUEST
  }

  get requestLength(): number {
    return this.#u16(REQUEST_LENGTH)
  }

  /** False when it is too long. */
  setRequest(request: Uint8Array, start: number, length: number): boolean {
    if (length > REQUEST_ROOM) return false
    const at = this.requestStart
    for (let i = 0; i < length; i++) this.bytes[at + i] = request[start + i]!
    this.#setU16(REQUEST_LENGTH, length)
    this.bytes[this.start + TARGET_LENGTH] = 0
    return true
  }

  get targetStart(): number {
    return this.requestStart + this.requestLength
  }

  /** 0: there is none. */
  get targetLength(): number {
    return this.bytes[this.start + TARGET_LENGTH]!
  }

  /** After the request. False when it finds no room behind that. */
  setTarget(name: Uint8Array, length: number): boolean {
    if (this.requestLength + length > REQUEST_ROOM) return false
    const at = this.targetStart
    for (let i = 0; i < length; i++) this.bytes[at + i] = name[i]!
    this.bytes[this.start + TARGET_LENGTH] = length
    return true
  }

  get responseStart(): number {
    return this.start + RESPONSE
  }

  get responseLength(): number {
    return this.#u16(RESPONSE_LENGTH)
  }

  set responseLength(length: number) {
    this.#setU16(RESPONSE_LENGTH, length)
  }

  /** Octets up to the end of what the owner writes: all of a slot that has no response yet. */
  get usedBytes(): number {
    return REQUEST + this.requestLength + this.targetLength
  }

  #u16(at: number): number {
    return (this.bytes[this.start + at]! << 8) | this.bytes[this.start + at + 1]!
  }

  #setU16(at: number, value: number): void {
    this.bytes[this.start + at] = value >>> 8
    this.bytes[this.start + at + 1] = value
  }
}

/** The room that a shape leaves for a response. */
export function responseRoom(bodyBytes: number): number {
  return Math.min(bodyBytes - RESPONSE, MAX_MESSAGE_SIZE)
}
