import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RecordIndexReader } from '../../lib/record-index/record-index-reader.js'
import { TableWriter } from '../../lib/shared-table/table-writer.js'
import { hashName, nameFromText, nameToText } from '../../lib/wire/name.js'
import { limitSharedMemory } from '../shared-table/no-shared-memory.js'
import { CheckedIndex, type PlainRRset, sealAll, toPlain, toWire } from './checked-index.js'

const A: PlainRRset = { type: 1, ttl: 30, count: 1, wire: [0, 4, 192, 0, 2, 1], side: [] }
const TXT: PlainRRset = { type: 16, ttl: 0, count: 1, wire: [0, 3, 2, 104, 105], side: [7, 7, 7] }

const bytes = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 255 }), { maxLength })
const rrset: fc.Arbitrary<PlainRRset> = fc.record({
  type: fc.constantFrom(1, 5, 16, 28, 33, 0x8001, 0xffef),
  ttl: fc.constantFrom(0, 30, 2 ** 31 - 1),
  count: fc.constantFrom(1, 2, 5461),
  wire: bytes(50),
  side: bytes(20),
})
const rrsets = fc.uniqueArray(rrset, { selector: ({ type }) => type, minLength: 1, maxLength: 4 })

/** Few labels, so that names stand above, below and beside each other. */
const owner = fc
  .array(fc.constantFrom('a', 'b', 'a-long-label-of-its-own'), { minLength: 1, maxLength: 5 })
  .map((labels) => labels.join('.'))
const ownerOrRoot = fc.oneof({ weight: 20, arbitrary: owner }, { weight: 1, arbitrary: fc.constant('.') })

