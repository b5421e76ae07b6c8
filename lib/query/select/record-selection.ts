import type { FastRandom } from '../../fast-random.js'
import { MAX_RECORDS, type SelectionPolicy } from '../../records/selection-options.js'
import { RDLENGTH_SIZE } from '../../wire/constants.js'
import { hashEnd, hashStep } from '../../wire/name.js'
import { Rotation } from './rotation.js'
import { bringSmallestToFront } from './smallest-keys.js'

// SRV rdata (RFC 2782): | priority u16 | weight u16 | port u16 | target |
const SRV_PRIORITY = RDLENGTH_SIZE
const SRV_WEIGHT = SRV_PRIORITY + 2
const SRV_PORT = SRV_WEIGHT + 2

/** More than these cost more to draw than a logarithm for each record does. */
const MOST_DRAWS = 8

/** Larger than any key that a policy gives a record, so that priorities come before it. */
const PRIORITY_SPAN = 2 ** 32
/** The exponential variates of weighted records are at most 32 * ln 2, and at most that for a weight of 1. */
const BEHIND_ALL_WEIGHTS = 32

/**
 * Which records of an RRset are answered, and in which order. Works on places, never on the records. Made once per thread.
 *
 * `collect` or `collectServices`, then, if some may be unusable, `usable` and `keepUsable`; then `select`. Allocates nothing.
 */
export class RecordSelection {
  /** Where the rdlength of each record stands; after `select`, the records to answer are the first. Good until the next `collect`. */
  readonly positions = new Uint32Array(MAX_RECORDS)
  /** To be set for `weighted`, unless `collectServices` has; 0: only when all others have been answered. */
  readonly weights = new Uint16Array(MAX_RECORDS)
  /** To be set for `keepUsable`: 0 for a record that must not be answered. */
  readonly usable = new Uint8Array(MAX_RECORDS)
  /** Records that have been collected, and are left. */
  count = 0

  readonly #random: FastRandom
  readonly #rotation: Rotation
  readonly #keys = new Float64Array(MAX_RECORDS)
  readonly #scratch = new Uint32Array(MAX_RECORDS)
  readonly #priorities = new Uint16Array(MAX_RECORDS)
  #hasPriorities = false
  /** From a record's position to the part of its rdata that says which backend it is. */
  #identity = RDLENGTH_SIZE

  constructor(random: FastRandom) {
    this.#random = random
    this.#rotation = new Rotation(random)
  }

  /** Takes the records that stand one after the other from `start` on, each with its rdlength before it. */
  collect(bytes: Uint8Array, start: number, count: number): void {
    let position = start
    for (let i = 0; i < count; i++) {
      this.positions[i] = position
      position += RDLENGTH_SIZE + readU16(bytes, position)
    }
    this.count = count
    this.#hasPriorities = false
    this.#identity = RDLENGTH_SIZE
  }

  /** Takes SRV records, with their priorities and weights. A client asks the lowest priority first, so no policy mixes them. */
  collectServices(bytes: Uint8Array, start: number, count: number): void {
    this.collect(bytes, start, count)
    this.#identity = SRV_PORT
    for (let i = 0; i < count; i++) {
      const position = this.positions[i]!
      this.#priorities[i] = readU16(bytes, position + SRV_PRIORITY)
      this.weights[i] = readU16(bytes, position + SRV_WEIGHT)
      if (this.#priorities[i] !== this.#priorities[0]) this.#hasPriorities = true
    }
  }

  /** Leaves out the records whose `usable` is 0; returns how many are left. */
  keepUsable(): number {
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (this.usable[i] === 0) continue
      this.positions[kept] = this.positions[i]!
      this.weights[kept] = this.weights[i]!
      this.#priorities[kept] = this.#priorities[i]!
      kept++
    }
    this.count = kept
    return kept
  }

