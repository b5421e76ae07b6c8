import { RDLENGTH_SIZE, Type } from '../wire/constants.js'
import type { QuerySettings } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'
import type { RecordOrder } from './select.js'

/** An owner whose name is not in the message yet. */
const NOWHERE = 0

/** Writes the RRset under the index' cursor, whole or not at all. Made once per thread; counts are for the caller to add. */
export class RRsetWriter {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter
  readonly #order: RecordOrder
  /** Where in the message the owner stands. */
  #ownerOffset = NOWHERE
  /** The owner while it is in the message nowhere. */
  #owner: Uint8Array = new Uint8Array(0)
  #ownerStart = 0
  #ownerEnd = 0

  constructor(settings: QuerySettings, response: ResponseWriter, order: RecordOrder) {
    this.#settings = settings
    this.#response = response
    this.#order = order
  }

  /** The owner of the RRsets to come is the name at an offset in the message. */
  ownAt(offset: number): void {
    this.#ownerOffset = offset
  }

  /** The owner of the RRsets to come is this name, not compressed; the first record has it in full, the others point to that. */
  ownByName(source: Uint8Array, start: number, end: number): void {
    this.#ownerOffset = NOWHERE
    this.#owner = source
    this.#ownerStart = start
    this.#ownerEnd = end
  }

  /** Returns how many records have been written: all of them, or 0 where there is no room, and then the response is as it was before. */
  write(): number {
    const response = this.#response
    const { index } = this.#settings
    const before = response.position
    const ownerBefore = this.#ownerOffset
    const count = index.count
    if (!response.mayHoldRRset(index.type, count, index.wireLength)) return 0
    if (count === 1) {
      this.#writeRecord(index.wireStart)
    } else {
      const order = this.#order
      order.shuffle(index.bytes, index.wireStart, count)
      for (let i = 0; i < count && !response.failed; i++) this.#writeRecord(order.positions[i]!)
    }
    if (!response.failed) return count
    response.undo(before)
    this.#ownerOffset = ownerBefore
    return 0
  }

  /** The same for `count` records of the RRset under the index' cursor, by their numbers. */
  writeChosen(chosen: Uint16Array, count: number): number {
    const response = this.#response
    const { index } = this.#settings
    const before = response.position
    const ownerBefore = this.#ownerOffset
    const positions = this.#order.positions
    let position = index.wireStart
    for (let i = 0; i < index.count; i++) {
      positions[i] = position
      position += RDLENGTH_SIZE + ((index.bytes[position]! << 8) | index.bytes[position + 1]!)
    }
    for (let i = 0; i < count && !response.failed; i++) this.#writeRecord(positions[chosen[i]!]!)
    if (!response.failed) return count
    response.undo(before)
    this.#ownerOffset = ownerBefore
    return 0
  }

  /** The same for addresses of ours, which stand one behind the other. */
  writeAddresses(type: typeof Type.A | typeof Type.AAAA, addresses: Uint8Array): number {
    const response = this.#response
    const before = response.position
    const ownerBefore = this.#ownerOffset
    const size = type === Type.A ? 4 : 16
    for (let at = 0; at < addresses.length; at += size) {
      this.#writeOwner()
      response.recordHead(type, this.#settings.negativeTtl)
      response.rdata(type, addresses, at, size)
    }
    if (!response.failed) return addresses.length / size
    response.undo(before)
    this.#ownerOffset = ownerBefore
    return 0
  }

  /** The same for one record that is not from the index. False where there is no room. */
  writeOne(type: number, ttl: number, rdata: Uint8Array): boolean {
    const response = this.#response
    const before = response.position
    this.#writeOwner()
    response.recordHead(type, ttl)
    response.rdata(type, rdata, 0, rdata.length)
    if (!response.failed) return true
    response.undo(before)
    return false
  }

  #writeRecord(at: number): void {
    const response = this.#response
    const { index } = this.#settings
    this.#writeOwner()
    response.recordHead(index.type, index.ttl)
    response.rdata(index.type, index.bytes, at + RDLENGTH_SIZE, (index.bytes[at]! << 8) | index.bytes[at + 1]!)
  }

  #writeOwner(): void {
    const response = this.#response
    if (this.#ownerOffset !== NOWHERE) {
      response.pointer(this.#ownerOffset)
      return
    }
    const offset = response.length
    response.name(this.#owner, this.#ownerStart, this.#ownerEnd)
    // Past what a pointer can tell, each record has its owner in full.
    if (!response.failed && response.canPointTo(offset)) this.#ownerOffset = response.resolvePointer(offset)
  }
}
