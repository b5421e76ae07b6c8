import { ENDS_SIZE } from '../query/client-in-slot.js'
import { ROUTE_SIZE } from '../transport/datagram-transport.js'

// What stands in a slot of a ring:
//
//   | kind u8 | outcome u8 | protocol u8 | view u8 | client length u8 | request length u16 | data length u16 | type u16 | count u16
//   | fingerprint u32 | client 16 | ends | route | request | data |
//
// The owner writes all of it; of the data, what a verdict says takes the place. A response that is only told of has the question
// for its request, and its summary for data.

const KIND = 0
const OUTCOME = KIND + 1
const PROTOCOL = OUTCOME + 1
const VIEW = PROTOCOL + 1
const CLIENT_LENGTH = VIEW + 1
const REQUEST_LENGTH = CLIENT_LENGTH + 1
const DATA_LENGTH = REQUEST_LENGTH + 2
const TYPE = DATA_LENGTH + 2
const COUNT = TYPE + 2
const FINGERPRINT = COUNT + 2
const CLIENT = FINGERPRINT + 4
const ENDS = CLIENT + 16
const ROUTE = ENDS + ENDS_SIZE
/** The route is as the transport has written it. */
const REQUEST = ROUTE + ROUTE_SIZE

export const SlotKind = { query: 1, select: 2, response: 3 } as const

/** Room for the longest request that is read, and some thousand octets of backends behind it; behind a usual one, for about 700 addresses. */
export const QUERY_SLOT_BYTES = 8 * 1024
/** Room for a header and the longest question. */
export const RESPONSE_SLOT_BYTES = 512

/** A cursor over one slot. The fields are numbers as they stand there. */
export class HookSlot {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #size: number
  #start = 0

  constructor(bytes: Uint8Array, size: number) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset)
    this.#size = size
  }

  open(start: number): this {
    this.#start = start
    return this
  }

  get kind(): number {
    return this.bytes[this.#start + KIND]!
  }

  set kind(kind: number) {
    this.bytes[this.#start + KIND] = kind
  }

  get outcome(): number {
    return this.bytes[this.#start + OUTCOME]!
  }

  set outcome(outcome: number) {
    this.bytes[this.#start + OUTCOME] = outcome
  }

  get protocol(): number {
    return this.bytes[this.#start + PROTOCOL]!
  }

  set protocol(code: number) {
    this.bytes[this.#start + PROTOCOL] = code
  }

  /** The number of the view. */
  get view(): number {
    return this.bytes[this.#start + VIEW]!
  }

  set view(number: number) {
    this.bytes[this.#start + VIEW] = number
  }

  get clientLength(): number {
    return this.bytes[this.#start + CLIENT_LENGTH]!
  }

  get clientStart(): number {
    return this.#start + CLIENT
  }

  /** See `client-in-slot.ts`. */
  get endsStart(): number {
    return this.#start + ENDS
  }

  get routeStart(): number {
    return this.#start + ROUTE
  }

  get requestStart(): number {
    return this.#start + REQUEST
  }

  get requestLength(): number {
    return this.#view.getUint16(this.#start + REQUEST_LENGTH)
  }

  get dataStart(): number {
    return this.requestStart + this.requestLength
  }

  get dataLength(): number {
    return this.#view.getUint16(this.#start + DATA_LENGTH)
  }

  set dataLength(length: number) {
    this.#view.setUint16(this.#start + DATA_LENGTH, length)
  }

  get end(): number {
    return this.#start + this.#size
  }

  /** Of the RRset whose backends are the data, or of the question. */
  get type(): number {
    return this.#view.getUint16(this.#start + TYPE)
  }

  set type(type: number) {
    this.#view.setUint16(this.#start + TYPE, type)
  }

  get count(): number {
    return this.#view.getUint16(this.#start + COUNT)
  }

  set count(count: number) {
    this.#view.setUint16(this.#start + COUNT, count)
  }

  get fingerprint(): number {
    return this.#view.getInt32(this.#start + FINGERPRINT)
  }

  set fingerprint(hash: number) {
    this.#view.setInt32(this.#start + FINGERPRINT, hash)
  }

  /** The client's address, in bytes of its own. */
  get client(): Uint8Array {
    return this.bytes.slice(this.clientStart, this.clientStart + this.clientLength)
  }

  set client(address: Uint8Array) {
    this.bytes[this.#start + CLIENT_LENGTH] = address.length
    this.bytes.set(address, this.clientStart)
  }

  /** False when there is no room for it. */
  setRequest(source: Uint8Array, start: number, length: number): boolean {
    if (this.requestStart + length > this.end) return false
    this.#view.setUint16(this.#start + REQUEST_LENGTH, length)
    const target = this.requestStart
    for (let i = 0; i < length; i++) this.bytes[target + i] = source[start + i]!
    return true
  }

  indexAt(i: number): number {
    return this.#view.getUint16(this.dataStart + 2 * i)
  }

  /** There is room where backends stood: an index takes less than one of those. */
  setIndexes(indexes: Uint16Array, count: number): void {
    for (let i = 0; i < count; i++) this.#view.setUint16(this.dataStart + 2 * i, indexes[i]!)
    this.count = count
  }

  setSummary(rcode: number, truncated: boolean, answers: number, sizeBytes: number): void {
    const at = this.dataStart
    this.#view.setUint16(at, rcode)
    this.#view.setUint8(at + 2, truncated ? 1 : 0)
    this.#view.setUint16(at + 3, answers)
    this.#view.setUint16(at + 5, sizeBytes)
  }

  get rcode(): number {
    return this.#view.getUint16(this.dataStart)
  }

  get truncated(): boolean {
    return this.#view.getUint8(this.dataStart + 2) !== 0
  }

  get answers(): number {
    return this.#view.getUint16(this.dataStart + 3)
  }

  get sizeBytes(): number {
    return this.#view.getUint16(this.dataStart + 5)
  }
}
