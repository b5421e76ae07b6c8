import { randomInt } from 'node:crypto'
import { ContainerDnsError } from '../../errors.js'
import type { RRsetExtras } from '../../records/rrset.js'
import { hashName, nameToText } from '../../wire/name.js'

/** A record that waits to be published. `bytes` hold its rdata, and are not to be changed. */
export interface StagedRecord {
  readonly type: number
  /** Seconds, or NO_TTL. */
  readonly ttl: number
  readonly weight: number
  /** The number of its view. */
  readonly view: number
  /** Which file it comes from, and where in it. */
  readonly source: number
  readonly place: number
  /** What its RRset says beside its records. */
  readonly said?: RRsetExtras
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
}

/** An owner and its records, in the order in which they came. */
export interface StagedOwner {
  /** Folded, in wire form. */
  readonly name: Uint8Array
  readonly records: readonly StagedRecord[]
}

/** A zone, and the file that has it. */
export interface StagedZone {
  readonly apex: Uint8Array
  readonly source: number
  readonly view: number
}

export const NO_TTL = 0xffffffff

// Chunks of bytes, never moved, so that a million records are neither objects on the heap nor copied while they grow.
// A position is a chunk's number in the upper bits and an offset in it; 0 is none.
// An owner:  | next owner u32 | first record u32 | last record u32 | record count u32 | name length u32 | name |
// A record:  | next record u32 | ttl u32 | place u32 | source u32 | type u16 | weight u16 | rdata length u16 | view u16 | said u32 | rdata |
// `said` is a place in a list, counted from 1; 0 is nothing. Few RRsets say anything.
const CHUNK_BITS = 20
const CHUNK_SIZE = 1 << CHUNK_BITS
const OWNER_NEXT = 0
const OWNER_FIRST = OWNER_NEXT + 4
const OWNER_LAST = OWNER_FIRST + 4
const OWNER_COUNT = OWNER_LAST + 4
const OWNER_NAME_LENGTH = OWNER_COUNT + 4
const OWNER_NAME = OWNER_NAME_LENGTH + 4
const RECORD_NEXT = 0
const RECORD_TTL = RECORD_NEXT + 4
const RECORD_PLACE = RECORD_TTL + 4
const RECORD_SOURCE = RECORD_PLACE + 4
const RECORD_TYPE = RECORD_SOURCE + 4
const RECORD_WEIGHT = RECORD_TYPE + 2
const RECORD_LENGTH = RECORD_WEIGHT + 2
const RECORD_VIEW = RECORD_LENGTH + 2
const RECORD_SAID = RECORD_VIEW + 2
const RECORD_RDATA = RECORD_SAID + 4
/** So that no position is 0. */
const FIRST_OFFSET = 4
const SMALLEST_TABLE = 1024
/** A message carries fewer than 6 000 of one type; all of an owner are gone through in one go. */
const MAX_RECORDS_PER_OWNER = 10_000

/** The records of all files of a load, by owner, before any of them is published. */
export class StagedRecords {
  readonly #chunks: Buffer[] = [Buffer.allocUnsafe(CHUNK_SIZE)]
  #offset = FIRST_OFFSET
  readonly #said: RRsetExtras[] = []
  readonly #zones: StagedZone[] = []
  #slots: Uint32Array
  #ownerCount = 0
  #firstOwner = 0
  #lastOwner = 0
  readonly #seed = randomInt(2 ** 32)

  /** Grows beyond what was expected, at the price of a pause. */
  constructor(expectedOwners: number) {
    let size = SMALLEST_TABLE
    while (size < 2 * expectedOwners) size *= 2
    this.#slots = new Uint32Array(size)
  }

