import { bucketOf } from '../shared-table/layout.js'
import { TableKey } from '../shared-table/table-key.js'
import { TableWriter } from '../shared-table/table-writer.js'
import { hashName } from '../wire/name.js'

/** Names in a chunk, on average. */
const NAMES_PER_CHUNK = 16
/** What one call writes at most: the chunk and, where the number of chunks changes, two more and the count. */
const ENTRIES_PER_CALL = 4
/** Room for several times the usual chunk of names as long as can be. */
const BYTES_PER_CALL = 1 << 16
const COUNT_BYTES = 4

/**
 * The names of an address that find no room among its PTR records, a set for each address. Main thread only.
 *
 * A million names may stand behind one address, so they are bytes in a table and no objects. By linear hashing a set has a chunk for each
 * few names: a call costs the same however many there are.
 *
 *   key: | address |             payload: | count u32 |
 *   key: | address | chunk u32 | payload: | length u8, name | length u8, name | … | 0 |
 */
export class LeftOutNames {
  readonly #seed: number
  readonly #key = new TableKey()
  /** Made for the first name: most servers have none, and a table begins with a megabyte. */
  #table: TableWriter | undefined

  constructor(seed: number) {
    this.#seed = seed
  }

  add(address: Uint8Array, name: Uint8Array): void {
    this.#table ??= new TableWriter({ readers: 0, seed: this.#seed, onSegment: () => {} })
    const count = this.#count(address)
    const chunk = bucketOf(this.#hash(name), chunksFor(count))
    const names = this.#names(address, chunk)
    if (includes(names, name)) return
    this.#reserve()
    this.#setNames(address, chunk, [...names, name])
    this.#setCount(address, count + 1)
    if (chunksFor(count + 1) > chunksFor(count)) this.#split(address, chunksFor(count))
  }

  delete(address: Uint8Array, name: Uint8Array): void {
    if (this.#table === undefined) return
    const count = this.#count(address)
    const chunk = bucketOf(this.#hash(name), chunksFor(count))
    const names = this.#names(address, chunk)
    if (!includes(names, name)) return
    this.#reserve()
    this.#setNames(address, chunk, without(names, name))
    this.#setCount(address, count - 1)
    if (chunksFor(count - 1) < chunksFor(count)) this.#merge(address, chunksFor(count - 1))
  }

  /** Any of an address' names, which is one of them no longer. */
  take(address: Uint8Array): Uint8Array | undefined {
    if (this.#table === undefined) return undefined
    const count = this.#count(address)
    for (let chunk = 0; count > 0 && chunk < chunksFor(count); chunk++) {
      const name = this.#names(address, chunk).at(-1)
      if (name === undefined) continue
      this.delete(address, name)
      return name
    }
    return undefined
  }

  /** Bytes in use, for a look at whether they are given back. */
  get usedBytes(): number {
    return this.#table === undefined ? 0 : this.#table.usedBytes - this.#table.retiredBytes
  }

  /** Names of the chunk that is split go to the new one, `upper`, or stay. */
  #split(address: Uint8Array, upper: number): void {
    const lower = splitFrom(upper)
    const names = this.#names(address, lower)
    const goesUp = (name: Uint8Array) => bucketOf(this.#hash(name), upper + 1) === upper
    this.#setNames(address, upper, names.filter(goesUp))
    this.#setNames(
      address,
      lower,
      names.filter((name) => !goesUp(name)),
    )
  }

  #merge(address: Uint8Array, upper: number): void {
    const lower = splitFrom(upper)
    this.#setNames(address, lower, [...this.#names(address, lower), ...this.#names(address, upper)])
    this.#setNames(address, upper, [])
  }

  #count(address: Uint8Array): number {
    return this.#find(address) ? this.#table!.reader.words[this.#table!.reader.payloadWord]! : 0
  }

  #setCount(address: Uint8Array, count: number): void {
    const table = this.#table!
    if (count === 0) {
      this.#remove(address)
      return
    }
    table.begin(address, address.length, COUNT_BYTES)
    table.words[table.payloadWord] = count
    table.publish(this.#hash(address))
  }

  /** Copies: what is read is about to be replaced. */
  #names(address: Uint8Array, chunk: number): Uint8Array[] {
    const names: Uint8Array[] = []
    if (!this.#find(chunkKey(address, chunk))) return names
    const { bytes, payloadWord } = this.#table!.reader
    for (let at = 4 * payloadWord; bytes[at]! > 0; at += 1 + bytes[at]!) {
      names.push(bytes.slice(at + 1, at + 1 + bytes[at]!))
    }
    return names
  }

  #setNames(address: Uint8Array, chunk: number, names: readonly Uint8Array[]): void {
    const key = chunkKey(address, chunk)
    const table = this.#table!
    if (names.length === 0) {
      this.#remove(key)
      return
    }
    table.begin(
      key,
      key.length,
      names.reduce((size, name) => size + 1 + name.length, 1),
    )
    let at = 4 * table.payloadWord
    for (const name of names) {
      table.bytes[at] = name.length
      table.bytes.set(name, at + 1)
      at += 1 + name.length
    }
    table.bytes[at] = 0
    table.publish(this.#hash(key))
  }

  #find(key: Uint8Array): boolean {
    this.#key.set(key, 0, key.length)
    return this.#table!.reader.find(this.#hash(key), this.#key.words, key.length)
  }

  #remove(key: Uint8Array): void {
    this.#table!.remove(this.#hash(key), key, key.length)
  }

  /** What comes after the first write of a call must not fail. Throws CDNS_SHARED_MEMORY_FULL. */
  #reserve(): void {
    this.#table!.reserve(ENTRIES_PER_CALL, BYTES_PER_CALL)
  }

  #hash(bytes: Uint8Array): number {
    return hashName(bytes, 0, bytes.length, this.#seed)
  }
}

function chunksFor(count: number): number {
  return Math.max(1, Math.ceil(count / NAMES_PER_CHUNK))
}

/** The chunk from which a later one was split off; see `bucketOf`. */
function splitFrom(upper: number): number {
  return upper - (1 << (31 - Math.clz32(upper)))
}

function chunkKey(address: Uint8Array, chunk: number): Uint8Array {
  return Uint8Array.of(...address, chunk >>> 24, chunk >>> 16, chunk >>> 8, chunk)
}

function includes(names: readonly Uint8Array[], name: Uint8Array): boolean {
  return names.some((each) => Buffer.from(each).equals(name))
}

function without(names: readonly Uint8Array[], name: Uint8Array): Uint8Array[] {
  return names.filter((each) => !Buffer.from(each).equals(name))
}
