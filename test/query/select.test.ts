import { describe, expect, it } from 'vitest'
import { FastRandom, RecordOrder } from '../../lib/query/select.js'

/** Records of one octet of rdata each, as they stand in an entry. */
function records(count: number, start: number): Uint8Array {
  const bytes = new Uint8Array(start + 3 * count)
  for (let i = 0; i < count; i++) bytes.set([0, 1, i & 0xff], start + 3 * i)
  return bytes
}

describe('FastRandom', () => {
  it('draws each number below a bound equally often, within 2 %', () => {
    const random = new FastRandom(1234567)
    for (const bound of [2, 3, 7, 16]) {
      const seen = new Array<number>(bound).fill(0)
      const draws = 50_000 * bound
      for (let i = 0; i < draws; i++) seen[random.below(bound)]!++
      for (const count of seen) expect(Math.abs(count / 50_000 - 1)).toBeLessThan(0.02)
    }
  })

  it('makes use of any seed, 0 as well', () => {
    for (const seed of [0, 1, -1, 0x7fffffff, 2 ** 32]) {
      const random = new FastRandom(seed)
      const seen = new Set(Array.from({ length: 100 }, () => random.below(1000)))
      expect(seen.size).toBeGreaterThan(50)
    }
  })
})

describe('RecordOrder', () => {
  it('is a permutation of all records, for any count up to the most that a message can hold', () => {
    const order = new RecordOrder(new FastRandom(1))
    for (const count of [1, 2, 3, 100, 4368, 5041]) {
      order.shuffle(records(count, 5), 5, count)
      const positions = [...order.positions.subarray(0, count)].sort((a, b) => a - b)
      expect(positions).toEqual(Array.from({ length: count }, (_, i) => 5 + 3 * i))
    }
  })

  it('comes out as each permutation equally often, within 2 %', () => {
    const order = new RecordOrder(new FastRandom(42))
    const bytes = records(4, 0)
    const seen = new Map<string, number>()
    const rounds = 24 * 20_000
    for (let i = 0; i < rounds; i++) {
      order.shuffle(bytes, 0, 4)
      const key = order.positions.subarray(0, 4).join()
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    expect(seen.size).toBe(24)
    for (const count of seen.values()) expect(Math.abs(count / 20_000 - 1)).toBeLessThan(0.02)
  })

  it('leaves the records as they are', () => {
    const bytes = records(50, 0)
    new RecordOrder(new FastRandom(1)).shuffle(bytes, 0, 50)
    expect(bytes).toEqual(records(50, 0))
  })
})