function has({ reader }: CheckedIndex, owner: string): boolean {
  const name = nameFromText(owner)
  reader.enter()
  const isThere = reader.find(hashName(name, 0, name.length, reader.seed), name, 0, name.length)
  reader.leave()
  return isThere
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the record index', { timeout: 60_000 }, () => {
  it('agrees with a Map of owners after any run of writes, down to empty non-terminals and counts of children', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ owner: ownerOrRoot, rrsets }) },
      { weight: 2, arbitrary: fc.record({ owner: ownerOrRoot, rrsets: fc.constant([]) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { size: 'large', maxLength: 60 }), (steps) => {
        const index = new CheckedIndex()
        for (const { owner, rrsets } of steps) {
          index.write(owner, rrsets)
          if (steps.length < 12) index.check()
        }
        index.check(steps.map(({ owner }) => owner))
        for (const owner of [...index.model.keys()]) index.write(owner, [])
        index.check(steps.map(({ owner }) => owner))
        sealAll(index.writer)
        expect(index.writer.size.usedBytes).toBe(4 * index.writer.bucketCount)
      }),
      { numRuns: 80 },
    )
  })

  it('has at any moment all names above those that it has', () => {
    const index = new CheckedIndex()
    const steps: string[] = []
    const names = new Set(['a.b.c.example', 'b.c.example', 'c.example', 'example', 'x.c.example', '*.b.c.example'])
    const look = () => {
      const there = [...names].filter((owner) => has(index, owner))
      for (const owner of there) {
        const parent = owner.slice(owner.indexOf('.') + 1)
        expect(owner === 'example' || there.includes(parent), `${owner} without ${parent}`).toBe(true)
      }
      steps.push(there.join(' '))
    }
    const publish = TableWriter.prototype.publish
    const remove = TableWriter.prototype.remove
    vi.spyOn(TableWriter.prototype, 'publish').mockImplementation(function (this: TableWriter, hash) {
      publish.call(this, hash)
      look()
    })
    vi.spyOn(TableWriter.prototype, 'remove').mockImplementation(function (this: TableWriter, ...key) {
      const removed = remove.apply(this, key)
      look()
      return removed
    })
    for (const owner of ['a.b.c.example', 'x.c.example', '*.b.c.example']) index.write(owner, [A])
    for (const owner of ['*.b.c.example', 'a.b.c.example', 'x.c.example']) index.write(owner, [])
    expect(steps).toHaveLength(12)
    expect(steps.slice(0, 4)).toEqual([
      'example',
      'c.example example',
      'b.c.example c.example example',
      'a.b.c.example b.c.example c.example example',
    ])
    index.check()
  })

  it('has an empty non-terminal exactly while a name below it has RRsets', () => {
    const index = new CheckedIndex()
    index.write('x.y.example.org', [A])
    index.write('z.y.example.org', [A])
    index.check(['y.example.org', 'example.org', 'org', 'w.y.example.org'])
    index.write('x.y.example.org', [])
    index.check(['x.y.example.org', 'y.example.org'])
    index.write('y.example.org', [TXT])
    index.write('z.y.example.org', [])
    index.check(['z.y.example.org', 'y.example.org'])
    index.write('y.example.org', [])
    index.check(['y.example.org', 'example.org', 'org'])
    expect(index.walk().size).toBe(0)
  })

  it('turns an owner with names below it into an empty non-terminal and back', () => {
    const index = new CheckedIndex()
    index.write('example.org', [A, TXT])
    index.write('a.example.org', [A])
    index.write('example.org', [])
    index.check()
    index.write('example.org', [TXT])
    index.check()
  })

  it('holds the longest and the deepest of names', () => {
    const index = new CheckedIndex()
    const deepest = Array.from({ length: 127 }, () => 'a').join('.')
    const longest = [63, 63, 63, 61].map((length) => 'b'.repeat(length)).join('.')
    index.write(deepest, [A])
    index.write(longest, [TXT])
    index.check()
    index.write(deepest, [])
    index.check([deepest])
  })

  it('tells apart owners whose names hold dots, zeros and capital bytes above ASCII', () => {
    const index = new CheckedIndex()
    const names = ['a\\.b', 'a', '\\000', '\\000\\000', '\\193', '\\225']
    for (const [i, owner] of names.entries()) {
      index.writer.write(nameFromText(owner), toWire([{ ...A, ttl: i }]))
    }
    for (const [i, owner] of names.entries()) {
      expect(
        index.writer.read(nameFromText(owner)).map((rrset) => rrset.ttl),
        owner,
      ).toEqual([i])
    }
  })

  it('returns false for what it holds already, and true where a TTL, a byte, side data or the order differs', () => {
    const index = new CheckedIndex()
    const name = nameFromText('example.org')
    const write = (...rrsets: PlainRRset[]) => index.writer.write(name, toWire(rrsets))
    expect(write()).toBe(false)
    expect(write(A, TXT)).toBe(true)
    expect(write(A, TXT)).toBe(false)
    expect(write(TXT, A)).toBe(true)
    expect(write({ ...TXT, side: [7, 7, 8] }, A)).toBe(true)
    expect(write({ ...TXT, side: [7, 7] }, A)).toBe(true)
    expect(write({ ...TXT, ttl: 1 }, A)).toBe(true)
    expect(write({ ...TXT, ttl: 1 }, { ...A, wire: [0, 4, 192, 0, 2, 2] })).toBe(true)
    expect(write({ ...TXT, ttl: 1 })).toBe(true)
    expect(write({ ...TXT, ttl: 1 })).toBe(false)
    expect(write()).toBe(true)
    expect(write()).toBe(false)
  })

  it('writes RRsets that were read from it, as a store does to change one of them', () => {
    const index = new CheckedIndex()
    index.write('example.org', [A, TXT])
    const name = nameFromText('example.org')
    for (let ttl = 1; ttl < 2000; ttl++) {
      const [first, second] = index.writer.read(name)
      index.writer.write(name, [{ ...first!, ttl }, second!])
      index.model.set('example.org', [{ ...A, ttl }, TXT])
    }
    index.check()
  })

  it('refuses RRsets larger than half a segment before it changes anything', () => {
    const index = new CheckedIndex()
    index.write('old.example.org', [A])
    const { size } = index.writer
    const large = {
      ...TXT,
      wire: Array.from({ length: 400_000 }, () => 1),
      side: Array.from({ length: 130_000 }, () => 2),
    }
    for (const owner of ['old.example.org', 'new.name.example', 'example.org']) {
      expect(() => index.writer.write(nameFromText(owner), toWire([large]))).toThrowError(
        expect.objectContaining({ code: 'CDNS_RRSET_TOO_LARGE' }),
      )
    }
    expect(index.writer.size).toEqual(size)
    index.check(['new.name.example', 'name.example', 'example'])
    index.write('new.name.example', [{ ...large, side: Array.from({ length: 120_000 }, () => 3) }])
    index.check()
  })

  it('changes nothing when memory is full, can still remove, and has room again after that', () => {
    const index = new CheckedIndex()
    limitSharedMemory(2)
    const full = expect.objectContaining({ code: 'CDNS_SHARED_MEMORY_FULL' })
    // Most of a write are names above the owner, so that is where memory would end.
    const above = Array.from({ length: 20 }, (_, depth) => `l${depth}`).join('.')
    const write = (host: string, i: number) => index.write(`${host}.${above}.n${i}.example`, [{ ...A, ttl: i }])
    let count = 0
    expect(() => {
      for (; ; count++) {
        write('x', count)
        write('y', count)
      }
    }).toThrowError(full)
    expect(count).toBeGreaterThan(200)
    index.check([`x.${above}.n${count}.example`, `n${count}.example`])

    // There is room for an owner now, but none for the names above it.
    for (const owner of [...index.model.keys()]) if (owner.startsWith('y')) index.write(owner, [])
    sealAll(index.writer)
    expect(() => write('x', count + 1)).toThrowError(full)
    index.check([`x.${above}.n${count + 1}.example`])

    for (const owner of [...index.model.keys()]) index.write(owner, [])
    sealAll(index.writer)
    for (let i = 0; i < count / 2; i++) write('x', i)
    index.check()
  })

  it('splits one bucket per new name at most, the names above it counted', () => {
    const index = new CheckedIndex()
    for (let i = 0; i < 3000; i++) {
      const before = index.writer.bucketCount
      index.writer.write(nameFromText(`a.b.n${i}.example`), toWire([A]))
      expect(index.writer.bucketCount - before).toBeLessThanOrEqual(i === 0 ? 4 : 3)
    }
    expect(index.writer.bucketCount).toBeGreaterThan(2000)
  })
})

