import { mixWord } from '../clients/client-address.js'
import {
  CONTROL_BUCKET_COUNT,
  CONTROL_EPOCH,
  CONTROL_MAGIC,
  CONTROL_READER_COUNT,
  CONTROL_READERS,
  CONTROL_SEED,
  CONTROL_VERSION,
  READER_STRIDE,
} from '../shared-table/layout.js'
import { hashEnd } from '../wire/name.js'

// The shared memory of the answer cache: what readers and the one writer agree on. One buffer, as large as it may ever be, and made by
// the main thread, so that it is there before the writer and after it. All places are words of 32 bits from its beginning.
//
//   | control | bucket 0 | bucket 1 | … | page 0 | page 1 | … |
//
// Control: as in shared-table/ up to the readers' words, with words of our own in between.
//
// Bucket (a cache line): | hash, entry | … seven times … | hits | claims |
//   entry: 0 = empty, else the word at which an entry begins
//   hits, claims: a bit for each of the seven; set by readers, cleared by the writer
//
// Page: blocks of one size each, and in a block an entry, whose bytes never change once it is in a bucket:
//   | slot | type, class | view, flags, name length | generation | stored at | expires at | stale until |
//   | RCODE, marks, Extended DNS Error | answer, authority count | additional count | answer end, authority end | body start, length |
//   | name, padded to words with zeros | TTL offsets, u16 each, padded | body |
// Counts, ends and TTL offsets are u16; ends and offsets are counted from where the body begins.

export const CACHE_MAGIC = 0x43444e43
export const CACHE_VERSION = 1

export { CONTROL_BUCKET_COUNT, CONTROL_EPOCH, CONTROL_MAGIC, CONTROL_READER_COUNT, CONTROL_SEED, CONTROL_VERSION }

/** Entries of another generation are not there. */
export const CONTROL_GENERATION = CONTROL_READER_COUNT + 1
/** Which writer it is that may write: they are counted. */
export const CONTROL_WRITER = CONTROL_GENERATION + 1
/** How large the pages are; there are as many as fit behind the buckets. */
export const CONTROL_PAGE_BYTES = CONTROL_WRITER + 1
/** What the writer says of its work. */
export const CONTROL_ENTRIES = CONTROL_PAGE_BYTES + 1
export const CONTROL_BYTES = CONTROL_ENTRIES + 1
export const CONTROL_STORED = CONTROL_BYTES + 1
export const CONTROL_EVICTED = CONTROL_STORED + 1
export const CONTROL_EXPIRED = CONTROL_EVICTED + 1
export const CONTROL_REFUSED = CONTROL_EXPIRED + 1
export const CONTROL_MAX_ENTRIES = CONTROL_REFUSED + 1

/** Answers that a bucket can have: what a cache line holds beside the two words of marks. */
export const WAYS = 7
const PAIR_WORDS = 2
export const BUCKET_WORDS = 16
export const BUCKET_BYTES = 4 * BUCKET_WORDS
export const BUCKET_HITS = WAYS * PAIR_WORDS
export const BUCKET_CLAIMS = BUCKET_HITS + 1
export const PAIR_ENTRY = 1

/** What a page has at most and at least; a power of two. No entry is larger than a page. */
export const LARGEST_PAGE_BYTES = 1 << 16
export const SMALLEST_PAGE_BYTES = 1 << 13

/** Bucket times seven, and way: where an entry is linked. The writer knows an entry by it. */
export const ENTRY_SLOT = 0
export const ENTRY_TYPE_AND_CLASS = ENTRY_SLOT + 1
export const ENTRY_VIEW_FLAGS_LENGTH = ENTRY_TYPE_AND_CLASS + 1
export const ENTRY_GENERATION = ENTRY_VIEW_FLAGS_LENGTH + 1
export const ENTRY_STORED_AT = ENTRY_GENERATION + 1
export const ENTRY_EXPIRES_AT = ENTRY_STORED_AT + 1
export const ENTRY_STALE_UNTIL = ENTRY_EXPIRES_AT + 1
export const ENTRY_RCODE = ENTRY_STALE_UNTIL + 1
export const ENTRY_ANSWER_AUTHORITY = ENTRY_RCODE + 1
export const ENTRY_ADDITIONAL = ENTRY_ANSWER_AUTHORITY + 1
export const ENTRY_ENDS = ENTRY_ADDITIONAL + 1
export const ENTRY_BODY = ENTRY_ENDS + 1
export const ENTRY_NAME = ENTRY_BODY + 1

/** In ENTRY_RCODE: 12 bits of RCODE, two marks, and from bit 16 on one more than the Extended DNS Error, 0 for none. */
export const RCODE_MASK = 0xfff
export const IS_AUTHENTICATED = 1 << 12
export const IS_NODATA = 1 << 13
export const EXTENDED_ERROR_SHIFT = 16

export const LOW_HALF = 0xffff
export const HALF_SHIFT = 16
export const NAME_LENGTH_MASK = 0xff
const FLAGS_SHIFT = 8
const VIEW_SHIFT = 16

/** The bits of `flags`: what else of a query than its question its answer depends on. */
export const FLAG_DO = 1
export const FLAG_CD = 2

/** Where the buckets begin: behind the readers' words, at a cache line. */
export function bucketsStart(readers: number): number {
  return CONTROL_READERS + readers * READER_STRIDE
}

export function typeAndClass(type: number, klass: number): number {
  return (type << HALF_SHIFT) | klass
}

export function viewFlagsLength(view: number, flags: number, nameLength: number): number {
  return (view << VIEW_SHIFT) | (flags << FLAGS_SHIFT) | nameLength
}

/** From the hash of the name, made with the seed, and the two words that the rest of the key is in. */
export function hashKey(nameHash: number, typeClass: number, viewFlags: number): number {
  return hashEnd(mixWord(mixWord(nameHash, typeClass), viewFlags))
}
