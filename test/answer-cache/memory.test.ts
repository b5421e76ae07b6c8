import { describe, expect, it } from 'vitest'
import { FastRandom } from '../../lib/fast-random.js'
import { a, CheckedCache, MIB, txt } from './checked-cache.js'

const FOR_EVER = 1_000_000
const LARGEST = 7000
const random = new FastRandom(20_261_123)

/** Small ones mostly, and some of any size. */
function anySize(): number {
  return random.below(20) === 0 ? random.below(LARGEST) : 4 + random.below(300)
}

describe('the memory of the answer cache', { timeout: 60_000 }, () => {
  it('is all there from the beginning, and no more than was said', () => {
    for (const maxBytes of [MIB, 3 * MIB + 12_345, 64 * MIB]) {
      for (const maxEntries of [16, 100_000, 1_000_000]) {
        const cache = new CheckedCache({ maxBytes, maxEntries })
        const { allocatedBytes } = cache.memory.size
        expect(allocatedBytes).toBeLessThanOrEqual(maxBytes)
        expect(allocatedBytes).toBeGreaterThan(0.9 * maxBytes)
        expect(cache.put({ name: 'a.example' }, { answer: [txt(60, LARGEST)] })).toBe(true)
        expect(cache.find({ name: 'a.example' }, 0)).toBe(true)
      }
    }
  })

  it('goes on being of use through a long churn of mixed sizes, while readers come and go', () => {
    const cache = new CheckedCache({ maxEntries: 100_000 })
    const heap: number[] = []
    for (const sizeOf of [anySize, () => random.below(LARGEST), () => 4 + random.below(30), () => LARGEST, anySize]) {
      let lost = 0
      for (let i = 0; i < 6000; i++) {
        // As after each batch of queries.
        cache.reader.leave()
        cache.reader.enter()
        cache.put({ name: `n${i}.example` }, { answer: [txt(FOR_EVER, sizeOf())], expiresAt: FOR_EVER })
        if (!cache.find({ name: `n${i}.example` }, 1)) lost++
      }
      expect(lost).toBeLessThan(10)
      const { usedBytes, allocatedBytes, refused } = cache.memory.size
      expect(refused).toBe(0)
      // Buckets are a quarter.
      expect(usedBytes).toBeGreaterThan(0.6 * allocatedBytes)
      heap.push(allocatedBytes)
    }
    expect(new Set(heap).size).toBe(1)
  })

  it('comes back whole when everything was removed, whatever it was cut into', () => {
    const cache = new CheckedCache({ maxEntries: 100_000 })
    for (let i = 0; i < 20_000; i++) {
      cache.put({ name: `n${i}.example` }, { answer: [txt(60, anySize())], storedAt: 1 })
    }
    expect(cache.memory.size.entries).toBeGreaterThan(100)
    for (let i = 0; i < 100; i++) cache.writer.sweep(61)
    expect(cache.memory.size).toMatchObject({ entries: 0, usedBytes: 0 })
    // Pages of 8 KiB in three quarters of a megabyte.
    for (let i = 0; i < 80; i++) cache.put({ name: `m${i}.example` }, { answer: [txt(60, LARGEST)], storedAt: 61 })
    expect(cache.memory.size.entries).toBe(80)
  })

  it('holds no more answers than was said', () => {
    const cache = new CheckedCache({ maxEntries: 50 })
    for (let i = 0; i < 5000; i++) {
      expect(cache.put({ name: `n${i}.example` }, { answer: [a(60)] })).toBe(true)
      expect(cache.memory.size.entries).toBeLessThanOrEqual(50)
    }
    expect(cache.memory.size.entries).toBeGreaterThan(40)
    expect(cache.memory.size).toMatchObject({ stored: 5000, refused: 0 })
  })

  it('is not used again while a reader that is stuck may see it: answers are refused then, and most of what is there stays', () => {
    const cache = new CheckedCache({ readers: 2, maxEntries: 100_000 })
    const put = (i: number) => cache.put({ name: `n${i}.example` }, { answer: [txt(60, 200, i & 255)] })
    let next = 0
    while (cache.memory.size.evicted === 0) put(next++)
    const [stuck] = cache.readers
    stuck!.enter()
    const held = next - 1
    expect(cache.find({ name: `n${held}.example` }, 1, stuck)).toBe(true)
    const before = cache.write(65_535, stuck)
    const { entries } = cache.memory.size
    for (let i = 0; i < 50_000; i++) put(next++)
    const { refused, entries: after } = cache.memory.size
    expect(refused).toBeGreaterThan(40_000)
    expect(after).toBeGreaterThan(0.8 * entries)
    expect(cache.write(65_535, stuck), 'what it has found is as it was').toEqual(before)

    // The supervisor says that it has died.
    cache.memory.release(0)
    for (let i = 0; i < 1000; i++) put(next++)
    expect(cache.memory.size.refused - refused).toBeLessThanOrEqual(1)
  })
})