  /** The owner is folded, and in wire form. The bytes are copied. Throws CDNS_RRSET_TOO_LARGE. */
  add(owner: Uint8Array, record: StagedRecord): void {
    const at = this.#find(owner) || this.#addOwner(owner)
    const count = this.#read(at, OWNER_COUNT) + 1
    if (count > MAX_RECORDS_PER_OWNER) throw tooMany(owner)
    this.#write(at, OWNER_COUNT, count)
    const { bytes, start, length } = record
    const position = this.#allocate(RECORD_RDATA + length)
    const chunk = this.#chunkOf(position)
    const offset = offsetOf(position)
    chunk.writeUInt32LE(0, offset + RECORD_NEXT)
    chunk.writeUInt32LE(record.ttl, offset + RECORD_TTL)
    chunk.writeUInt32LE(record.place, offset + RECORD_PLACE)
    chunk.writeUInt32LE(record.source, offset + RECORD_SOURCE)
    chunk.writeUInt16LE(record.type, offset + RECORD_TYPE)
    chunk.writeUInt16LE(record.weight, offset + RECORD_WEIGHT)
    chunk.writeUInt16LE(length, offset + RECORD_LENGTH)
    chunk.writeUInt16LE(record.view, offset + RECORD_VIEW)
    chunk.writeUInt32LE(record.said === undefined ? 0 : this.#said.push(record.said), offset + RECORD_SAID)
    for (let i = 0; i < length; i++) chunk[offset + RECORD_RDATA + i] = bytes[start + i]!
    this.#append(at, position)
  }

  /** A zone file has the zone of which this is the apex, for the clients of a view. */
  addZone(apex: Uint8Array, source: number, view: number): void {
    this.#zones.push({ apex: apex.slice(), source, view })
  }

  /** Those that `addZone` was told of. */
  get zones(): readonly StagedZone[] {
    return this.#zones
  }

  /** Whether an owner has a record of a type in a view, from one file or from any. */
  has(owner: Uint8Array, type: number, view: number, source?: number): boolean {
    const at = this.#find(owner)
    for (let position = at === 0 ? 0 : this.#read(at, OWNER_FIRST); position !== 0; ) {
      const chunk = this.#chunkOf(position)
      const offset = offsetOf(position)
      const isOfSource = source === undefined || chunk.readUInt32LE(offset + RECORD_SOURCE) === source
      const isOfType = chunk.readUInt16LE(offset + RECORD_TYPE) === type
      if (isOfSource && isOfType && chunk.readUInt16LE(offset + RECORD_VIEW) === view) return true
      position = chunk.readUInt32LE(offset + RECORD_NEXT)
    }
    return false
  }

  /** All owners, in the order in which they came. */
  *owners(): Generator<StagedOwner, void, void> {
    for (let at = this.#firstOwner; at !== 0; at = this.#read(at, OWNER_NEXT)) {
      const chunk = this.#chunkOf(at)
      const nameAt = offsetOf(at) + OWNER_NAME
      const name = chunk.subarray(nameAt, nameAt + this.#read(at, OWNER_NAME_LENGTH))
      yield { name, records: this.#recordsOf(at) }
    }
  }

  #recordsOf(owner: number): StagedRecord[] {
    const records: StagedRecord[] = []
    for (let position = this.#read(owner, OWNER_FIRST); position !== 0; position = this.#read(position, RECORD_NEXT)) {
      const bytes = this.#chunkOf(position)
      const offset = offsetOf(position)
      records.push({
        type: bytes.readUInt16LE(offset + RECORD_TYPE),
        ttl: bytes.readUInt32LE(offset + RECORD_TTL),
        weight: bytes.readUInt16LE(offset + RECORD_WEIGHT),
        source: bytes.readUInt32LE(offset + RECORD_SOURCE),
        place: bytes.readUInt32LE(offset + RECORD_PLACE),
        bytes,
        start: offset + RECORD_RDATA,
        length: bytes.readUInt16LE(offset + RECORD_LENGTH),
        view: bytes.readUInt16LE(offset + RECORD_VIEW),
        ...this.#saidAt(bytes.readUInt32LE(offset + RECORD_SAID)),
      })
    }
    return records
  }

  #saidAt(number: number): Pick<StagedRecord, 'said'> | undefined {
    const said = this.#said[number - 1]
    return said && { said }
  }

  #append(owner: number, record: number): void {
    const last = this.#read(owner, OWNER_LAST)
    if (last === 0) this.#write(owner, OWNER_FIRST, record)
    else this.#write(last, RECORD_NEXT, record)
    this.#write(owner, OWNER_LAST, record)
  }

