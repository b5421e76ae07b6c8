import { describe, expect, it } from 'vitest'
import { sipHash24 } from '../../lib/limits/siphash.js'

/** The same with big integers, as the paper has it. */
function reference(key: Uint8Array, message: Uint8Array): bigint {
  const mask = 2n ** 64n - 1n
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & mask
  const keyView = new DataView(key.buffer)
  const [k0, k1] = [keyView.getBigUint64(0, true), keyView.getBigUint64(8, true)]
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ]
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & mask
      v1 = rotate(v1, 13n) ^ v0
      v0 = rotate(v0, 32n)
      v2 = (v2 + v3) & mask
      v3 = rotate(v3, 16n) ^ v2
      v0 = (v0 + v3) & mask
      v3 = rotate(v3, 21n) ^ v0
      v2 = (v2 + v1) & mask
      v1 = rotate(v1, 17n) ^ v2
      v2 = rotate(v2, 32n)
    }
  }
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8)
  padded.set(message)
  padded[padded.length - 1] = message.length
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 8) {
    const word = view.getBigUint64(at, true)
    v3 ^= word
    rounds(2)
    v0 ^= word
  }
  v2 ^= 0xffn
  rounds(4)
  return v0 ^ v1 ^ v2 ^ v3
}

describe('SipHash-2-4', () => {
  it('is that of the paper, whose key and message count up from 0', () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i)
    const hash = new Uint8Array(8)
    sipHash24(
      new Int32Array(key.buffer),
      0,
      Uint8Array.from({ length: 15 }, (_, i) => i),
      15,
      hash,
      0,
    )
    expect(Buffer.from(hash).toString('hex')).toBe('e545be4961ca29a1')
  })

  it.each([0, 1, 7, 8, 9, 15, 16, 20, 32, 63])('agrees with big integers for %i octets', (length) => {
    for (let round = 0; round < 20; round++) {
      const key = Uint8Array.from({ length: 16 }, (_, i) => (i * 37 + round * 101) & 255)
      const message = Uint8Array.from({ length }, (_, i) => (i * 91 + round * 53 + 200) & 255)
      const hash = new Uint8Array(12).fill(7)
      const words = new Int32Array(6)
      words.set(new Int32Array(key.buffer), 2)
      sipHash24(words, 2, message, length, hash, 2)
      expect(new DataView(hash.buffer).getBigUint64(2, true)).toBe(reference(key, message))
      expect([hash[1], hash[10]]).toEqual([7, 7])
    }
  })
})
