/**
 * The checksum of IPv4 and UDP (RFC 1071). Its sums do not care for the order of bytes as long as all words have the same one:
 * words are read as a little-endian machine has them, and numbers are swapped before they are added.
 */

/** A number of 16 bits in the other order of bytes. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8)
}

/** The sum of the two 16-bit words in one of 32. */
export function sumWord(word: number): number {
  return (word & 0xffff) + (word >>> 16)
}

/** The sum of 16-bit words from `start` on, not folded; a last odd byte counts as a word with a 0. Up to 64 KiB add up to less than 2^31. */
export function sumWords(view: DataView, start: number, length: number): number {
  const end = start + length
  let at = start
  let sum = 0
  for (; at + 4 <= end; at += 4) {
    sum += sumWord(view.getInt32(at, true))
  }
  if (at + 2 <= end) {
    sum += view.getUint16(at, true)
    at += 2
  }
  return at < end ? sum + view.getUint8(at) : sum
}

/** The same of bytes that begin on a word, which are read faster: word `at` is the first. */
export function sumWholeWords(words: Int32Array, at: number, length: number): number {
  const end = at + (length >>> 2)
  let sum = 0
  for (let i = at; i < end; i++) sum = (sum + sumWord(words[i]!)) | 0
  const rest = length & 3
  return rest === 0 ? sum : sum + sumWord(words[end]! & ((1 << (8 * rest)) - 1))
}

/** Down to 16 bits: what is carried out at the top comes in at the bottom. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}
