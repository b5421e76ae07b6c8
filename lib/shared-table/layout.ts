// The shared memory of a table: what every reader and the one writer agree on.
//
// Control block (words of 32 bits):
//   | magic | version | epoch | bucket count | seed | reader count | … up to word 16 |
//   | reader 0: epoch, then 15 words of padding | reader 1 | …
//
// Table segments: one word a bucket, bucket b in segment b / BUCKETS_PER_SEGMENT.
//   A word is 0 (empty) or the offset of a bucket block.
//
// Arena segments hold blocks of two kinds, each 8-byte aligned, at offsets counted in 8 bytes through all segments:
//   bucket block: | count | unused | hash, entry | hash, entry | …      count and hashes never change; an entry word may
//   entry:        | size in units << 8, key length | key, padded to 4 bytes with zeros | payload |
//
// Offset 0 is never given out, so that 0 can mean "none".

export const TABLE_MAGIC = 0x43444e53
export const TABLE_VERSION = 1

export const CONTROL_MAGIC = 0
export const CONTROL_VERSION = 1
/** The current epoch; grows by one, wraps, and is never IDLE. */
export const CONTROL_EPOCH = 2
/** Linear hashing needs no more than this: level and split position are its highest bit and the rest. */
export const CONTROL_BUCKET_COUNT = 3
export const CONTROL_SEED = 4
export const CONTROL_READER_COUNT = 5
export const CONTROL_READERS = 16
/** A reader's word has a cache line of its own: readers write it twice a batch. */
export const READER_STRIDE = 16

/** In a reader's word: it holds nothing of the table. */
export const IDLE = 0

/** Small enough that a test's server stays small, large enough that a million names are a hundred messages. */
export const SEGMENT_BYTES = 1 << 20
export const UNIT_BYTES = 8
export const UNIT_WORDS = UNIT_BYTES / 4
/** log2 of the units in a segment. */
export const SEGMENT_UNIT_BITS = 17
export const SEGMENT_UNITS = 1 << SEGMENT_UNIT_BITS
export const SEGMENT_UNIT_MASK = SEGMENT_UNITS - 1
/** Offsets are 32 bits: 32 GiB. */
export const MAX_ARENA_SEGMENTS = 2 ** 32 / SEGMENT_UNITS

/** log2 of the buckets in a table segment. */
export const SEGMENT_BUCKET_BITS = 18
export const BUCKETS_PER_SEGMENT = 1 << SEGMENT_BUCKET_BITS
export const SEGMENT_BUCKET_MASK = BUCKETS_PER_SEGMENT - 1
export const INITIAL_BUCKETS = 1024
/** Keys in a bucket, on average, before the next bucket is split. Blocks of four pairs cost eleven bytes a key. */
export const MAX_LOAD = 4

export const BLOCK_COUNT = 0
export const BLOCK_PAIRS = 2
export const PAIR_WORDS = 2

export const ENTRY_KEY_LENGTH_MASK = 0xff
export const ENTRY_SIZE_SHIFT = 8
export const ENTRY_HEADER_WORDS = 1
export const ENTRY_HEADER_BYTES = 4 * ENTRY_HEADER_WORDS
export const MAX_KEY_LENGTH = 255

/** The bucket of a hash, by linear hashing: buckets below the split position have been split already. */
export function bucketOf(hash: number, bucketCount: number): number {
  const topBit = 31 - Math.clz32(bucketCount)
  const bucket = hash & ((2 << topBit) - 1)
  return bucket < bucketCount ? bucket : hash & ((1 << topBit) - 1)
}

/** Words that a key takes in an entry. */
export function keyWords(keyLength: number): number {
  return (keyLength + 3) >>> 2
}
