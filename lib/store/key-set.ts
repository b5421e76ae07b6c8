import { randomInt } from 'node:crypto'
import { hashEnd, hashStep } from '../wire/name.js'

/** A set on its way to another thread; plain data. */
export interface KeySetImage {
  readonly slots: Uint32Array
  readonly size: number
  readonly seeds: readonly [low: number, high: number]
}

/**
 * Places in a store: pairs of an owner and something below it, or a key with nothing below. Says which of them were there, not what they were.
 *
 * 16 to 32 bytes a pair and nothing on the JavaScript heap, where a `Set` of a million strings takes 100 MB and, when
 * it grows, 100 ms in one go. It keeps 64 bits of a seeded hash: for one million pairs the odds that any two
 * are mixed up are one in 37 million, and what follows is a loss that is found one comparison later.
 */
export class KeySet {
  #slots: Uint32Array
  #mask: number
  #size = 0
  readonly #lowSeed: number
  readonly #highSeed: number
  /** The hash of the pair in hand. */
  #low = 0
  #high = 0

  /** Grows beyond what was expected, at the price of a pause. */
  constructor(expectedSize = 0, image?: KeySetImage) {
    this.#slots = image?.slots ?? new Uint32Array(2 * slotCountFor(expectedSize))
    this.#mask = this.#slots.length / 2 - 1
    this.#size = image?.size ?? 0
    this.#lowSeed = image?.seeds[0] ?? randomInt(2 ** 32)
    this.#highSeed = image?.seeds[1] ?? randomInt(2 ** 32)
  }

  /** The set as another thread made it. */
  static from(image: KeySetImage): KeySet {
    return new KeySet(0, image)
  }

  /** Shares memory with the set, unless it is posted. */
  image(): KeySetImage {
    return { slots: this.#slots, size: this.#size, seeds: [this.#lowSeed, this.#highSeed] }
  }

  get size(): number {
    return this.#size
  }

  /** Returns whether it is new. */
  add(owner: Uint8Array, below: string): boolean {
    if (2 * (this.#size + 1) > this.#mask + 1) this.#grow()
    this.#hash(owner, below)
    return this.#insert(this.#low, this.#high)
  }

  has(owner: Uint8Array, below: string): boolean {
    this.#hash(owner, below)
    const at = this.#find(this.#low, this.#high)
    return this.#slots[at + 1] !== 0
  }

  /** Returns whether it was there. */
  delete(owner: Uint8Array, below: string): boolean {
    if (this.#size === 0) return false
    this.#hash(owner, below)
    const at = this.#find(this.#low, this.#high)
    if (this.#slots[at + 1] === 0) return false
    this.#empty(at / 2)
    this.#size--
    return true
  }

  /** What stands behind a slot and would no longer be found moves up, so that there are no gaps in between. */
  #empty(slot: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = slot
    for (let next = (hole + 1) & mask; slots[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const isPastHole = ((next - slots[2 * next]!) & mask) >= ((next - hole) & mask)
      if (!isPastHole) continue
      slots[2 * hole] = slots[2 * next]!
      slots[2 * hole + 1] = slots[2 * next + 1]!
      hole = next
    }
    slots[2 * hole] = 0
    slots[2 * hole + 1] = 0
  }

  #hash(owner: Uint8Array, below: string): void {
    let low = this.#lowSeed
    let high = this.#highSeed
    for (let i = 0; i < owner.length; i++) {
      low = hashStep(low, owner[i]!)
      high = otherStep(high, owner[i]!)
    }
    for (let i = 0; i < below.length; i++) {
      low = hashStep(low, below.charCodeAt(i))
      high = otherStep(high, below.charCodeAt(i))
    }
    this.#low = hashEnd(low) >>> 0
    // Zero in the high word means an empty slot.
    this.#high = hashEnd(high) >>> 0 || 1
  }

  /** The slot that holds the pair, or the empty one where it would go. */
  #find(low: number, high: number): number {
    const slots = this.#slots
    let slot = low & this.#mask
    while (slots[2 * slot + 1] !== 0 && !(slots[2 * slot] === low && slots[2 * slot + 1] === high)) {
      slot = (slot + 1) & this.#mask
    }
    return 2 * slot
  }

  #insert(low: number, high: number): boolean {
    const at = this.#find(low, high)
    if (this.#slots[at + 1] !== 0) return false
    this.#slots[at] = low
    this.#slots[at + 1] = high
    this.#size++
    return true
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    this.#mask = this.#slots.length / 2 - 1
    this.#size = 0
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#insert(old[at]!, old[at + 1]!)
  }
}

const SMALLEST = 1024

/** A power of two that stays half empty. */
function slotCountFor(size: number): number {
  let slotCount = SMALLEST
  while (slotCount < 2 * (size + 1)) slotCount *= 2
  return slotCount
}

/** A second hash that shares nothing with FNV's step but its shape: rotate, mix, multiply (MurmurHash3's second constant). */
function otherStep(state: number, value: number): number {
  return Math.imul(((state << 13) | (state >>> 19)) ^ value, 0x1b873593)
}
