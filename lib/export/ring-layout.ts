// A ring of bytes in shared memory, with one thread that writes and one that reads:
//
//   | tail, 15 words unused | head, 15 unused | lost, 15 unused | bytes: a power of two |
//
// Positions count the bytes that have gone by, and wrap at 2^32. A record begins with its size in a word, a multiple of 8; where one
// would go beyond the end, SKIP stands in its place, and it begins at the start. Nobody waits: what finds no room is counted in `lost`.

const CACHE_LINE_WORDS = 16
/** Up to where the writer has shown records. The writer's. */
export const TAIL = 0
/** Up to where records are done with. The reader's. */
export const HEAD = TAIL + CACHE_LINE_WORDS
/** Records that found no room. The writer's; wraps. */
export const LOST = HEAD + CACHE_LINE_WORDS
const CONTROL_BYTES = 4 * (LOST + CACHE_LINE_WORDS)

/** Records begin at multiples of it. */
export const RECORD_ALIGNMENT = 8
/** In the place of a size: the next record is at the start. */
export const SKIP = 0
/** No record, and no room for one. */
export const NONE = -1

/** A plain object: it is posted to both threads. */
export interface RingHandle {
  readonly memory: SharedArrayBuffer
  /** The word on which the reader sleeps; one for all the rings that it reads. */
  readonly readerBell: SharedArrayBuffer
}

/** `sizeBytes` is a power of two. */
export function createRing(sizeBytes: number, readerBell: SharedArrayBuffer): RingHandle {
  return Object.freeze({ memory: new SharedArrayBuffer(CONTROL_BYTES + sizeBytes), readerBell })
}

/** The two parts of a ring, as both sides see them. */
export function openRing({ memory }: RingHandle): { control: Int32Array; bytes: Uint8Array } {
  return {
    control: new Int32Array(memory, 0, CONTROL_BYTES >>> 2),
    bytes: new Uint8Array(memory, CONTROL_BYTES),
  }
}
