import type { WireRRset } from '../records/wire-rrset.js'
import { ReaderSlot, releaseReader } from '../shared-table/epochs.js'
import { ENTRY_HEADER_BYTES, ENTRY_HEADER_WORDS, ENTRY_KEY_LENGTH_MASK, keyWords } from '../shared-table/layout.js'
import type { Segment } from '../shared-table/segments.js'
import type { TableBuilder } from '../shared-table/table-builder.js'
import { TableWriter } from '../shared-table/table-writer.js'
import { MAX_LABELS } from '../wire/constants.js'
import { hashName } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import { Ancestors } from './ancestors.js'
import { inOrderOfViews, payloadBytesOf, writePayload } from './entry-payload.js'
import { type IndexImage, openImage } from './index-image.js'
import { CONTROL_LOADED, CONTROL_MAGIC, CONTROL_SERIAL, CONTROL_WORDS, INDEX_MAGIC } from './layout.js'
import { NameMarks } from './name-marks.js'
import { ALL_VIEWS, type RecordIndexHandle, RecordIndexReader } from './record-index-reader.js'
import { holdsSame } from './same-rrsets.js'

export interface RecordIndexOptions {
  /** Threads that read, besides the writer's own. */
  readonly readers: number
  readonly seed: number
  /** The serial to start from; unsigned, 32 bits. */
  readonly serial: number
  /** Called with each new segment before anything in it is published: post it to every reader. */
  readonly onSegment: (segment: Segment) => void
}

export interface RecordIndexSize {
  /** Owners with RRsets. */
  readonly names: number
  /** Bytes in use: bucket words, bucket blocks and entries. */
  readonly usedBytes: number
  /** Bytes of all segments taken from the system. */
  readonly allocatedBytes: number
  /** Bytes replaced or removed that some thread may still be reading. */
  readonly retiredBytes: number
}

/** The one writer of the record index. Belongs to the main thread; nothing in it waits. */
export class RecordIndexWriter {
  /** A reader for the writer's own thread. */
  readonly reader: RecordIndexReader
  /** What this class itself reads with: an entry is replaced with the RRsets of all its views. */
  readonly #entry: RecordIndexReader
  readonly #control: Int32Array
  readonly #table: TableWriter
  readonly #slot: ReaderSlot
  readonly #seed: number
  readonly #marks: NameMarks
  readonly #ancestors: Ancestors
  #names = 0
  /** Whether `adoptOrphans` has met any. */
  #hasSynthesized = false

