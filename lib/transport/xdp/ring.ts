import { ADDRESS_SIZE, DESCRIPTOR_SIZE, type RingLayout } from './queue-memory.js'
import { XDP_RING_NEED_WAKEUP } from './xdp-constants.js'

/**
 * Our end of a ring. Its indices count on for ever, and wrap at 2^32; an entry stands at its index modulo the size, a power of 2.
 *
 * What stands in an entry is written before the index that gives it away, and read after the one that announces it: `Atomics` order both.
 */
class Ring {
  readonly entries: number
  protected readonly words: Int32Array
  protected readonly mask: number
  protected readonly descriptors: number
  protected readonly entryWords: number
  readonly #producer: number
  readonly #consumer: number
  readonly #flags: number

  constructor(memory: SharedArrayBuffer, layout: RingLayout, entrySize: number) {
    this.words = new Int32Array(memory)
    this.entries = layout.entries
    this.mask = layout.entries - 1
    this.descriptors = layout.descriptors >>> 2
    this.entryWords = entrySize >>> 2
    this.#producer = layout.producer >>> 2
    this.#consumer = layout.consumer >>> 2
    this.#flags = layout.flags >>> 2
  }

  get producer(): number {
    return Atomics.load(this.words, this.#producer)
  }

  set producer(index: number) {
    Atomics.store(this.words, this.#producer, index)
  }

  get consumer(): number {
    return Atomics.load(this.words, this.#consumer)
  }

  set consumer(index: number) {
    Atomics.store(this.words, this.#consumer, index)
  }

  /** Entries that have been produced and not consumed. */
  get level(): number {
    return (this.producer - this.consumer) >>> 0
  }

  /** Whether the kernel waits to be called before it goes on with this ring. */
  get needsWakeUp(): boolean {
    return (Atomics.load(this.words, this.#flags) & XDP_RING_NEED_WAKEUP) !== 0
  }

  /** The first word of an entry. */
  protected at(index: number): number {
    return this.descriptors + (index & this.mask) * this.entryWords
  }
}

/** The rx and tx rings, whose entries are pieces of frames. */
export class DescriptorRing extends Ring {
  constructor(memory: SharedArrayBuffer, layout: RingLayout) {
    super(memory, layout, DESCRIPTOR_SIZE)
  }

  /** From the start of the frames; below 0 for what is more than 31 bits, where none of our frames is. */
  address(index: number): number {
    const at = this.at(index)
    return this.words[at + 1] === 0 ? this.words[at]! : -1
  }

  length(index: number): number {
    return this.words[this.at(index) + 2]!
  }

  write(index: number, address: number, length: number): void {
    const at = this.at(index)
    this.words[at] = address
    this.words[at + 1] = 0
    this.words[at + 2] = length
    this.words[at + 3] = 0
  }
}

/** The fill and completion rings, whose entries are frames. */
export class AddressRing extends Ring {
  constructor(memory: SharedArrayBuffer, layout: RingLayout) {
    super(memory, layout, ADDRESS_SIZE)
  }

  /** As `DescriptorRing.address`. */
  address(index: number): number {
    const at = this.at(index)
    return this.words[at + 1] === 0 ? this.words[at]! : -1
  }

  write(index: number, address: number): void {
    const at = this.at(index)
    this.words[at] = address
    this.words[at + 1] = 0
  }
}
