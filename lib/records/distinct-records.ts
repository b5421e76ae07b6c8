import { RDLENGTH_SIZE } from '../wire/constants.js'
import { foldByte, hashEnd, hashStep } from '../wire/name.js'
import { NO_NAME, nameStart, namesEnd } from '../wire/rdata/rdata-layout.js'

/**
 * Which records an RRset has already: RFC 2181 §5 allows no two alike. A hash table of places, so that thousands take milliseconds.
 *
 * A record is two octets of length and the rdata. Names in rdata are alike whatever their case (RFC 4343 §3), all else is octets.
 */
export class DistinctRecords {
  #places = new Int32Array(16)
  #mask = 15

  /** Forgets everything, and makes room for `count` records. */
  reset(count: number): void {
    const size = 2 ** Math.ceil(Math.log2(2 * count))
    if (size > this.#places.length) this.#places = new Int32Array(size)
    this.#places.fill(EMPTY, 0, size)
    this.#mask = size - 1
  }

  /** Takes in the record at `at`; false when one like it is there. The bytes may move to another array, the places stay. */
  add(bytes: Uint8Array, at: number, type: number): boolean {
    const end = endOf(bytes, at)
    const nameAt = nameStart(type, bytes, at + RDLENGTH_SIZE, end)
    const foldFrom = nameAt === NO_NAME ? end : nameAt
    const foldTo = nameAt === NO_NAME ? end : namesEnd(type, bytes, nameAt, end)
    let slot = hash(bytes, at, end, foldFrom, foldTo) & this.#mask
    for (let place = this.#places[slot]!; place !== EMPTY; place = this.#places[slot]!) {
      if (alike(bytes, place, at, end, foldFrom, foldTo)) return false
      slot = (slot + 1) & this.#mask
    }
    this.#places[slot] = at
    return true
  }
}

const EMPTY = -1

function endOf(bytes: Uint8Array, at: number): number {
  return at + RDLENGTH_SIZE + ((bytes[at]! << 8) | bytes[at + 1]!)
}

function hash(bytes: Uint8Array, start: number, end: number, foldFrom: number, foldTo: number): number {
  let state = 0
  for (let i = start; i < end; i++) {
    state = hashStep(state, i >= foldFrom && i < foldTo ? foldByte(bytes[i]!) : bytes[i]!)
  }
  return hashEnd(state)
}

/** Compares the record from `at` to `end` with the one at `place`, the lengths before them included. */
function alike(bytes: Uint8Array, place: number, at: number, end: number, foldFrom: number, foldTo: number): boolean {
  const distance = at - place
  for (let i = at; i < end; i++) {
    const left = bytes[i]!
    const right = bytes[i - distance]!
    if (left === right) continue
    if (i < foldFrom || i >= foldTo || foldByte(left) !== foldByte(right)) return false
  }
  return true
}
