import { ContainerDnsError } from '../errors.js'
import {
  MAX_ARENA_SEGMENTS,
  SEGMENT_BYTES,
  SEGMENT_UNIT_BITS,
  SEGMENT_UNIT_MASK,
  SEGMENT_UNITS,
  UNIT_BYTES,
  UNIT_WORDS,
} from './layout.js'
import type { Segment, SegmentSet } from './segments.js'

/** Sizes up to this many units have a class each; above, four classes a doubling keep the loss under a fifth of a block. */
const EXACT_CLASSES = 32
const CLASSES_PER_DOUBLING = 4
/** Units worth cutting off: a bucket's block of three pairs. */
const LEAST_REST = 4
const LARGEST_CLASS = classOf(SEGMENT_UNITS)

/** What an arena knows besides its segments, for the arena that takes them over. A plain object: it may be posted. */
export interface ArenaBooks {
  /** The first free block of each size class. */
  readonly free: Int32Array
  readonly next: number
  readonly end: number
  readonly begunSegments: number
  readonly usedUnits: number
}

/**
 * Gives out and takes back blocks of shared memory. Belongs to the writer.
 *
 * Free blocks of a size are chained through their own first word, so the books cost nothing on the heap. Memory that was
 * taken back is used again and never returned to the system. A large free block is cut up before a new segment is taken;
 * small ones are not put together again, so what is allocated is at most the sum of what each size once needed.
 */
export class Arena {
  readonly #segments: SegmentSet
  readonly #onSegment: (segment: Segment) => void
  readonly #free = new Int32Array(LARGEST_CLASS + 1)
  /** Memory never used, in units: the rest of the newest segment that was begun. */
  #next = 0
  #end = 0
  /** Segments that blocks are cut from; one more may stand by. */
  #begunSegments = 0
  #usedUnits = 0

  constructor(segments: SegmentSet, onSegment: (segment: Segment) => void) {
    this.#segments = segments
    this.#onSegment = onSegment
  }

  /** Bytes in blocks that are given out. */
  get usedBytes(): number {
    return this.#usedUnits * UNIT_BYTES
  }

  get books(): ArenaBooks {
    return {
      free: this.#free.slice(),
      next: this.#next,
      end: this.#end,
      begunSegments: this.#begunSegments,
      usedUnits: this.#usedUnits,
    }
  }

