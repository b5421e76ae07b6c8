import { type ContainerDns, createContainerDns } from 'containerdns'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PageStats } from '../../lib/ui/api-data.js'
import { LiveFigures } from '../../lib/ui/live-figures.js'
import { quantile, ratesBetween } from '../../lib/ui/rates.js'
import { eventually } from '../support/eventually.js'
import { UdpClient } from '../support/udp-client.js'

let server: ContainerDns
beforeAll(async () => {
  server = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 2 })
})
afterAll(() => server.close())

/** As they come out of JSON. */
function look(): PageStats {
  return JSON.parse(JSON.stringify(server.stats())) as PageStats
}

describe('rates', () => {
  it('are what a real server did between two looks, for each thread and all together', async () => {
    await using client = await UdpClient.open(server.addresses[0]!)
    const before = look()
    for (let i = 0; i < 10; i++) await client.ask('none.example')
    const after = await eventually(() => {
      const now = look()
      expect(now.counters!.responses - before.counters!.responses).toBe(10)
      expect(now.durations!.udp!.count - (before.durations!.udp?.count ?? 0)).toBe(10)
      return now
    })
    const rates = ratesBetween(before, after, 2)!
    expect(rates).toMatchObject({ queries: 5, dropped: 0, rcodes: { NXDOMAIN: 5, NOERROR: 0 } })
    expect(rates.p99).toBeGreaterThanOrEqual(rates.median!)
    expect(rates.threads.map(({ queries }) => queries).sort()).toEqual([0, 0, 5])
    const busy = rates.threads.find(({ queries }) => queries === 5)!
    expect([busy.median, busy.p99]).toEqual([rates.median, rates.p99])
    const idle = rates.threads.filter(({ queries }) => queries === 0)
    expect(idle.every(({ median, p99 }) => median === null && p99 === null)).toBe(true)
  })

  it('are nobody’s guess after a restart, without time between, or without a server', () => {
    const now = look()
    const earlier = { ...now, counters: { ...now.counters!, queries: now.counters!.queries + 1 } }
    expect(ratesBetween(earlier, now, 1)).toBeUndefined()
    expect(ratesBetween(now, now, 0)).toBeUndefined()
    expect(ratesBetween({ ready: true, store: now.store }, now, 1)).toBeUndefined()
    expect(ratesBetween(now, { ...now, threads: now.threads!.slice(1) }, 1)).toBeUndefined()
  })
})

describe('a quantile', () => {
  it('lies between the bounds of the bucket that holds it, and grows with its part', () => {
    const bounds = [1, 2, 4, 8]
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 5, maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (counts, a, b) => {
          let count = 0
          const buckets = bounds.map((upTo, i) => {
            count += counts[i]!
            return { upTo, count }
          })
          const distribution = { buckets, count: count + counts[4]! }
          fc.pre(distribution.count > 0)
          const [low, high] = [quantile(distribution, Math.min(a, b))!, quantile(distribution, Math.max(a, b))!]
          expect(low).toBeGreaterThanOrEqual(0)
          expect(low).toBeLessThanOrEqual(high)
          expect(high).toBeLessThanOrEqual(8)
        },
      ),
    )
    expect(quantile({ buckets: [{ upTo: 1, count: 0 }], count: 0 }, 0.5)).toBeNull()
    const even = { buckets: bounds.map((upTo) => ({ upTo, count: upTo === 1 ? 0 : 100 })), count: 100 }
    expect(quantile(even, 0.5)).toBe(1.5)
    expect(quantile(even, 0)).toBe(1)
  })
})

describe('LiveFigures', () => {
  it('keep a line for each thread, five minutes long, and interrupt it where nobody looked', () => {
    const stats = look()
    let figures = LiveFigures.first(stats, 0)
    for (let second = 1; second <= 400; second++) figures = figures.next(stats, 1000 * second)
    const [times, first] = figures.lines([0], ({ queries }) => queries)
    expect([times!.length, times!.at(-1), first!.every((each) => each === 0)]).toEqual([300, 400, true])
    figures = figures.next(stats, 460_000)
    const [, after] = figures.lines([0], ({ queries }) => queries)
    expect(after!.slice(-3)).toEqual([0, null, 0])
  })
})