  /**
   * Puts the records to answer first in `positions`, in order; returns how many they are, `maxAnswers` at most.
   *
   * `ownerHash` and `type` are what `rotate` takes turns by, `clientKey` is what `clientHash` knows the client by; `bytes` are the
   * records'.
   */
  select(
    policy: SelectionPolicy,
    maxAnswers: number,
    ownerHash: number,
    type: number,
    clientKey: number,
    bytes: Uint8Array,
  ): number {
    const wanted = Math.min(this.count, maxAnswers)
    if (wanted === 0) return 0
    switch (policy) {
      case 'shuffle':
        this.#shuffle(wanted)
        break
      case 'rotate':
        this.#rotate(wanted, this.#rotation.next(ownerHash, type))
        break
      case 'clientHash':
        this.#byClient(wanted, clientKey, bytes)
        break
      case 'weighted':
        this.#byWeight(wanted)
        break
      case 'ordered':
        if (this.#hasPriorities) this.#rotate(wanted, 0)
        break
      default:
        policy satisfies never
    }
    return wanted
  }

  /** Fisher and Yates, from the front, as far as records are wanted. */
  #shuffle(wanted: number): void {
    if (this.#hasPriorities) {
      for (let i = 0; i < this.count; i++) this.#setKey(i, this.#random.fraction())
      this.#orderByKeys(wanted)
      return
    }
    const { positions, count } = this
    for (let i = 0; i < wanted && i < count - 1; i++) {
      const j = i + this.#random.below(count - i)
      const other = positions[j]!
      positions[j] = positions[i]!
      positions[i] = other
    }
  }

  #rotate(wanted: number, turn: number): void {
    const { positions, count } = this
    const first = turn % count
    if (this.#hasPriorities) {
      for (let i = 0; i < count; i++) this.#setKey(i, (i + count - first) % count)
      this.#orderByKeys(wanted)
      return
    }
    if (first === 0) return
    const scratch = this.#scratch
    for (let i = 0; i < wanted; i++) scratch[i] = positions[first + i < count ? first + i : first + i - count]!
    for (let i = 0; i < wanted; i++) positions[i] = scratch[i]!
  }

  /** Rendezvous hashing: each client has an order of its own, in which a backend that comes or goes moves no other. */
  #byClient(wanted: number, clientKey: number, bytes: Uint8Array): void {
    for (let i = 0; i < this.count; i++) {
      const position = this.positions[i]!
      const end = position + RDLENGTH_SIZE + readU16(bytes, position)
      let hash = 0
      for (let at = position + this.#identity; at < end; at++) hash = hashStep(hash, bytes[at]!)
      this.#setKey(i, hashEnd(hashEnd(hash) ^ clientKey) >>> 0)
    }
    this.#orderByKeys(wanted)
  }

  /**
   * Sampling without replacement: a record comes first as often as its weight says, the next one among the rest likewise. A few are drawn one
   * after the other; of many, those with the smallest of exponential variates are the same (Efraimidis and Spirakis).
   */
  #byWeight(wanted: number): void {
    if (wanted <= MOST_DRAWS && !this.#hasPriorities) {
      this.#draw(wanted)
      return
    }
    for (let i = 0; i < this.count; i++) {
      const weight = this.weights[i]!
      const fraction = this.#random.fraction()
      this.#setKey(i, weight === 0 ? BEHIND_ALL_WEIGHTS + fraction : -Math.log(fraction) / weight)
    }
    this.#orderByKeys(wanted)
  }

  #draw(wanted: number): void {
    const { count, positions, weights } = this
    let total = 0
    for (let i = 0; i < count; i++) total += weights[i]!
    for (let drawn = 0; drawn < wanted; drawn++) {
      let i = drawn
      if (total === 0) i += this.#random.below(count - drawn)
      else for (let left = this.#random.below(total) - weights[i]!; left >= 0; left -= weights[i]!) i++
      const position = positions[i]!
      const weight = weights[i]!
      positions[i] = positions[drawn]!
      weights[i] = weights[drawn]!
      positions[drawn] = position
      weights[drawn] = weight
      total -= weight
    }
  }

  #setKey(i: number, key: number): void {
    this.#keys[i] = this.#hasPriorities ? this.#priorities[i]! * PRIORITY_SPAN + key : key
  }

  #orderByKeys(wanted: number): void {
    bringSmallestToFront(this.#keys, this.positions, this.count, wanted, this.#scratch)
  }
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