  #addOwner(name: Uint8Array): number {
    if (2 * (this.#ownerCount + 1) > this.#slots.length) this.#growTable()
    const at = this.#allocate(OWNER_NAME + name.length)
    const offset = offsetOf(at)
    const chunk = this.#chunkOf(at)
    chunk.fill(0, offset, offset + OWNER_NAME_LENGTH)
    chunk.writeUInt32LE(name.length, offset + OWNER_NAME_LENGTH)
    chunk.set(name, offset + OWNER_NAME)
    this.#slots[this.#slotOf(name)] = at
    this.#ownerCount++
    if (this.#lastOwner === 0) this.#firstOwner = at
    else this.#write(this.#lastOwner, OWNER_NEXT, at)
    this.#lastOwner = at
    return at
  }

  /** 0 for an owner that is not there. */
  #find(name: Uint8Array): number {
    return this.#slots[this.#slotOf(name)]!
  }

  /** The slot of an owner, or the empty one where it would go. */
  #slotOf(name: Uint8Array): number {
    const mask = this.#slots.length - 1
    let slot = hashName(name, 0, name.length, this.#seed) & mask
    for (let at = this.#slots[slot]!; at !== 0 && !this.#isNamed(at, name); at = this.#slots[slot]!) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  #isNamed(owner: number, name: Uint8Array): boolean {
    if (this.#read(owner, OWNER_NAME_LENGTH) !== name.length) return false
    const chunk = this.#chunkOf(owner)
    const nameAt = offsetOf(owner) + OWNER_NAME
    for (let i = 0; i < name.length; i++) if (chunk[nameAt + i] !== name[i]) return false
    return true
  }

  #growTable(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length)
    for (const { name, at } of this.#places()) this.#slots[this.#slotOf(name)] = at
  }

  *#places(): Generator<{ name: Uint8Array; at: number }> {
    for (let at = this.#firstOwner; at !== 0; at = this.#read(at, OWNER_NEXT)) {
      const nameAt = offsetOf(at) + OWNER_NAME
      yield { name: this.#chunkOf(at).subarray(nameAt, nameAt + this.#read(at, OWNER_NAME_LENGTH)), at }
    }
  }

  /** Nothing spans two chunks: an owner or record is much smaller than one. */
  #allocate(size: number): number {
    if (this.#offset + size > CHUNK_SIZE) {
      this.#chunks.push(Buffer.allocUnsafe(CHUNK_SIZE))
      this.#offset = 0
    }
    const position = (this.#chunks.length - 1) * CHUNK_SIZE + this.#offset
    this.#offset += size
    return position
  }

  #chunkOf(position: number): Buffer {
    return this.#chunks[position >>> CHUNK_BITS]!
  }

  #read(position: number, field: number): number {
    return this.#chunkOf(position).readUInt32LE(offsetOf(position) + field)
  }

  #write(position: number, field: number, value: number): void {
    this.#chunkOf(position).writeUInt32LE(value, offsetOf(position) + field)
  }
}

function tooMany(owner: Uint8Array): ContainerDnsError {
  return new ContainerDnsError(
    'CDNS_RRSET_TOO_LARGE',
    `${nameToText(owner)} has more than ${MAX_RECORDS_PER_OWNER} records in the files; no name can be answered with so many`,
  )
}

function offsetOf(position: number): number {
  return position & (CHUNK_SIZE - 1)
}
