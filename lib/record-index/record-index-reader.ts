import { ContainerDnsError } from '../errors.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { ReaderSlot } from '../shared-table/epochs.js'
import { ENTRY_HEADER_BYTES, ENTRY_HEADER_WORDS, ENTRY_KEY_LENGTH_MASK, keyWords } from '../shared-table/layout.js'
import { type Segment, SegmentSet } from '../shared-table/segments.js'
import { TableKey } from '../shared-table/table-key.js'
import { TableReader } from '../shared-table/table-reader.js'
import type { FoldedName } from '../wire/folded-name.js'
import {
  CHILDREN,
  CONTROL_LOADED,
  CONTROL_MAGIC,
  CONTROL_NS_DEPTHS,
  CONTROL_NS_MARKS,
  CONTROL_SERIAL,
  CONTROL_WILDCARD_DEPTHS,
  CONTROL_WILDCARD_MARKS,
  DIRECTORY,
  DIRECTORY_SIDE_BYTES,
  DIRECTORY_TTL,
  DIRECTORY_TYPE_AND_COUNT,
  DIRECTORY_WIRE_BYTES,
  DIRECTORY_WORDS,
  hashMark,
  INDEX_MAGIC,
  RECORD_COUNT_MASK,
  RRSET_COUNT,
  RRSET_COUNT_MASK,
  SAYS_HOW_TO_ANSWER,
  SYNTHESIZED,
  VIEW_SHIFT,
  WIRE_BYTES_MASK,
} from './layout.js'

/** For a reader that is to see the RRsets of all views. */
export const ALL_VIEWS = -1
/** What a client sees that is in no view, and what one in a view sees where that has nothing. */
const DEFAULT_VIEW_NUMBER = 0
/** No place in a directory. */
const NO_RRSET = -1

/** What a thread needs to read the index. A plain object: it is posted to the thread. */
export interface RecordIndexHandle {
  readonly control: SharedArrayBuffer
  readonly table: SharedArrayBuffer
  readonly segments: readonly Segment[]
  /** The reader slot of the thread. */
  readonly slot: number
}

/**
 * Every name that we answer for, read without a lock. One for each thread.
 *
 * `enter` before the first look-up of a batch, `leave` after the last: what was found stays as it is in between.
 * After `find`, `findType` and `openRRset` have set the cursor, `bytes`, `count`, `ttl`, `wireStart` … describe one RRset.
 */
export class RecordIndexReader {
  readonly seed: number
  /**
   * The view whose RRsets are found: those of an owner for which it has none are the default view's. An owner with RRsets in other views
   * alone is not there, unless there may be something below it.
   */
  view = DEFAULT_VIEW_NUMBER
  /** RRsets of the owner that `find` has found, as the view has them; 0 for an empty non-terminal. */
  rrsetCount = 0
  type = 0
  count = 0
  ttl = 0
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the wire bytes of the RRset begin in `bytes`: rdlength and rdata of each record. */
  wireStart = 0
  wireLength = 0
  /** Whether side data say how the RRset is answered; `findSide` leads to them. */
  saysHowToAnswer = false
  /** Where the side data of the RRset begin, after `findSide` and `openRRset`. */
  sideStart = 0
  sideLength = 0
  /** Whether the RRset is one that `openRRset` has found, and not the store's. */
  isSynthesized = false
  /** The view of the RRset that `openRRset` has found. */
  viewOfRRset = DEFAULT_VIEW_NUMBER

  readonly #control: Int32Array
  readonly #table: TableReader
  readonly #slot: ReaderSlot
  readonly #key = new TableKey()
  /** The entry that was found: its segment, its RRsets of all views, and where its directory begins. */
  #words: Int32Array = new Int32Array(0)
  #entryRRsets = 0
  #entryDirectory = 0
  /** Where the directory and the wire bytes of the view's RRsets begin. */
  #directory = 0
  #wireStart = 0
  /** Of the RRset under the cursor. */
  #directoryEntry = 0

  /** `receive` takes the next segment that was posted to this thread, or gives undefined. */
  static open(handle: RecordIndexHandle, receive: () => Segment | undefined): RecordIndexReader {
    const tableControl = new Int32Array(handle.table)
    const table = new TableReader(tableControl, new SegmentSet(handle.segments, receive))
    return new RecordIndexReader(new Int32Array(handle.control), table, new ReaderSlot(tableControl, handle.slot))
  }

