import { RDLENGTH_SIZE, Type } from '../wire/constants.js'
import type { QuerySettings } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'
import type { ChosenRecords } from './select/chosen-records.js'

/** What `write` returns where an RRset is there, but all of it is down, and nothing is to be answered then. */
export const ALL_DOWN = -1

/** An owner whose name is not in the message yet. */
const NOWHERE = 0

/** Writes what is chosen of the RRset under the index' cursor, all of that or nothing. Made once per thread; counts are for the caller to add. */
export class RRsetWriter {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter
  readonly #chosen: ChosenRecords
  /** Where in the message the owner stands. */
  #ownerOffset = NOWHERE
  /** The owner while it is in the message nowhere. */
  #owner: Uint8Array = new Uint8Array(0)
  #ownerStart = 0
  #ownerEnd = 0

  constructor(settings: QuerySettings, response: ResponseWriter, chosen: ChosenRecords) {
    this.#settings = settings
    this.#response = response
    this.#chosen = chosen
  }

  /** Where the owner of the RRset that was written last stands in the message. */
  get ownerOffset(): number {
    return this.#ownerOffset
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

  /**
   * Returns how many records have been written: all that were chosen, or 0 where there is no room for them, and then the response is
   * as it was before; or ALL_DOWN. The index' cursor may have moved. The records' places are in `ChosenRecords.positions`.
   */
  write(): number {
    const response = this.#response
    const { index } = this.#settings
    const chosen = this.#chosen
    const isWhole = chosen.open()
    if (isWhole && !response.mayHoldRRset(index.type, index.count, index.wireLength)) return 0
    // What is whole has room for all its records by now, as far as that can be told.
    const room = isWhole ? index.count : response.mostRecords
    const count = chosen.choose(room)
    if (count === 0) return ALL_DOWN
    return count > room ? 0 : this.#writeAll(count)
  }

  /** The same for `count` records, by their numbers in the RRset. */
  writeChosen(numbers: Uint16Array, count: number): number {
    const chosen = this.#chosen
    chosen.open()
    chosen.take(numbers, count)
    return this.#writeAll(count)
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

  /** The same for one record that is not from the index: of its `rdata`, the first octets. False where there is no room. */
  writeOne(type: number, ttl: number, rdata: Uint8Array, length = rdata.length): boolean {
    const response = this.#response
    const before = response.position
    this.#writeOwner()
    response.recordHead(type, ttl)
    response.rdata(type, rdata, 0, length)
    if (!response.failed) return true
    response.undo(before)
    return false
  }

  #writeAll(count: number): number {
    const response = this.#response
    const { positions } = this.#chosen
    const before = response.position
    const ownerBefore = this.#ownerOffset
    for (let i = 0; i < count && !response.failed; i++) this.#writeRecord(positions[i]!)
    if (!response.failed) return count
    response.undo(before)
    this.#ownerOffset = ownerBefore
    return 0
  }

  #writeRecord(at: number): void {
    const response = this.#response
    const { bytes, type, ttl } = this.#chosen
    this.#writeOwner()
    response.recordHead(type, ttl)
    response.rdata(type, bytes, at + RDLENGTH_SIZE, (bytes[at]! << 8) | bytes[at + 1]!)
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
