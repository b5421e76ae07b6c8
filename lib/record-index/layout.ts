// What stands in a table entry of the record index, in words of 32 bits, behind the key (the folded owner name in wire form):
//
//   | views bit, RRset count | children |  directory: | type << 16, two bits, record count | ttl | view << 24, wire bytes | side bytes | for each RRset
//   then the wire bytes of all RRsets, one after the other:  rdlength (16 bits, network order), rdata, for each record
//   then their side bytes in the same order: what is known of the records beside, which query threads mostly skip
//
// RRsets stand in the order of their views, those of the default view (0) first.
//
// An entry without RRsets is an empty non-terminal (RFC 9499): it stands there because a name below it exists.
// `children` counts the entries one label below; it belongs to the writer and is the one word that changes in place.

export const RRSET_COUNT = 0
/** Of that word: not all RRsets are of the default view. */
export const HAS_VIEWS = 0x80000000 | 0
export const RRSET_COUNT_MASK = 0x7fffffff
export const CHILDREN = 1
export const DIRECTORY = 2

export const DIRECTORY_TYPE_AND_COUNT = 0
/** Of that word: the RRset is not the store's. */
export const SYNTHESIZED = 0x8000
/** Of that word: the side data say how the RRset is answered. Query threads look at them then, and only then. */
export const SAYS_HOW_TO_ANSWER = 0x4000
/** Of that word: no more than 5041 records fit in a message. */
export const RECORD_COUNT_MASK = 0x1fff
export const DIRECTORY_TTL = 1
export const DIRECTORY_WIRE_BYTES = 2
/** Of that word: an RRset is smaller than a message. */
export const WIRE_BYTES_MASK = 0xffffff
export const VIEW_SHIFT = 24
export const DIRECTORY_SIDE_BYTES = 3
export const DIRECTORY_WORDS = 4

// The control words of the index, in a buffer of their own.
export const INDEX_MAGIC = 0x49445831
export const CONTROL_MAGIC = 0
/** 0 until the first load has been published. */
export const CONTROL_LOADED = 1
/** The serial of synthesized SOA records: grows with every change. */
export const CONTROL_SERIAL = 2
/** At how many labels there are names with an NS RRset, and wildcards: see `depthBit`. */
export const CONTROL_NS_DEPTHS = 3
export const CONTROL_WILDCARD_DEPTHS = 4
/** A bit for each of 2^17 parts of all hashes: 1 where a name with an NS RRset has such a hash. See `hashMark`. */
export const CONTROL_NS_MARKS = 16
/**
 * 16 KiB of marks: of the hundred ancestors that a name can have, ten are looked up in vain where there are ten thousand cuts, and none
 * where there are few.
 */
export const HASH_MARK_BITS = 17
export const HASH_MARKS = 1 << (HASH_MARK_BITS - 5)
/** The same for names right below which there is a wildcard. */
export const CONTROL_WILDCARD_MARKS = CONTROL_NS_MARKS + HASH_MARKS
export const CONTROL_WORDS = CONTROL_WILDCARD_MARKS + HASH_MARKS

/** Label counts from here on share a bit. */
const DEEPEST_BIT = 31

/** The number of the mark that names of this hash have if they have any. */
export function hashMark(hash: number): number {
  return hash >>> (32 - HASH_MARK_BITS)
}

/** The bit that stands for names of so many labels, by its number. Nearly all queries see by it that no cut or wildcard can concern them. */
export function depthBit(labelCount: number): number {
  return Math.min(labelCount, DEEPEST_BIT)
}
