// What the writer and the readers of the fire test agree on: numbered keys, and for each a payload that can be checked by itself.

/** Words of the control block. */
export const FIRE = {
  /** 1 = readers end. */
  stop: 0,
  /** Keys below this have been put. */
  putBelow: 1,
  /** Keys below this that are removed once have been removed. */
  removedBelow: 2,
  /** 1 + the number of a reader that is to enter, keep what it found and look at it for ever; 0 = none. */
  hold: 3,
  readers: 16,
} as const

/** Words of each reader, behind `FIRE.readers`. */
export const READER = {
  lookups: 0,
  hits: 1,
  segments: 2,
  /** Times the entries of a reader that was told to hold have been looked at again. */
  held: 3,
  words: 16,
} as const

export interface FireData {
  readonly reader: number
  readonly control: SharedArrayBuffer
  /** For each key the generation that has certainly been published. */
  readonly generations: SharedArrayBuffer
  readonly table: SharedArrayBuffer
}

export type KeyKind = 'stays' | 'removed once' | 'comes and goes'

export function kindOf(key: number): KeyKind {
  const kind = key & 7
  return kind === 6 ? 'removed once' : kind === 7 ? 'comes and goes' : 'stays'
}

export function readerWord(reader: number, word: number): number {
  return FIRE.readers + reader * READER.words + word
}

const ODD = 0x9e3779b1
/** ODD times this is 1, in 32 bits. */
const INVERSE = inverseOf(ODD)

/** Two keys each share a hash. */
export function hashOf(key: number): number {
  return Math.imul(key >>> 1, ODD)
}

/** A key that the next split will move to a new bucket, if the table has as many; `nth` picks one of them. */
export function keyAboutToMove(bucketCount: number, nth: number): number {
  const topBit = 31 - Math.clz32(bucketCount)
  const period = 2 << topBit
  const pair = (Math.imul(bucketCount, INVERSE) & (period - 1)) + (nth >>> 1) * period
  return 2 * pair + (nth & 1)
}

/** Writes a key and returns its length: 4 to 43 bytes. */
export function writeKey(key: number, bytes: Uint8Array): number {
  const length = 4 + ((key * 7) % 40)
  for (let i = 0; i < length; i++) bytes[i] = i < 4 ? key >>> (8 * i) : key + i
  return length
}

/** Words in the payload of a key in a generation; one in 64 is large. */
export function payloadWords(key: number, generation: number): number {
  const mixed = mix(key ^ mix(generation))
  return 4 + (mixed & 15) + ((mixed & 0x3f00) === 0 ? 200 : 0)
}

/** Payload: generation, key, a filling, and a checksum over all that and the length. */
export function fillPayload(words: Int32Array, at: number, key: number, generation: number): void {
  const last = at + payloadWords(key, generation) - 1
  words[at] = generation
  words[at + 1] = key
  let sum = mix(generation) ^ mix(key ^ (last - at))
  for (let i = at + 2; i < last; i++) {
    words[i] = mix(sum + i - at)
    sum = mix(sum ^ words[i]!)
  }
  words[last] = sum
}

/** The generation of a payload; -1 when it is not one that was written for the key. */
export function checkPayload(words: Int32Array, at: number, key: number): number {
  const generation = words[at]!
  if (words[at + 1] !== key) return -1
  const last = at + payloadWords(key, generation) - 1
  let sum = mix(generation) ^ mix(key ^ (last - at))
  for (let i = at + 2; i < last; i++) sum = mix(sum ^ words[i]!)
  return words[last] === sum ? generation : -1
}

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 1
  }

  below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return Math.floor(((x >>> 0) / 2 ** 32) * limit)
  }
}

function mix(value: number): number {
  const h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return h ^ (h >>> 13)
}

function inverseOf(odd: number): number {
  let inverse = odd
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse))
  return inverse
}
