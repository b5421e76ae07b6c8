import { describe, expect, it } from 'vitest'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import type { WireRRset } from '../../lib/records/wire-rrset.js'
import { nameFromText } from '../../lib/wire/name.js'
import { sealAll } from './checked-index.js'

const NAMES = 100_000
const A_RECORD_SIZE = 6
const MOST_RECORDS = 8

/** An index of as many names with 1 to 8 A records each. */
class LoadedIndex {
  readonly writer = new RecordIndexWriter({ readers: 1, seed: 1, serial: 1, onSegment: () => {} })
  readonly #names = Array.from({ length: NAMES }, (_, i) => nameFromText(`h${i}.s${i % 100}.example.org`))
  readonly #wire = new Uint8Array(MOST_RECORDS * A_RECORD_SIZE)
  readonly #side = new Uint8Array(24)
  #random = 12345

  load(recordsOf: (name: number) => number): void {
    for (let i = 0; i < NAMES; i++) this.write(i, recordsOf(i))
  }

  write(name: number, records: number): void {
    this.#wire.fill(this.below(256))
    const rrset: WireRRset = {
      type: 1,
      ttl: 30,
      count: records,
      bytes: this.#wire,
      start: 0,
      length: records * A_RECORD_SIZE,
      side: this.#side,
      sideStart: 0,
      sideLength: this.#side.length,
    }
    this.writer.write(this.#names[name]!, [rrset])
  }

  remove(name: number): void {
    this.writer.write(this.#names[name]!, [])
  }

  below(limit: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#random / 2 ** 32) * limit)
  }
}

describe('the memory of the record index', { timeout: 60_000 }, () => {
  it('stays under twice its size through a million replacements of changing sizes, and all of it comes back', () => {
    const index = new LoadedIndex()
    const { writer } = index
    const { usedBytes } = writer.size
    index.load(() => 1 + index.below(MOST_RECORDS))
    const loaded = writer.size
    for (let i = 0; i < 10 * NAMES; i++) index.write(index.below(NAMES), 1 + index.below(MOST_RECORDS))
    expect(writer.size.names).toBe(NAMES)
    expect(writer.size.allocatedBytes).toBeLessThan(2 * loaded.allocatedBytes)
    expect(writer.size.usedBytes).toBeLessThan(1.1 * loaded.usedBytes)

    for (let i = 0; i < NAMES; i++) index.remove(i)
    sealAll(writer)
    expect(writer.size.names).toBe(0)
    expect(writer.size.usedBytes, 'the words of the buckets alone').toBe(4 * writer.bucketCount)
    expect(writer.size.usedBytes).toBeLessThan(usedBytes + loaded.usedBytes / 50)
  })

  it('is used for other sizes once larger blocks have come back', () => {
    const index = new LoadedIndex()
    index.load(() => MOST_RECORDS)
    const { allocatedBytes } = index.writer.size
    index.load(() => 1)
    index.load(() => 2)
    expect(index.writer.size.allocatedBytes).toBeLessThan(1.3 * allocatedBytes)
  })
})
