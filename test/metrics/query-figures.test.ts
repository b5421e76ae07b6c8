import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createFigureRows,
  DURATION_BOUNDS,
  FIGURE_TYPES,
  QueryFigureReader,
  QueryFigures,
  SIZE_BOUNDS,
} from '../../lib/metrics/query-figures.js'
import { RECORD_TYPES } from '../../lib/wire/rdata/record-type.js'

const ZONES = ['example', 'example.org']

function figures(threads = 1) {
  const rows = createFigureRows(ZONES.length, threads)
  const writers = Array.from({ length: threads }, (_, thread) => new QueryFigures(rows, ZONES.length, thread))
  return { rows, writers, reader: new QueryFigureReader(rows, ZONES) }
}

describe('QueryFigures', () => {
  it('count queries by zone, protocol and type, and lump types together that nobody monitors', () => {
    const { writers, reader } = figures(2)
    writers[0]!.countQuery(1, 28)
    writers[1]!.countQuery(1, 28)
    writers[1]!.protocol = 'dot'
    writers[1]!.countQuery(-1, 1)
    for (const type of [0, 99, 257, 65535]) writers[1]!.countQuery(0, type)
    for (const writer of writers) writer.flush()
    expect(reader.read().queries).toEqual([
      { zone: 'example', protocol: 'dot', type: 'other', queries: 4 },
      { zone: 'example.org', protocol: 'udp', type: 'AAAA', queries: 2 },
      { zone: undefined, protocol: 'dot', type: 'A', queries: 1 },
    ])
  })

  it('know the numbers of the types that they name', () => {
    for (const [name, number] of Object.entries(RECORD_TYPES)) {
      const { writers, reader } = figures()
      writers[0]!.countQuery(0, number)
      writers[0]!.flush()
      expect(reader.read().queries[0]!.type).toBe(FIGURE_TYPES.includes(name) ? name : 'other')
    }
  })

  it('put each duration and size below the bound that it does not exceed', () => {
    const seconds = fc.double({ min: 0, max: 100, noNaN: true })
    const sizes = fc.integer({ min: 1, max: 65_535 })
    fc.assert(
      fc.property(seconds, sizes, fc.integer({ min: 1, max: 64 }), (duration, size, responses) => {
        const { writers, reader } = figures()
        writers[0]!.countDuration(1000 * duration, responses)
        writers[0]!.countResponse(size)
        writers[0]!.flush()
        const { durations, sizes } = reader.read()
        // A bound itself may fall to either side by a rounding of the last bit.
        const near = (bound: number) => Math.abs(duration / bound - 1) < 1e-12
        for (const { upTo, count } of durations.udp!.buckets) {
          if (!near(upTo)) expect(count).toBe(duration <= upTo ? responses : 0)
        }
        for (const { upTo, count } of sizes.udp!.buckets) expect(count).toBe(size <= upTo ? 1 : 0)
        expect(durations.udp!.count).toBe(responses)
        expect(Math.abs(durations.udp!.sum - duration * responses)).toBeLessThanOrEqual(0.000_016_1)
        expect(sizes.udp!.sum).toBe(Math.floor(size / 64) * 64)
      }),
    )
  })

  it('keep the octets of each protocol apart, however they alternate', () => {
    const { writers, reader } = figures()
    const [writer] = writers
    for (let i = 0; i < 1000; i++) {
      writer!.protocol = 'tcp'
      writer!.countResponse(50)
      writer!.protocol = 'dot'
      writer!.countResponse(500)
    }
    writer!.flush()
    const { sizes } = reader.read()
    expect(sizes.tcp!.sum).toBe(Math.floor(50_000 / 64) * 64)
    expect(sizes.dot!.sum).toBe(Math.floor(500_000 / 64) * 64)
  })

  it('lose nothing of a sum over many small parts', () => {
    const { writers, reader } = figures()
    for (let i = 0; i < 1000; i++) {
      writers[0]!.countResponse(50)
      writers[0]!.countDuration(0.005, 2)
    }
    writers[0]!.flush()
    const { durations, sizes } = reader.read()
    expect(sizes.udp!.sum).toBeGreaterThan(50_000 - 64)
    expect(sizes.udp!.sum).toBeLessThanOrEqual(50_000)
    expect(durations.udp!.sum).toBeCloseTo(0.01, 4)
  })

  it('go on from the row of the thread whose place they take', () => {
    const { rows, writers, reader } = figures()
    writers[0]!.countQuery(0, 1)
    const replacement = new QueryFigures(rows, ZONES.length, 0)
    replacement.countQuery(0, 1)
    replacement.flush()
    expect(reader.read().queries[0]!.queries).toBe(2)
  })

  it('have the bounds of CoreDNS from a quarter of a millisecond on', () => {
    const theirs = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i)
    expect(DURATION_BOUNDS.slice(-16)).toEqual(theirs)
    expect(SIZE_BOUNDS).toEqual([...SIZE_BOUNDS].sort((a, b) => a - b))
  })
})
