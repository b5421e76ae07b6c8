import { ReaderSlot, releaseReader } from '../shared-table/epochs.js'
import { ENTRY_HEADER_WORDS, ENTRY_KEY_LENGTH_MASK, keyWords } from '../shared-table/layout.js'
import type { Segment } from '../shared-table/segments.js'
import { TableKey } from '../shared-table/table-key.js'
import { TableWriter } from '../shared-table/table-writer.js'
import type { HealthHandle } from './health-reader.js'
import {
  CONTROL_MAGIC,
  CONTROL_UNHEALTHY,
  CONTROL_WORDS,
  HEALTH_MAGIC,
  HEALTH_STATES,
  type HealthState,
  hashAddress,
  PAYLOAD_BYTES,
  STATE_UNKNOWN,
} from './layout.js'

export interface HealthTableOptions {
  /** Threads that read, besides the writer's own. */
  readonly readers: number
  readonly seed: number
  /** Called with each new segment before anything in it is published: post it to every reader. */
  readonly onSegment: (segment: Segment) => void
}

export interface HealthTableSize {
  /** Those that are healthy or unhealthy. */
  readonly addresses: number
  readonly usedBytes: number
  readonly allocatedBytes: number
}

export interface AddressState {
  /** Four or sixteen bytes. */
  readonly address: Uint8Array
  readonly state: HealthState
}

/**
 * The state of each address that somebody has said something about. Belongs to the main thread; nothing in it waits.
 *
 * A change between `healthy` and `unhealthy` is one atomic store. `unknown` is what an address is without an entry, so
 * setting it gives the memory back.
 */
export class HealthTable {
  readonly #control: Int32Array
  readonly #table: TableWriter
  readonly #slot: ReaderSlot
  readonly #key = new TableKey()
  readonly #seed: number

  constructor(options: HealthTableOptions) {
    this.#control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS))
    this.#control[CONTROL_MAGIC] = HEALTH_MAGIC
    this.#seed = options.seed
    this.#table = new TableWriter({ readers: options.readers + 1, seed: options.seed, onSegment: options.onSegment })
    this.#slot = new ReaderSlot(this.#table.control, options.readers)
  }

  /** What reader `slot`, counted from 0, needs to open the table. */
  handle(slot: number): HealthHandle {
    return {
      control: this.#control.buffer as SharedArrayBuffer,
      table: this.#table.control.buffer as SharedArrayBuffer,
      segments: this.#table.segments.list(),
      slot,
    }
  }

  /** For the supervisor: a dead thread reads nothing any more. */
  release(slot: number): void {
    releaseReader(this.#table.control, slot)
  }

  get unhealthyCount(): number {
    return Atomics.load(this.#control, CONTROL_UNHEALTHY)
  }

  get size(): HealthTableSize {
    const { entryCount, usedBytes, allocatedBytes } = this.#table
    return { addresses: entryCount, usedBytes, allocatedBytes }
  }

  get(address: Uint8Array): HealthState {
    return HEALTH_STATES[this.#find(address)]!
  }

  /**
   * Sets the state of an address of four or sixteen bytes, and returns the one before. Threads see it from their next batch on.
   *
   * Throws CDNS_SHARED_MEMORY_FULL, before anything has changed.
   */
  set(address: Uint8Array, state: HealthState): HealthState {
    const previous = HEALTH_STATES[this.#find(address)]!
    if (previous === state) return previous
    if (state === 'unknown') this.#table.remove(this.#hash(address), address, address.length)
    else if (previous === 'unknown') this.#put(address, state)
    else Atomics.store(this.#table.reader.words, this.#table.reader.payloadWord, HEALTH_STATES.indexOf(state))
    if (state === 'unhealthy') Atomics.add(this.#control, CONTROL_UNHEALTHY, 1)
    if (previous === 'unhealthy') Atomics.sub(this.#control, CONTROL_UNHEALTHY, 1)
    return previous
  }

  /**
   * Every address that is healthy or unhealthy, in no order. Taken bucket by bucket, so whoever has a million can stop in
   * between, and may set states meanwhile; each address that was there all the time is met once.
   */
  *list(): Generator<AddressState, void, undefined> {
    const buckets = this.#table.bucketCount
    for (let bucket = 0; bucket < buckets; bucket++) yield* this.#bucket(bucket, buckets)
  }

  /** Makes every address unknown. */
  clear(): void {
    for (const { address } of this.list()) this.set(address, 'unknown')
  }

  #put(address: Uint8Array, state: HealthState): void {
    this.#table.reserve(1, PAYLOAD_BYTES)
    this.#table.begin(address, address.length, PAYLOAD_BYTES)
    this.#table.words[this.#table.payloadWord] = HEALTH_STATES.indexOf(state)
    this.#table.publish(this.#hash(address))
  }

  /** The state of an address; the cursor of the table's reader is at its entry, if it has one. */
  #find(address: Uint8Array): number {
    const { reader } = this.#table
    this.#key.set(address, 0, address.length)
    if (!reader.find(this.#hash(address), this.#key.words, address.length)) return STATE_UNKNOWN
    return Atomics.load(reader.words, reader.payloadWord)
  }

  #hash(address: Uint8Array): number {
    return hashAddress(this.#seed, address, 0, address.length)
  }

  #bucket(bucket: number, bucketCount: number): AddressState[] {
    const found: AddressState[] = []
    this.#slot.enter()
    this.#table.reader.visitBucket(bucket, bucketCount, (_hash, entryWord, words, bytes) => {
      const keyWord = entryWord + ENTRY_HEADER_WORDS
      const length = words[entryWord]! & ENTRY_KEY_LENGTH_MASK
      const state = HEALTH_STATES[Atomics.load(words, keyWord + keyWords(length))]!
      found.push({ address: bytes.slice(4 * keyWord, 4 * keyWord + length), state })
    })
    this.#slot.leave()
    return found
  }
}