  /** Goes on where another arena has stopped, whose segments are in the set by now. Only while nothing has been given out. */
  adopt(books: ArenaBooks): void {
    if (this.#begunSegments > 0) throw new Error('an arena that has given out blocks cannot take over those of another')
    this.#free.set(books.free)
    this.#next = books.next
    this.#end = books.end
    this.#begunSegments = books.begunSegments
    this.#usedUnits = books.usedUnits
  }

  /** What `allocate` really takes for this many bytes, at least one. */
  static roundUp(bytes: number): number {
    return unitsOf(classOf(Math.ceil(bytes / UNIT_BYTES))) * UNIT_BYTES
  }

  /**
   * Sees to it that blocks of so many bytes together, at most a segment, can be had without fail. Throws CDNS_SHARED_MEMORY_FULL.
   *
   * When there is no more memory to take, a quarter of it free is enough. That lies in pieces, so it is a chance, no promise;
   * but who has removed much must be able to put again.
   */
  reserve(bytes: number): void {
    if ((this.#end - this.#next) * UNIT_BYTES >= bytes || this.#begunSegments < this.#segments.arenaWords.length) return
    try {
      this.#addSegment()
    } catch (error) {
      if (4 * this.usedBytes > 3 * this.#begunSegments * SEGMENT_BYTES) throw error
    }
  }

  /**
   * The offset of a block with room for `bytes`, from one to a segment. What lies in it is left from before.
   *
   * Throws CDNS_SHARED_MEMORY_FULL, and nothing is lost.
   */
  allocate(bytes: number): number {
    const sizeClass = classOf(Math.ceil(bytes / UNIT_BYTES))
    if (sizeClass > LARGEST_CLASS) throw full(`a block of ${bytes} bytes is larger than a segment`)
    const offset = this.#take(sizeClass) || this.#carve(sizeClass)
    this.#usedUnits += unitsOf(sizeClass)
    return offset
  }

  /** Takes back a block of `bytes`, as given to `allocate`, that no reader can see any more. */
  free(offset: number, bytes: number): void {
    const sizeClass = classOf(Math.ceil(bytes / UNIT_BYTES))
    this.#put(offset, sizeClass)
    this.#usedUnits -= unitsOf(sizeClass)
  }

  #take(sizeClass: number): number {
    const offset = this.#free[sizeClass]!
    if (offset !== 0) {
      const { words, index } = this.#linkOf(offset)
      this.#free[sizeClass] = words[index]!
    }
    return offset
  }

  #put(offset: number, sizeClass: number): void {
    const { words, index } = this.#linkOf(offset)
    words[index] = this.#free[sizeClass]!
    this.#free[sizeClass] = offset
  }

  #linkOf(offset: number): { words: Int32Array; index: number } {
    return {
      words: this.#segments.arenaWords[offset >>> SEGMENT_UNIT_BITS]!,
      index: (offset & SEGMENT_UNIT_MASK) * UNIT_WORDS,
    }
  }

  /** Cuts a block from memory that was never used or, where the segment has no more, from a larger free block. */
  #carve(sizeClass: number): number {
    const units = unitsOf(sizeClass)
    if (this.#next + units > this.#end) {
      const offset = this.#cutUp(sizeClass)
      if (offset !== 0) return offset
    }
    // Twice at most: segment 0 is a unit short.
    while (this.#next + units > this.#end) this.#beginSegment()
    const offset = this.#next
    this.#next += units
    return offset | 0
  }

  /** Takes the front of the smallest free block whose rest is of use too; 0 without one. */
  #cutUp(sizeClass: number): number {
    const units = unitsOf(sizeClass)
    for (let larger = sizeClass + 1; larger <= LARGEST_CLASS; larger++) {
      if (this.#free[larger] === 0 || unitsOf(larger) < units + LEAST_REST) continue
      const offset = this.#take(larger)
      const start = offset >>> 0
      this.#putRange(start + units, start + unitsOf(larger))
      return offset
    }
    return 0
  }

  /** Units that are nobody's become free blocks, largest first. */
  #putRange(start: number, end: number): void {
    for (let next = start; next < end; ) {
      const rest = end - next
      let sizeClass = classOf(rest)
      if (unitsOf(sizeClass) > rest) sizeClass--
      this.#put(next | 0, sizeClass)
      next += unitsOf(sizeClass)
    }
  }

  #beginSegment(): void {
    const number = this.#begunSegments
    if (number === this.#segments.arenaWords.length) this.#addSegment()
    this.#putRange(this.#next, this.#end)
    // Offset 0 means "none" everywhere.
    this.#next = number === 0 ? 1 : number * SEGMENT_UNITS
    this.#end = (number + 1) * SEGMENT_UNITS
    this.#begunSegments++
  }

  #addSegment(): void {
    const number = this.#segments.arenaWords.length
    if (number >= MAX_ARENA_SEGMENTS) throw full('the table has filled its 32 GiB of shared memory')
    const segment: Segment = { kind: 'arena', number, buffer: newSharedMemory(SEGMENT_BYTES) }
    this.#segments.add(segment)
    this.#onSegment(segment)
  }
}

/** Shared memory from the system, which throws a RangeError of its own when it has none left. */
export function newSharedMemory(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes)
  } catch (cause) {
    throw full(`the system has no ${bytes} bytes of shared memory left`, { cause })
  }
}

function full(message: string, options?: ErrorOptions): ContainerDnsError {
  return new ContainerDnsError('CDNS_SHARED_MEMORY_FULL', message, options)
}

/** The smallest class whose blocks hold this many units. */
function classOf(units: number): number {
  if (units <= EXACT_CLASSES) return units
  const topBit = 31 - Math.clz32(units - 1)
  const step = 1 << (topBit - 2)
  const quarter = Math.ceil((units - (1 << topBit)) / step)
  return EXACT_CLASSES + (topBit - 5) * CLASSES_PER_DOUBLING + quarter
}

/** The units in a block of a class. */
function unitsOf(sizeClass: number): number {
  if (sizeClass <= EXACT_CLASSES) return sizeClass
  const above = sizeClass - EXACT_CLASSES - 1
  const topBit = 5 + Math.floor(above / CLASSES_PER_DOUBLING)
  return (1 << topBit) + ((above % CLASSES_PER_DOUBLING) + 1) * (1 << (topBit - 2))
}
