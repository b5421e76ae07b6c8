import type { Libc } from './libc.js'

/** A row of equal slots at addresses that the kernel can be told: the bytes of an ArrayBuffer never move. */
export class SlotMemory {
  readonly bytes: Uint8Array
  /** The same memory; every slot starts on a word of 4 bytes. */
  readonly words: Uint32Array
  readonly address: number
  readonly stride: number

  constructor(libc: Pick<Libc, 'addressOf'>, slots: number, stride: number) {
    // A typed array made without a buffer of its own may live in V8's heap, and be moved.
    const memory = new ArrayBuffer(slots * stride)
    this.bytes = new Uint8Array(memory)
    this.words = new Uint32Array(memory)
    this.address = libc.addressOf(memory)
    this.stride = stride
  }

  addressOf(slot: number): number {
    return this.address + slot * this.stride
  }

  /** Copies the first `words` words of a slot into another one. */
  copyWords(to: number, from: number, words: number): void {
    const target = (to * this.stride) >>> 2
    const source = (from * this.stride) >>> 2
    for (let i = 0; i < words; i++) this.words[target + i] = this.words[source + i]!
  }
}

/** Writes a 64-bit little-endian address as two words. */
export function writeAddress(words: Uint32Array, at: number, address: number): void {
  words[at] = address % 2 ** 32
  words[at + 1] = Math.floor(address / 2 ** 32)
}
