import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { PORTS_PER_UPSTREAM } from '../../../lib/forward/upstream/port-pool.js'
import { SecureRandom } from '../../../lib/forward/upstream/secure-random.js'
import { openUpstreams } from '../../support/ask-upstreams.js'

const QUERIES = 100_000

/** How far counts are from all being equal, in standard deviations of chi-square (Wilson and Hilferty's cube root). */
function deviation(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = counts.length - 1
  const spread = 2 / (9 * freedom)
  return ((chiSquare / freedom) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread)
}

/** Less than once in a hundred thousand runs is it as far by chance. */
const MOST_DEVIATION = 4.5

describe('what a forger has to guess', () => {
  it('is spread evenly over IDs and ports, 100 000 queries long (row 7)', async () => {
    const ids = new Array<number>(256).fill(0)
    const lowIds = new Array<number>(256).fill(0)
    const steps = new Set<number>()
    const portSequence: number[] = []
    let lastId = 0
    const server = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
    server.on('message', (query, { port }) => {
      const id = query.readUInt16BE(0)
      ids[id >> 8]!++
      lowIds[id & 255]!++
      steps.add((id - lastId) & 0xffff)
      lastId = id
      portSequence.push(port)
      query[2]! |= 0x80
      server.send(query, port, '127.0.0.1')
    })
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    await using forward = openUpstreams({
      upstreams: [`127.0.0.1:${server.address().port}`],
      timeoutMs: 30_000,
      tryTimeoutMs: 5_000,
    })

    let left = QUERIES
    const client = async () => {
      while (left-- > 0) await forward.ask('www.example')
    }
    await Promise.all(Array.from({ length: 32 }, client))
    server.close()

    expect(deviation(ids)).toBeLessThan(MOST_DEVIATION)
    expect(deviation(lowIds)).toBeLessThan(MOST_DEVIATION)
    // No step from one ID to the next is preferred: 100 000 of 65 536 hit 78 % of them.
    expect(steps.size).toBeGreaterThan(50_000)
    // At any time 256 ports, each as likely as the others: a window in which few have been renewed shows it.
    const window = portSequence.slice(0, 20_000)
    const byPort = new Map<number, number>()
    for (const port of window) byPort.set(port, (byPort.get(port) ?? 0) + 1)
    expect(byPort.size).toBeGreaterThanOrEqual(PORTS_PER_UPSTREAM)
    expect(deviation([...byPort.values()])).toBeLessThan(MOST_DEVIATION)
    // And none for long.
    const uses = new Map<number, number>()
    for (const port of portSequence) uses.set(port, (uses.get(port) ?? 0) + 1)
    expect(uses.size).toBeGreaterThan(300)
  }, 120_000)

  it('is drawn without a bias, also where a bound is no power of two', () => {
    const random = new SecureRandom()
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++
    expect(deviation(counts)).toBeLessThan(MOST_DEVIATION)
  })
})