describe('a walk through the record index', () => {
  it('meets each owner once that is there throughout, while its visitor writes', () => {
    const index = new CheckedIndex()
    for (let i = 0; i < 6000; i++)
      index.writer.write(nameFromText(`h${i}.s${i % 50}.example.org`), toWire([{ ...A, ttl: i }]))
    const met = new Map<string, number>()
    const { bucketCount } = index.writer
    expect(bucketCount, 'a number that is no power of two').toBeGreaterThan(1024)
    let added = 0
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      index.writer.visitBucket(bucket, bucketCount, (name, rrsets) => {
        const owner = nameToText(name)
        if (!owner.startsWith('h')) return
        met.set(owner, (met.get(owner) ?? 0) + 1)
        const [plain] = rrsets.map(toPlain)
        expect(owner.startsWith(`h${plain!.ttl}.`)).toBe(true)
        for (let i = 0; i < 3; i++) index.writer.write(nameFromText(`added-${added++}.example.org`), toWire([A, TXT]))
        // What was handed out lasts for the call, though it is replaced or gone by now.
        if (plain!.ttl % 2 === 0) index.writer.write(name, [])
        else index.writer.write(name, toWire([{ ...A, ttl: plain!.ttl }, TXT]))
        expect(rrsets.map(toPlain)).toEqual([plain])
      })
    }
    expect(met.size).toBe(6000)
    expect([...met.values()].every((times) => times === 1)).toBe(true)
    expect(index.writer.size.names).toBe(3000 + added)
  })

  it('keeps what it has met in a bucket while its visitor writes everything anew', () => {
    const index = new CheckedIndex()
    const writeAll = (ttlOf: (i: number) => number) => {
      for (let i = 0; i < 6000; i++) index.writer.write(nameFromText(`h${i}`), toWire([{ ...A, ttl: ttlOf(i) }]))
    }
    writeAll((i) => i)
    const { bucketCount } = index.writer
    for (let bucket = 0; bucket < 20; bucket++) {
      let met = 0
      index.writer.visitBucket(bucket, bucketCount, (name, rrsets) => {
        const plain = { ...A, ttl: Number(nameToText(name).slice(1)) }
        expect(rrsets.map(toPlain)).toEqual([plain])
        if (met++ === 0) {
          writeAll((i) => i + 1_000_000)
          writeAll((i) => i)
        }
        expect(rrsets.map(toPlain), 'after everything was written anew').toEqual([plain])
      })
      expect(met).toBeGreaterThan(0)
    }
  })

  it('lets go of memory when its visitor throws', () => {
    const index = new CheckedIndex()
    index.write('example.org', [A])
    const { bucketCount } = index.writer
    expect(() => {
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        index.writer.visitBucket(bucket, bucketCount, () => {
          throw new RangeError('from the visitor')
        })
      }
    }).toThrowError(RangeError)
    index.write('example.org', [])
    sealAll(index.writer)
  })
})

