import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openImage } from '../../lib/record-index/index-image.js'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import { SEGMENT_BYTES } from '../../lib/shared-table/layout.js'
import { hashName, nameFromText, nameToText } from '../../lib/wire/name.js'
import { CheckedIndex, type PlainRRset, SEED, sealAll, toPlain } from './checked-index.js'

const A: PlainRRset = { type: 1, ttl: 30, count: 1, wire: [0, 4, 192, 0, 2, 1], side: [] }
const NS: PlainRRset = { type: 2, ttl: 9, count: 1, wire: [0, 3, 1, 97, 0], side: [1] }
const TXT: PlainRRset = { type: 16, ttl: 0, count: 1, wire: [0, 3, 2, 104, 105], side: [7, 7, 7] }

/** As it arrives in another thread. */
const imageOf = (index: CheckedIndex) => structuredClone(index.writer.image())

function adopt(source: CheckedIndex, target = new CheckedIndex()): CheckedIndex {
  const image = imageOf(source)
  for (const _step of target.writer.adopt(image));
  for (const [owner, rrsets] of source.model) target.model.set(owner, rrsets)
  return target
}

const label = fc.constantFrom('a', 'b', '*', 'a-long-label-of-its-own')
const owner = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
const step = fc.record({ owner, rrsets: fc.constantFrom([A], [TXT], [A, TXT], [NS], []) })
const steps = fc.array(step, { size: 'large', maxLength: 60 })

describe('an index image', { timeout: 60_000 }, () => {
  it('becomes the index of a server, which then takes any run of writes', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const source = new CheckedIndex()
        for (const { owner, rrsets } of before) source.write(owner, rrsets)
        const target = adopt(source)
        target.check(before.map(({ owner }) => owner))
        for (const { owner, rrsets } of after) target.write(owner, rrsets)
        target.check([...before, ...after].map(({ owner }) => owner))
        for (const owner of [...target.model.keys()]) target.write(owner, [])
        target.check()
        sealAll(target.writer)
        expect(target.writer.size.usedBytes).toBe(4 * target.writer.bucketCount)
      }),
      { numRuns: 60 },
    )
  })

  it('brings its books along: what is used, what is allocated, and what is free for the next', () => {
    const source = new CheckedIndex()
    for (let i = 0; i < 20_000; i++) source.write(`n${i}.z${i % 50}.example`, [A, TXT])
    for (let i = 0; i < 20_000; i += 2) source.write(`n${i}.z${i % 50}.example`, [])
    const image = imageOf(source)
    const { usedBytes, allocatedBytes, names } = source.writer.size
    const target = adopt(source)
    expect(target.writer.size).toEqual({ usedBytes, allocatedBytes, names, retiredBytes: 0 })
    expect(image.names).toBe(10_000)
    // The places of those that were removed.
    for (let i = 0; i < 20_000; i += 2) target.write(`n${i}.z${i % 50}.example`, [A, TXT])
    expect(target.writer.size.allocatedBytes - allocatedBytes).toBeLessThanOrEqual(SEGMENT_BYTES)
    target.check()
  })

  it('grows on by bucket and segment, and is read by a reader that was there before', () => {
    const source = new CheckedIndex()
    for (let i = 0; i < 5_000; i++) source.write(`n${i}.example`, [A])
    const target = adopt(source)
    for (let i = 5_000; i < 30_000; i++) target.write(`n${i}.example`, [TXT])
    target.check(['nobody.example'])
  })

  it('is taken over in steps of a segment each, and cannot be found before the last', () => {
    const source = new CheckedIndex()
    for (let i = 0; i < 30_000; i++) source.write(`n${i}.example`, [A])
    const target = new CheckedIndex()
    const steps = target.writer.adopt(imageOf(source))
    let count = 0
    while (!steps.next().done) {
      count++
      expect(target.writer.read(nameFromText('n1.example'))).toEqual([])
    }
    expect(count).toBe((source.writer.size.allocatedBytes - SEGMENT_BYTES) / SEGMENT_BYTES)
    expect(target.writer.read(nameFromText('n1.example')).map(toPlain)).toEqual([A])
  })

  it('is taken over by an index that nothing was ever written to, and by no other', () => {
    const source = new CheckedIndex()
    source.write('a.example', [A])
    const used = new CheckedIndex()
    used.write('b.example', [A])
    expect(used.writer.isUntouched).toBe(false)
    expect(() => used.writer.adopt(imageOf(source)).next()).toThrow()
    const otherSeed = new RecordIndexWriter({ readers: 0, seed: SEED + 1, serial: 0, onSegment: () => {} })
    expect(() => otherSeed.adopt(imageOf(source)).next()).toThrow()
    const empty = adopt(new CheckedIndex())
    expect(empty.writer.isUntouched).toBe(true)
    adopt(source, empty).check()
  })

  it('is searched and walked without being taken over', () => {
    const source = new CheckedIndex()
    for (let i = 0; i < 3_000; i++) source.write(`n${i}.below.example`, [A])
    source.write('below.example', [TXT])
    const image = openImage(imageOf(source))
    const name = nameFromText('below.example')
    expect(image.find(hashName(name, 0, name.length, SEED), name, 0, name.length)).toBe(true)
    expect(image.rrsets().map(toPlain)).toEqual([TXT])
    const met = new Map<string, PlainRRset[]>()
    for (let bucket = 0; bucket < image.bucketCount; bucket++) {
      image.visitBucket(bucket, image.bucketCount, (hash, bytes, start, length) => {
        expect(hash).toBe(hashName(bytes, start, length, SEED))
        met.set(nameToText(bytes, start), image.rrsets().map(toPlain))
      })
    }
    expect(met.get('example'), 'an empty non-terminal').toEqual([])
    met.delete('example')
    expect(Object.fromEntries(met)).toEqual(Object.fromEntries(source.model))
  })
})
