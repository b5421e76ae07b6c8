// SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits out. JavaScript has no 64-bit integers that cost nothing, so each of the four
// words of its state is two halves.

/** Words of a key: k0 low, k0 high, k1 low, k1 high. */
export const SIPHASH_KEY_WORDS = 4

const COMPRESSION_ROUNDS = 2
const FINAL_ROUNDS = 4

/** Writes the eight octets of the hash at `at` in `target`. `key` holds the words of the key from `keyAt` on. */
export function sipHash24(
  key: Int32Array,
  keyAt: number,
  message: Uint8Array,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  const key0 = key[keyAt]!
  const key1 = key[keyAt + 1]!
  const key2 = key[keyAt + 2]!
  const key3 = key[keyAt + 3]!
  let v0 = key0 ^ 0x70736575
  let v0High = key1 ^ 0x736f6d65
  let v1 = key2 ^ 0x6e646f6d
  let v1High = key3 ^ 0x646f7261
  let v2 = key0 ^ 0x6e657261
  let v2High = key1 ^ 0x6c796765
  let v3 = key2 ^ 0x79746573
  let v3High = key3 ^ 0x74656462
  // The last word holds what is left of the message, and its length in the highest octet.
  const lastWord = length & ~7
  const compressionRounds = COMPRESSION_ROUNDS * ((lastWord >>> 3) + 1)
  let word = 0
  let wordHigh = 0
  for (let round = 0; round < compressionRounds + FINAL_ROUNDS; round++) {
    const isCompressing = round < compressionRounds
    if (isCompressing && (round & 1) === 0) {
      const from = (round >>> 1) << 3
      word = halfWord(message, from, length)
      wordHigh = halfWord(message, from + 4, length)
      if (from === lastWord) wordHigh |= length << 24
      v3 ^= word
      v3High ^= wordHigh
    } else if (round === compressionRounds) v2 ^= 0xff

    // v0 += v1
    let low = (v0 + v1) | 0
    v0High = (v0High + v1High + (low >>> 0 < v0 >>> 0 ? 1 : 0)) | 0
    v0 = low
    // v1 = v1 <<< 13 ^ v0
    low = ((v1 << 13) | (v1High >>> 19)) ^ v0
    v1High = ((v1High << 13) | (v1 >>> 19)) ^ v0High
    v1 = low
    // v0 = v0 <<< 32
    low = v0High
    v0High = v0
    v0 = low
    // v2 += v3
    low = (v2 + v3) | 0
    v2High = (v2High + v3High + (low >>> 0 < v2 >>> 0 ? 1 : 0)) | 0
    v2 = low
    // v3 = v3 <<< 16 ^ v2
    low = ((v3 << 16) | (v3High >>> 16)) ^ v2
    v3High = ((v3High << 16) | (v3 >>> 16)) ^ v2High
    v3 = low
    // v0 += v3
    low = (v0 + v3) | 0
    v0High = (v0High + v3High + (low >>> 0 < v0 >>> 0 ? 1 : 0)) | 0
    v0 = low
    // v3 = v3 <<< 21 ^ v0
    low = ((v3 << 21) | (v3High >>> 11)) ^ v0
    v3High = ((v3High << 21) | (v3 >>> 11)) ^ v0High
    v3 = low
    // v2 += v1
    low = (v2 + v1) | 0
    v2High = (v2High + v1High + (low >>> 0 < v2 >>> 0 ? 1 : 0)) | 0
    v2 = low
    // v1 = v1 <<< 17 ^ v2
    low = ((v1 << 17) | (v1High >>> 15)) ^ v2
    v1High = ((v1High << 17) | (v1 >>> 15)) ^ v2High
    v1 = low
    // v2 = v2 <<< 32
    low = v2High
    v2High = v2
    v2 = low

    if (isCompressing && (round & 1) === 1) {
      v0 ^= word
      v0High ^= wordHigh
    }
  }
  writeHalf(target, at, v0 ^ v1 ^ v2 ^ v3)
  writeHalf(target, at + 4, v0High ^ v1High ^ v2High ^ v3High)
}

/** Four octets, the lowest first; those past the end of the message are 0. */
function halfWord(message: Uint8Array, from: number, length: number): number {
  if (from + 4 <= length) {
    return message[from]! | (message[from + 1]! << 8) | (message[from + 2]! << 16) | (message[from + 3]! << 24)
  }
  let word = 0
  for (let i = 0; from + i < length; i++) word |= message[from + i]! << (8 * i)
  return word
}

function writeHalf(target: Uint8Array, at: number, value: number): void {
  target[at] = value
  target[at + 1] = value >>> 8
  target[at + 2] = value >>> 16
  target[at + 3] = value >>> 24
}
