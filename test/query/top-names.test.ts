import { describe, expect, it } from 'vitest'
import { FastRandom } from '../../lib/fast-random.js'
import { Measurements, type TopName } from '../../lib/metrics/measurements.js'
import { Answering } from '../support/answering.js'
import { buildQuery } from '../support/build-query.js'
import { Zipf } from '../support/zipf.js'

const NAMES = 4_000_000
const BATCH = 64
/** What a thread answers in ten seconds at 100 000 queries a second: for so long a table that is crowded stays with its thread. */
const QUERIES = 1_000_000
const MILLION = 1_000_000
const TOP = 100

/** The names that `QUERIES` queries by Zipf ask for, through the answering code, in batches; nothing but its own clock moves time. */
function load() {
  const clock = { nowMs: 10_001, monotonicMs: () => clock.nowMs, wallMs: () => 0 }
  const measurements = new Measurements(1, [{ name: 'example' }], { topNames: true, topClients: false }, clock)
  const server = new Answering({ measure: measurements.handle(0), batchSize: BATCH })
  const { index, meter, pipeline } = server
  const zipf = new Zipf(NAMES, 1, new FastRandom(11))
  const asked = new Uint32Array(NAMES)
  const request = buildQuery('n0000000.example', 'A')
  const requests = Array.from({ length: BATCH }, () => request.slice())
  const response = new Uint8Array(1232)
  let distinct = 0
  for (let queries = 0; queries < 3 * QUERIES || distinct < MILLION; queries += BATCH) {
    index.reader.enter()
    meter!.begin()
    for (const [i, bytes] of requests.entries()) {
      const rank = zipf.next()
      if (asked[rank]!++ === 0) distinct++
      writeNumber(bytes, rank)
      pipeline.take(i, bytes, 0, bytes.length)
    }
    pipeline.prefetch(BATCH)
    for (let i = 0; i < BATCH; i++) pipeline.answerDatagram(i, response, 0, response.length)
    pipeline.measure()
    index.reader.leave()
    if (queries % QUERIES < BATCH) handOver()
  }
  // What the thread has, and what it has from then on.
  for (let i = 0; i < 3; i++) handOver()
  measurements.stop()
  return { asked, distinct, measurements }

  function handOver(): void {
    clock.nowMs += 10_001
    measurements.collect()
    meter!.tick()
  }
}

/** Behind header and the first octet of the name: `n` and seven digits. */
function writeNumber(request: Uint8Array, number: number): void {
  for (let at = 20, rest = number; at > 13; at--, rest = Math.floor(rest / 10)) request[at] = 48 + (rest % 10)
}

describe('the names that come most', () => {
  it('are exact to 1 % when queries for more than a million names have been answered', { timeout: 300_000 }, () => {
    const { asked, distinct, measurements } = load()
    expect(distinct).toBeGreaterThanOrEqual(MILLION)
    const expected = Array.from({ length: 4 * TOP }, (_, rank) => rank)
      .sort((a, b) => asked[b]! - asked[a]!)
      .slice(0, TOP)
    const counted = new Map(measurements.topNames(2 * TOP).map(({ name, queries }: TopName) => [name, queries]))
    const errors = expected.map((rank) => {
      const name = `n${String(rank).padStart(7, '0')}.example`
      return 1 - (counted.get(name) ?? 0) / asked[rank]!
    })
    expect(Math.min(...errors)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...errors)).toBeLessThanOrEqual(0.01)
  })
})
