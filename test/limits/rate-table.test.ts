import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { FastRandom } from '../../lib/fast-random.js'
import { Rate } from '../../lib/limits/rate.js'
import { createRateTable, RateTable, WINDOW_MS } from '../../lib/limits/rate-table.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import type { ChargingData } from './charging.worker.js'

const ENTRIES = 16384 * 15
const rateOf = (table: RateTable, perSecond: number) => new Rate(table, perSecond, new FastRandom(3))
/** Hashes as good as those of clients. */
const hashes = (seed: number) => {
  const random = new FastRandom(seed)
  return () => random.below(2 ** 32) | 0
}

describe('a rate', () => {
  it.each([1, 3, 20, 333, 700, 1000, 1500, 10_000, 123_456])(
    'lets %i a second through, within a twentieth, and as many at once',
    (perSecond) => {
      const rate = rateOf(new RateTable(createRateTable(ENTRIES)), perSecond)
      const perMs = Math.max(1, Math.ceil((3 * perSecond) / 1000))
      let burst = 0
      for (let i = 0; i < 2 * perSecond; i++) if (rate.admits(77, 5_000_000)) burst++
      expect(Math.abs(burst - perSecond)).toBeLessThanOrEqual(0.05 * perSecond)
      let admitted = 0
      const seconds = 20
      for (let ms = 1; ms <= 1000 * seconds; ms++) {
        for (let i = 0; i < perMs; i++) if (rate.admits(77, 5_000_000 + ms)) admitted++
      }
      expect(Math.abs(admitted / (seconds * perSecond) - 1)).toBeLessThanOrEqual(0.05)
    },
  )

  it('never turns away who stays below it', () => {
    const rate = rateOf(new RateTable(createRateTable(ENTRIES)), 50)
    for (let ms = 0; ms < 600_000; ms += 25) expect(rate.admits(1, ms)).toBe(true)
  })

  it('remembers nothing of a source that was away, for however long', () => {
    for (const away of [
      1000,
      8192,
      16_384,
      32_768,
      64_536,
      65_000,
      65_535,
      65_536,
      66_000,
      3_600_000,
      2 ** 31,
      2 ** 32 - 20_000,
    ]) {
      const rate = rateOf(new RateTable(createRateTable(960)), 10)
      for (let i = 0; i < 100; i++) rate.admits(1, 4_000_000)
      let admitted = 0
      for (let i = 0; i < 100; i++) if (rate.admits(1, 4_000_000 + away)) admitted++
      expect(admitted, `after ${away} ms`).toBe(10)
    }
  })

  it('remembers nothing of a source that was away while others of its set were busy', () => {
    const table = new RateTable(createRateTable(15))
    const rate = rateOf(table, 10)
    for (let start = 0; start < 200_000; start += 65_000) {
      let admitted = 0
      for (let i = 0; i < 100; i++) if (rate.admits(0x10000, start)) admitted++
      expect(admitted, `at ${start} ms`).toBe(10)
      for (let ms = 0; ms < 65_000; ms += 100) rate.admits(0x20000, start + ms)
    }
  })

  it('goes on when the clock steps back or wraps', () => {
    for (const [before, after] of [
      [10_000_000, 9_000_000],
      [2 ** 31 - 5, 2 ** 31 + 5],
      [2 ** 32 - 5, 2 ** 32 + 5],
    ]) {
      const rate = rateOf(new RateTable(createRateTable(960)), 100)
      for (let i = 0; i < 10; i++) rate.admits(1, before!)
      let admitted = 0
      for (let ms = 0; ms < 10_000; ms++) if (rate.admits(1, after! + ms)) admitted++
      expect(Math.abs(admitted / 1000 - 1)).toBeLessThan(0.12)
    }
  })
})

describe('the table of rates', () => {
  it('takes the memory that it was given and no more', () => {
    expect(createRateTable(ENTRIES).byteLength).toBe(1 << 20)
    expect(createRateTable(1).byteLength).toBe(64)
    expect(createRateTable(Number.MAX_SAFE_INTEGER).byteLength).toBe(4 << 20)
  })

  it('keeps 100 000 sources apart, so that none that stays below its rate is turned away', () => {
    const rate = rateOf(new RateTable(createRateTable(ENTRIES)), 10)
    const next = hashes(11)
    const sources = Int32Array.from({ length: 100_000 }, next)
    let turnedAway = 0
    // Five a second each, for six seconds.
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < sources.length; i++) {
        if (!rate.admits(sources[i]!, 1_000_000 + 200 * round + ((i / 500) | 0))) turnedAway++
      }
    }
    expect(turnedAway / (30 * sources.length)).toBeLessThan(0.001)
  })

  it('lets a well-behaved source through, and holds a bad one, while 100 000 others ask far too much', () => {
    const rate = rateOf(new RateTable(createRateTable(ENTRIES)), 10)
    const random = new FastRandom(5)
    const next = hashes(12)
    const others = Int32Array.from({ length: 100_000 }, next)
    const [good, bad] = [next(), next()]
    let goodAdmitted = 0
    let badAdmitted = 0
    for (let ms = 0; ms < 10_000; ms++) {
      for (let i = 0; i < 300; i++) rate.admits(others[random.below(others.length)]!, ms)
      if (rate.admits(bad, ms)) badAdmitted++
      if (ms % 200 === 0 && rate.admits(good, ms)) goodAdmitted++
    }
    expect(goodAdmitted).toBe(50)
    // Ten seconds, and what it may have at once.
    expect(badAdmitted).toBeLessThanOrEqual(110 * 1.05)
  })

  it('holds a bad source while others are made up without end, more than there is room for', () => {
    const rate = rateOf(new RateTable(createRateTable(960)), 10)
    const next = hashes(13)
    const bad = next()
    let admitted = 0
    let made = 0
    let madeAdmitted = 0
    for (let ms = 0; ms < 10_000; ms++) {
      for (let i = 0; i < 50; i++, made++) if (rate.admits(next(), ms)) madeAdmitted++
      if (rate.admits(bad, ms)) admitted++
    }
    expect(admitted).toBeLessThanOrEqual(110 * 1.05)
    expect(admitted).toBeGreaterThanOrEqual(95)
    // A newcomer shares a bucket with another one at times.
    expect(madeAdmitted / made).toBeGreaterThan(0.99)
  })
})

describe('several threads on one bucket', () => {
  it('together are let through as often as one alone, to the last token', async () => {
    const rounds = 1000
    // As many tokens as there can be, so that the threads take them at the very same time, and updates get lost unless all is well.
    const cost = 1
    const asks = 3 * WINDOW_MS
    const control = new SharedArrayBuffer(4 * (1 + rounds))
    const memory = createRateTable(960)
    const workerData: ChargingData = { memory, control, threads: 2, rounds, asks, cost, roundMs: 2 * WINDOW_MS }
    const workers = Array.from(
      { length: workerData.threads },
      () => new Worker(new URL('charging.worker.js', TEST_WORKERS), { workerData }),
    )
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    const admitted = [...new Int32Array(control, 4)]
    expect(admitted.filter((each) => each !== WINDOW_MS)).toEqual([])
  })
})