  constructor(control: Int32Array, table: TableReader, slot: ReaderSlot) {
    if (control[CONTROL_MAGIC] !== INDEX_MAGIC) {
      throw new ContainerDnsError(
        'CDNS_THREAD_FAILED',
        'the shared memory does not hold a record index of this version',
      )
    }
    this.#control = control
    this.#table = table
    this.#slot = slot
    this.seed = table.seed
  }

  get loaded(): boolean {
    return Atomics.load(this.#control, CONTROL_LOADED) !== 0
  }

  /** The serial of synthesized SOA records, an unsigned 32-bit number. */
  get serial(): number {
    return Atomics.load(this.#control, CONTROL_SERIAL) >>> 0
  }

  // Depths and marks are read without Atomics, which are a call in Node 20, as many times as a name has labels. A word does not tear; what was
  // set after `enter` may not be seen, and the query is answered then as before the write, which is not over as long as we have not left.

  /** For each label count at which a name has an NS RRset, its `depthBit`. */
  get nsDepths(): number {
    return this.#control[CONTROL_NS_DEPTHS]!
  }

  /** The same for names whose first label is `*`, those without RRsets included. */
  get wildcardDepths(): number {
    return this.#control[CONTROL_WILDCARD_DEPTHS]!
  }

  /** False where no name of this hash has an NS RRset, so that it need not be looked up. */
  mayHaveNs(hash: number): boolean {
    return this.#isMarked(CONTROL_NS_MARKS, hash)
  }

  /** False where no name of this hash has a wildcard right below it. */
  mayHaveWildcard(hash: number): boolean {
    return this.#isMarked(CONTROL_WILDCARD_MARKS, hash)
  }

  enter(): void {
    this.#slot.enter()
  }

  leave(): void {
    this.#table.forget()
    this.#slot.leave()
  }

  /** Says that look-up number `i` of a batch, which was expected, is the one that comes now. */
  takeInHand(i: number): void {
    this.#table.inHand = i
  }

  /** Announces look-up number `i` of a batch; see `TableReader.expect`. */
  expect(i: number, hash: number): void {
    this.#table.expect(i, hash)
  }

  /** Reads ahead for look-ups 0 to `count - 1`. */
  prefetch(count: number): void {
    this.#table.prefetch(count)
  }

  /** Whether the owner exists, be it as an empty non-terminal. The name was read with `seed`. */
  findFolded(name: FoldedName): boolean {
    return this.#find(name.hash, name.words, name.length)
  }

  /** The same for a folded name that lies anywhere; `hash` is `hashName` with `seed`. Slower: the name is copied. */
  find(hash: number, name: Uint8Array, start: number, length: number): boolean {
    this.#key.set(name, start, length)
    return this.#find(hash, this.#key.words, length)
  }

  /** The same for a folded name that begins with `words` and is padded with zeros up to the end of its last word. */
  findWords(hash: number, words: Int32Array, length: number): boolean {
    return this.#find(hash, words, length)
  }

  /** Sets the cursor to the owner's RRset of a type, if it has one. */
  findType(type: number): boolean {
    const words = this.#words
    let at = this.#directory
    let wireStart = this.#wireStart
    for (let i = 0; i < this.rrsetCount; i++, at += DIRECTORY_WORDS) {
      if (words[at + DIRECTORY_TYPE_AND_COUNT]! >>> 16 === type) {
        this.#set(at, wireStart)
        return true
      }
      wireStart += words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
    }
    return false
  }

  /** The same, of those that the default view has at the owner, where `find` has shown those of another. */
  findTypeInDefaultView(type: number): boolean {
    if (this.view === DEFAULT_VIEW_NUMBER) return false
    this.#narrow(DEFAULT_VIEW_NUMBER)
    return this.findType(type)
  }

  /**
   * Sets the cursor to the owner's RRset of the fewest octets, where each record has `recordBytes` besides its data, passing over some types.
   * In one go: a name may have hundreds of types.
   */
  findSmallest(recordBytes: number, passesOver: (type: number) => boolean): boolean {
    const words = this.#words
    const end = this.#directory + this.rrsetCount * DIRECTORY_WORDS
    let wireStart = this.#wireStart
    let smallest = NO_RRSET
    let smallestStart = 0
    let smallestSize = Number.POSITIVE_INFINITY
    for (let at = this.#directory; at < end; at += DIRECTORY_WORDS) {
      const wireBytes = words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
      const typeAndCount = words[at + DIRECTORY_TYPE_AND_COUNT]!
      const size = wireBytes + (typeAndCount & RECORD_COUNT_MASK) * recordBytes
      if (size < smallestSize && !passesOver(typeAndCount >>> 16)) {
        smallest = at
        smallestStart = wireStart
        smallestSize = size
      }
      wireStart += wireBytes
    }
    if (smallest !== NO_RRSET) this.#set(smallest, smallestStart)
    return smallest !== NO_RRSET
  }

  /** Sets the cursor to the RRset at an index below `rrsetCount`, side data included. */
  openRRset(index: number): void {
    const words = this.#words
    const at = this.#directory + index * DIRECTORY_WORDS
    let wireStart = this.#wireStart
    for (let entry = this.#directory; entry < at; entry += DIRECTORY_WORDS) {
      wireStart += words[entry + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
    }
    this.#set(at, wireStart)
    this.findSide()
    this.viewOfRRset = words[at + DIRECTORY_WIRE_BYTES]! >>> VIEW_SHIFT
    this.isSynthesized = (words[at + DIRECTORY_TYPE_AND_COUNT]! & SYNTHESIZED) !== 0
  }

  /** Sets `sideStart` and `sideLength` to the side data of the RRset under the cursor. */
  findSide(): void {
    const words = this.#words
    const own = this.#directoryEntry
    const end = this.#entryDirectory + this.#entryRRsets * DIRECTORY_WORDS
    let sideStart = 4 * end
    for (let at = this.#entryDirectory; at < end; at += DIRECTORY_WORDS) {
      // All wire bytes stand before the first side bytes.
      sideStart += words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
      if (at < own) sideStart += words[at + DIRECTORY_SIDE_BYTES]!
    }
    this.sideStart = sideStart
    this.sideLength = words[own + DIRECTORY_SIDE_BYTES]!
  }

  /** Sets the cursor to an entry that was met in another way than by `find`. Returns whether it is there for the view. */
  openEntry(payloadWord: number, words: Int32Array, bytes: Uint8Array): boolean {
    const rrsetCount = words[payloadWord + RRSET_COUNT]!
    this.#words = words
    this.bytes = bytes
    this.rrsetCount = rrsetCount & RRSET_COUNT_MASK
    this.#entryRRsets = this.rrsetCount
    this.#entryDirectory = payloadWord + DIRECTORY
    this.#directory = this.#entryDirectory
    this.#wireStart = 4 * (this.#directory + this.rrsetCount * DIRECTORY_WORDS)
    if (rrsetCount >= 0 || this.view === ALL_VIEWS) return true
    this.#narrow(this.view)
    if (this.rrsetCount === 0 && this.view !== DEFAULT_VIEW_NUMBER) this.#narrow(DEFAULT_VIEW_NUMBER)
    // It may be an empty non-terminal here: whose the names below it are is not known.
    return this.rrsetCount > 0 || Atomics.load(words, payloadWord + CHILDREN) > 0
  }

  /** Buckets to visit for a walk through everything; a walk keeps the number it began with. */
  get bucketCount(): number {
    return this.#table.bucketCount
  }

  /**
   * Sets the cursor to each entry in a bucket of a walk, one after the other, as they stood there before the first call, and calls
   * `visit` with the hash and the place of its name. Empty non-terminals are among them. See `TableReader.visitBucket`.
   */
  visitBucket(bucket: number, bucketCount: number, visit: NameVisitor): void {
    this.#table.visitBucket(bucket, bucketCount, (hash, entryWord, words, bytes) => {
      const length = words[entryWord]! & ENTRY_KEY_LENGTH_MASK
      this.openEntry(entryWord + ENTRY_HEADER_WORDS + keyWords(length), words, bytes)
      visit(hash, bytes, 4 * entryWord + ENTRY_HEADER_BYTES, length)
    })
  }

  /** Whether any RRset of the entry under the cursor is its store's. */
  get hasStored(): boolean {
    return this.#has(0)
  }

  /** Whether any RRset of the entry under the cursor was made up by the server. */
  get hasSynthesized(): boolean {
    return this.#has(SYNTHESIZED)
  }

  #has(mark: number): boolean {
    for (let i = 0, at = this.#directory; i < this.rrsetCount; i++, at += DIRECTORY_WORDS) {
      if ((this.#words[at + DIRECTORY_TYPE_AND_COUNT]! & SYNTHESIZED) === mark) return true
    }
    return false
  }

  /**
   * The RRsets of the entry under the cursor that are its store's, or those that are not, as pieces of shared memory. Allocates: not for
   * the path of a query.
   */
  rrsets(isSynthesized = false): WireRRset[] {
    const rrsets: WireRRset[] = []
    for (let i = 0; i < this.rrsetCount; i++) {
      this.openRRset(i)
      if (this.isSynthesized !== isSynthesized) continue
      rrsets.push({
        type: this.type,
        ttl: this.ttl,
        count: this.count,
        bytes: this.bytes,
        start: this.wireStart,
        length: this.wireLength,
        side: this.bytes,
        sideStart: this.sideStart,
        sideLength: this.sideLength,
        isSynthesized,
        view: this.viewOfRRset,
      })
    }
    return rrsets
  }

  /** Where the entry under the cursor ends in `bytes`; for readers of all views, like what follows. */
  get entryEnd(): number {
    let end = this.#wireStart
    for (let i = 0, at = this.#directory; i < this.rrsetCount; i++, at += DIRECTORY_WORDS) {
      end += (this.#words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK) + this.#words[at + DIRECTORY_SIDE_BYTES]!
    }
    return end
  }

  /** Whether the entries under two cursors hold the same RRsets, side data included. */
  holdsSameAs(other: RecordIndexReader): boolean {
    const { bytes, rrsetCount } = this
    const length = this.entryEnd - this.#wireStart
    if (rrsetCount !== other.rrsetCount || length !== other.entryEnd - other.#wireStart) return false
    for (let i = 0; i < rrsetCount * DIRECTORY_WORDS; i++) {
      if (this.#words[this.#directory + i] !== other.#words[other.#directory + i]) return false
    }
    for (let i = 0; i < length; i++) {
      if (bytes[this.#wireStart + i] !== other.bytes[other.#wireStart + i]) return false
    }
    return true
  }

  #isMarked(firstWord: number, hash: number): boolean {
    const mark = hashMark(hash)
    return ((this.#control[firstWord + (mark >>> 5)]! >>> (mark & 31)) & 1) === 1
  }

  #find(hash: number, key: Int32Array, length: number): boolean {
    if (!this.#table.find(hash, key, length)) return false
    return this.openEntry(this.#table.payloadWord, this.#table.words, this.#table.bytes)
  }

  /** Leaves the RRsets of one view of the entry, which stand together. */
  #narrow(view: number): void {
    const words = this.#words
    const end = this.#entryDirectory + this.#entryRRsets * DIRECTORY_WORDS
    let at = this.#entryDirectory
    let wireStart = 4 * end
    for (; at < end && words[at + DIRECTORY_WIRE_BYTES]! >>> VIEW_SHIFT < view; at += DIRECTORY_WORDS) {
      wireStart += words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
    }
    this.#directory = at
    this.#wireStart = wireStart
    this.rrsetCount = 0
    for (; at < end && words[at + DIRECTORY_WIRE_BYTES]! >>> VIEW_SHIFT === view; at += DIRECTORY_WORDS) {
      this.rrsetCount++
    }
  }

  #set(at: number, wireStart: number): void {
    const words = this.#words
    const typeAndCount = words[at + DIRECTORY_TYPE_AND_COUNT]!
    this.#directoryEntry = at
    this.saysHowToAnswer = (typeAndCount & SAYS_HOW_TO_ANSWER) !== 0
    this.type = typeAndCount >>> 16
    this.count = typeAndCount & RECORD_COUNT_MASK
    this.ttl = words[at + DIRECTORY_TTL]!
    this.wireStart = wireStart
    this.wireLength = words[at + DIRECTORY_WIRE_BYTES]! & WIRE_BYTES_MASK
  }
}

export type NameVisitor = (hash: number, bytes: Uint8Array, nameStart: number, nameLength: number) => void