describe('a reader of the record index', () => {
  it('sees the serial and whether the first load is done', () => {
    const { writer, reader } = new CheckedIndex()
    expect([reader.loaded, reader.serial]).toEqual([false, 0xfffffff0])
    writer.setLoaded()
    writer.setSerial(0xffffffff)
    expect([reader.loaded, reader.serial]).toEqual([true, 0xffffffff])
  })

  it('is what a write waits for: settled once it has left or entered anew', () => {
    const index = new CheckedIndex()
    index.reader.enter()
    index.write('example.org', [A])
    const epoch = index.writer.seal()
    expect(index.writer.isSettled(epoch)).toBe(false)
    index.reader.leave()
    expect(index.writer.isSettled(epoch)).toBe(true)
    index.reader.enter()
    const next = index.writer.seal()
    expect(index.writer.isSettled(next)).toBe(false)
    index.writer.releaseReader(0)
    expect(index.writer.isSettled(next)).toBe(true)
  })

  it('finds a name where it stands in a message, and reads an RRset by its place among the others', () => {
    const index = new CheckedIndex()
    index.write('example.org', [A, TXT])
    const name = nameFromText('example.org')
    const message = new Uint8Array([0xff, 0xff, 0xff, ...name, 0xff])
    expect(index.reader.find(hashName(message, 3, name.length, index.reader.seed), message, 3, name.length)).toBe(true)
    index.reader.openRRset(1)
    expect([index.reader.type, index.reader.sideLength]).toEqual([16, 3])
    expect(index.reader.bytes.subarray(index.reader.sideStart, index.reader.sideStart + 3)).toEqual(
      new Uint8Array([7, 7, 7]),
    )
    index.reader.openRRset(0)
    expect([index.reader.type, index.reader.sideLength]).toEqual([1, 0])
  })

  it('refuses memory that holds something else', () => {
    const { writer } = new CheckedIndex()
    const handle = { ...writer.handle(0), control: new SharedArrayBuffer(64) }
    expect(() => RecordIndexReader.open(handle, () => undefined)).toThrowError(
      expect.objectContaining({ code: 'CDNS_THREAD_FAILED' }),
    )
  })
})