describe('who leaves', { timeout: 60_000 }, () => {
  const HOT = 100
  const CAPACITY = 2000

  /** Asks in any reader but the writer's own. */
  function askHot(cache: CheckedCache): number {
    let found = 0
    for (let i = 0; i < HOT; i++) {
      const reader = cache.readers[i % cache.readers.length]!
      reader.enter()
      if (cache.find({ name: `hot${i}.example` }, 1, reader)) found++
      reader.leave()
    }
    return found
  }

  it.each(['with sweeps', 'without a sweep'])(
    'are names that nobody asks for: those that readers ask for outlast ten times the capacity of others, %s',
    (how) => {
      const cache = new CheckedCache({ readers: 3, maxEntries: CAPACITY, maxBytes: 4 * MIB })
      for (let i = 0; i < HOT; i++) cache.put({ name: `hot${i}.example` }, { answer: [a(600)], expiresAt: 600 })
      for (let i = 0; i < 10 * CAPACITY; i++) {
        if (i % (CAPACITY / 4) === 0) expect(askHot(cache)).toBe(HOT)
        if (how === 'with sweeps' && i % 100 === 0) cache.writer.sweep(1)
        cache.put({ name: `once${i}.example` }, { answer: [txt(600, 4 + (i % 200))], expiresAt: 600 })
      }
      expect(askHot(cache)).toBe(HOT)
      expect(cache.memory.size.evicted).toBeGreaterThan(8 * CAPACITY)
    },
  )

  it('are the others where memory is scarce, not the number of answers', () => {
    const cache = new CheckedCache({ readers: 3, maxEntries: 100_000 })
    for (let i = 0; i < HOT; i++) cache.put({ name: `hot${i}.example` }, { answer: [a(600)], expiresAt: 600 })
    for (let i = 0; i < 40_000; i++) {
      if (i % 500 === 0) expect(askHot(cache)).toBe(HOT)
      cache.put({ name: `once${i}.example` }, { answer: [txt(600, 4 + (i % 200))], expiresAt: 600 })
    }
    expect(askHot(cache)).toBe(HOT)
  })

  it('leave in the order in which they came, where nobody asks at all', () => {
    const cache = new CheckedCache({ maxEntries: CAPACITY, maxBytes: 4 * MIB })
    for (let i = 0; i < 2 * CAPACITY; i++) cache.put({ name: `n${i}.example` }, { answer: [a(60)] })
    const isThere = (i: number) => cache.find({ name: `n${i}.example` }, 1)
    const young = Array.from({ length: CAPACITY / 2 }, (_, i) => 2 * CAPACITY - 1 - i).filter(isThere).length
    const old = Array.from({ length: CAPACITY }, (_, i) => i).filter(isThere).length
    expect(young).toBeGreaterThan(0.95 * (CAPACITY / 2))
    expect(old).toBeLessThan(0.05 * CAPACITY)
  })
})