  constructor(options: RecordIndexOptions) {
    this.#control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS))
    this.#control[CONTROL_MAGIC] = INDEX_MAGIC
    this.#control[CONTROL_SERIAL] = options.serial
    this.#seed = options.seed
    this.#table = new TableWriter({ readers: options.readers + 1, seed: options.seed, onSegment: options.onSegment })
    this.#slot = new ReaderSlot(this.#table.control, options.readers)
    this.reader = new RecordIndexReader(this.#control, this.#table.reader, this.#slot)
    this.#entry = new RecordIndexReader(this.#control, this.#table.reader, this.#slot)
    this.#entry.view = ALL_VIEWS
    this.#marks = new NameMarks(this.#control, options.seed)
    this.#ancestors = new Ancestors({ table: this.#table, entry: this.#entry, marks: this.#marks })
  }

  /** What reader `slot`, counted from 0, needs to open the index. */
  handle(slot: number): RecordIndexHandle {
    return {
      control: this.#control.buffer as SharedArrayBuffer,
      table: this.#table.control.buffer as SharedArrayBuffer,
      segments: this.#table.segments.list(),
      slot,
    }
  }

  get size(): RecordIndexSize {
    return {
      names: this.#names,
      usedBytes: this.#table.usedBytes,
      allocatedBytes: this.#table.allocatedBytes,
      retiredBytes: this.#table.retiredBytes,
    }
  }

  /** From now on readers answer from the index; before, they know that it is not complete. */
  setLoaded(): void {
    Atomics.store(this.#control, CONTROL_LOADED, 1)
  }

  /** All RRsets of an owner, in all views, that are its store's, as pieces of shared memory that last until the next `write`. */
  read(name: Uint8Array): WireRRset[] {
    return this.#find(name) ? this.#entry.rrsets() : []
  }

  /** The one RRset of an owner that was made up by the server. It lasts as long. */
  readSynthesized(name: Uint8Array): WireRRset | undefined {
    return this.#find(name) ? this.#entry.rrsets(true)[0] : undefined
  }

  /**
   * Replaces all RRsets of an owner, in all views, in one step; none removes the owner. Returns whether that changed anything.
   *
   * `name` is folded and in wire form. Names between the owner and the root come into being as empty non-terminals, and go
   * with the last name below them. Throws CDNS_RRSET_TOO_LARGE and CDNS_SHARED_MEMORY_FULL, before anything has changed.
   */
  write(name: Uint8Array, given: readonly WireRRset[]): boolean {
    const rrsets = inOrderOfViews(given)
    const hash = this.#hash(name)
    const exists = this.#entry.find(hash, name, 0, name.length)
    if (!exists && rrsets.length === 0) return false
    if (exists && holdsSame(this.#entry, rrsets)) return false
    const hadRRsets = exists && this.#entry.rrsetCount > 0
    const hadNs = exists && this.#entry.findType(RECORD_TYPES.NS)
    const hasNs = rrsets.some((rrset) => rrset.type === RECORD_TYPES.NS)
    const children = exists ? this.#ancestors.children : 0
    if (rrsets.length > 0 || children > 0) {
      const payloadBytes = payloadBytesOf(name, rrsets)
      // What comes after the first store must not fail: the names above would be out of step with the one below.
      if (rrsets.length > 0) this.#table.reserve(MAX_LABELS, payloadBytes)
      if (!exists) this.#ancestors.adopt(name)
      this.#table.begin(name, name.length, payloadBytes)
      writePayload(this.#table, rrsets, children)
      if (hasNs && !hadNs) this.#marks.addNs(name, hash)
      if (!exists) this.#marks.add(name)
      this.#table.publish(hash)
    } else {
      this.#table.remove(hash, name, name.length)
      this.#marks.remove(name)
      this.#ancestors.disown(name)
    }
    if (hadNs && !hasNs) this.#marks.removeNs(name, hash)
    this.#names += (rrsets.length > 0 ? 1 : 0) - (hadRRsets ? 1 : 0)
    return true
  }

  /** Sets the serial of synthesized SOA records. */
  setSerial(serial: number): void {
    Atomics.store(this.#control, CONTROL_SERIAL, serial | 0)
  }

  /** Ends the epoch and returns it, for `isSettled`. */
  seal(): number {
    return this.#table.seal()
  }

  /** Whether every reader answers with all that was written before `seal` returned this epoch. */
  isSettled(epoch: number): boolean {
    return this.#table.isSettled(epoch)
  }

  /** For the supervisor: the thread of this reader slot is dead. */
  releaseReader(slot: number): void {
    releaseReader(this.#table.control, slot)
  }

  /** Buckets to visit for a walk through everything; a walk keeps the number it began with. */
  get bucketCount(): number {
    return this.#table.bucketCount
  }

  /**
   * Calls `visit` for each owner with RRsets of its store in a bucket of a walk, as they stood there before the first call. The RRsets last
   * for the call; `visit` may call `write`, but start no other walk.
   */
  visitBucket(bucket: number, bucketCount: number, visit: (name: Uint8Array, rrsets: WireRRset[]) => void): void {
    // What `visit` writes must not be put in the place of an entry that is still to be visited.
    this.#slot.enter()
    try {
      this.#entry.visitBucket(bucket, bucketCount, (_hash, bytes, start, length) => {
        if (this.#entry.hasStored) visit(bytes.slice(start, start + length), this.#entry.rrsets())
      })
    } finally {
      this.#slot.leave()
    }
  }

  /** Whether nothing has ever been written, so that `adopt` may be called. */
  get isUntouched(): boolean {
    return this.#table.isUntouched
  }

  /** The index as it stands, for another thread; this writer must not be used any more. */
  image(): IndexImage {
    return {
      control: this.#control.buffer as SharedArrayBuffer,
      table: this.#table.image(),
      names: this.#names,
      hasSynthesized: this.#hasSynthesized,
      ...this.#marks.image(),
    }
  }

  /**
   * Takes over an index that was built elsewhere, in steps that take no longer for a million names than for one, each far below
   * a millisecond. Only when `isUntouched`, before `setLoaded`, and with nothing written between the steps.
   */
  *adopt(image: IndexImage): Generator<void, void> {
    this.refuseOtherSeed(image)
    this.#marks.adopt(image)
    yield* this.#table.adopt(image.table)
    this.#names = image.names
  }

  /**
   * Takes over the entries of a builder, all with RRsets, no two of a name, none knowing its children yet, and counts those. Only
   * when `isUntouched`.
   */
  adoptOrphans(builder: TableBuilder): void {
    const image = builder.image()
    for (const _step of this.#table.adopt(image));
    this.#names = image.entryCount
    // In the order of their places, not of their buckets: a third less for a million names (2026-11).
    builder.visitAll((entryWord, words, bytes) => {
      const start = 4 * entryWord + ENTRY_HEADER_BYTES
      const length = words[entryWord]! & ENTRY_KEY_LENGTH_MASK
      const name = bytes.subarray(start, start + length)
      this.#entry.openEntry(entryWord + ENTRY_HEADER_WORDS + keyWords(length), words, bytes)
      if (this.#entry.findType(RECORD_TYPES.NS)) this.#marks.addNs(name, this.#hash(name))
      if (this.#entry.hasSynthesized) this.#hasSynthesized = true
      this.#marks.add(name)
      this.#ancestors.adopt(name)
    })
  }

  /** An image is looked up in by the hashes of this index. */
  refuseOtherSeed(image: IndexImage): void {
    if (openImage(image).seed !== this.#entry.seed) throw new Error('the image was made with another seed')
  }

  /** Whether the owner has the very RRsets that are under the cursor of another reader, whose index has the same seed. */
  holds(other: RecordIndexReader, hash: number, bytes: Uint8Array, nameStart: number, nameLength: number): boolean {
    return this.#entry.find(hash, bytes, nameStart, nameLength) && this.#entry.holdsSameAs(other)
  }

  /** Calls `visit` for each owner with RRsets of its store in a bucket of a walk that has none in the other index, which has the same seed. */
  visitMissing(bucket: number, bucketCount: number, other: RecordIndexReader, visit: (name: Uint8Array) => void): void {
    this.#slot.enter()
    try {
      this.#entry.visitBucket(bucket, bucketCount, (hash, bytes, start, length) => {
        if (!this.#entry.hasStored) return
        if (other.find(hash, bytes, start, length) && other.hasStored) return
        visit(bytes.slice(start, start + length))
      })
    } finally {
      this.#slot.leave()
    }
  }

  /** Whether any name below has RRsets; of a folded name in wire form. */
  hasNamesBelow(name: Uint8Array): boolean {
    return this.#find(name) && this.#ancestors.children > 0
  }

  #hash(name: Uint8Array): number {
    return hashName(name, 0, name.length, this.#seed)
  }

  #find(name: Uint8Array): boolean {
    return this.#entry.find(this.#hash(name), name, 0, name.length)
  }
}
