import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReaderSlot } from '../../lib/shared-table/epochs.js'
import {
  CONTROL_VERSION,
  ENTRY_HEADER_BYTES,
  ENTRY_HEADER_WORDS,
  ENTRY_KEY_LENGTH_MASK,
  INITIAL_BUCKETS,
  keyWords,
} from '../../lib/shared-table/layout.js'
import { type Segment, SegmentSet } from '../../lib/shared-table/segments.js'
import { TableKey } from '../../lib/shared-table/table-key.js'
import { TableReader } from '../../lib/shared-table/table-reader.js'
import { TableWriter } from '../../lib/shared-table/table-writer.js'
import { limitSharedMemory } from './no-shared-memory.js'

type HashOf = (key: number) => number

/** A table of numbered keys beside a Map of them. A value is its own count of words, so that sizes change with values. */
class CheckedTable {
  readonly posted: Segment[] = []
  readonly table = new TableWriter({ readers: 2, seed: 0, onSegment: (segment) => this.posted.push(segment) })
  /** Knows what was posted and nothing else, as a reader in another thread does. */
  readonly reader = new TableReader(this.table.control, new SegmentSet([], () => this.posted[this.#received++]))
  readonly model = new Map<number, number>()
  #received = 0
  readonly #hashOf: HashOf
  readonly #key = new TableKey()

  constructor(hashOf: HashOf) {
    this.#hashOf = hashOf
  }

  put(key: number, value: number): void {
    const bytes = keyOf(key)
    this.table.begin(bytes, bytes.length, 4 * (value + 1))
    this.table.words.fill(value, this.table.payloadWord, this.table.payloadWord + value + 1)
    this.table.publish(this.#hashOf(key))
    this.model.set(key, value)
  }

  /** Reads ahead for keys, the first being number 0 of a batch. */
  readAhead(...keys: number[]): void {
    for (const [i, key] of keys.entries()) this.reader.expect(i, this.#hashOf(key))
    this.reader.prefetch(keys.length)
  }

  /** What the reader of another thread finds, as number `i` of its batch. */
  getAs(i: number, key: number): number | undefined {
    this.reader.inHand = i
    return this.#getFrom(this.reader, key)
  }

  remove(key: number): void {
    const bytes = keyOf(key)
    expect(this.table.remove(this.#hashOf(key), bytes, bytes.length)).toBe(this.model.delete(key))
  }

  /** What a reader in another thread finds, and the writer's own. */
  get(key: number): number | undefined {
    const value = this.#getFrom(this.reader, key)
    if (value !== this.#getFrom(this.table.reader, key)) throw new Error(`the readers do not agree on key ${key}`)
    return value
  }

  check(keys: Iterable<number>): void {
    for (const key of keys) if (this.get(key) !== this.model.get(key)) expect(this.get(key)).toBe(this.model.get(key))
    expect(this.table.entryCount).toBe(this.model.size)
  }

  #getFrom(reader: TableReader, key: number): number | undefined {
    const bytes = keyOf(key)
    const message = new Uint8Array([9, 9, 9, ...bytes, 9])
    this.#key.set(message, 3, bytes.length)
    if (!reader.find(this.#hashOf(key), this.#key.words, this.#key.length)) return undefined
    const { words, payloadWord } = reader
    const value = words[payloadWord]!
    for (let i = 0; i <= value; i++)
      if (words[payloadWord + i] !== value) throw new Error(`the payload of key ${key} is broken`)
    return value
  }
}

/** Keys of 4 to 12 bytes, so that all paddings come up. */
function keyOf(key: number): Uint8Array {
  const bytes = new Uint8Array(4 + (key % 9)).fill(0x61)
  new DataView(bytes.buffer).setUint32(0, key)
  return bytes
}

function numberOf(bytes: Uint8Array, start: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0)
}

const mixed: HashOf = (key) => Math.imul(Math.imul(key, 0x9e3779b1) ^ (key >>> 3), 0x85ebca6b)
const HASHES: [string, HashOf][] = [
  ['hashes well spread', mixed],
  ['equal hashes in groups of eight', (key) => mixed(key >>> 3)],
  ['hashes that differ in their high bits alone', (key) => (mixed(key) & ~0xfff) | (key % 3)],
  ['hashes that are negative', (key) => mixed(key) | 0x80000000],
]

const KEYS = 120

describe.each(HASHES)('the table, with %s', { timeout: 60_000 }, (_, hashOf) => {
  it('agrees with a Map after any run of puts, replacements, removals and seals', () => {
    const key = fc.nat({ max: KEYS - 1 })
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ put: key, value: fc.nat({ max: 40 }) }) },
      { weight: 3, arbitrary: fc.record({ remove: key }) },
      { weight: 1, arbitrary: fc.record({ seal: fc.boolean() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { size: 'max', maxLength: 300 }), (steps) => {
        const checked = new CheckedTable(hashOf)
        const slot = new ReaderSlot(checked.table.control, 0)
        for (const step of steps) {
          if ('put' in step) {
            checked.put(step.put, step.value)
            checked.check([step.put])
          } else if ('remove' in step) {
            checked.remove(step.remove)
            checked.check([step.remove])
          } else {
            if (step.seal) slot.enter()
            else slot.leave()
            checked.table.seal()
          }
        }
        checked.check(Array.from({ length: KEYS }, (_, key) => key))
      }),
      { numRuns: 60 },
    )
  })

  it('grows by one bucket per new key at most, and loses none on the way', () => {
    const checked = new CheckedTable(hashOf)
    const keys = hashOf(0) % 4096 === hashOf(27) % 4096 ? 6000 : 15_000
    for (let key = 0; key < keys; key++) {
      const before = checked.table.bucketCount
      checked.put(key, key & 7)
      if (checked.table.bucketCount - before > 1) expect.fail('more than one bucket was split for one key')
      if (key % 5 === 4) checked.remove(key - 2)
      if (key % 1000 === 999) checked.check(Array.from({ length: key + 10 }, (_, key) => key))
    }
    checked.check(Array.from({ length: keys + 10 }, (_, key) => key))
    for (let key = 0; key < keys; key++) if (checked.model.has(key)) checked.remove(key)
    checked.table.seal()
    checked.check([0, 1, keys - 1])
    while (checked.table.retiredBytes > 0) checked.table.seal()
    expect(checked.table.usedBytes).toBe(4 * checked.table.bucketCount)
  })
})

describe('a walk through the buckets', { timeout: 60_000 }, () => {
  it('meets each entry once that is there throughout, whatever is put, removed and split between buckets', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12_000 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (keysBefore, putsBetween, seed) => {
          const checked = new CheckedTable((key) => mixed(key >>> 1))
          for (let key = 0; key < keysBefore; key++) checked.put(key, 1)
          // Even keys stay; odd ones come and go.
          let random = seed
          const next = (below: number) => {
            random = (Math.imul(random, 1664525) + 1013904223) >>> 0
            return Math.floor((random / 2 ** 32) * below)
          }
          let added = 1_000_001
          const met = new Map<number, number>()
          const bucketCount = checked.table.bucketCount
          for (let bucket = 0; bucket < bucketCount; bucket++) {
            checked.table.reader.visitBucket(bucket, bucketCount, (_hash, entryWord, _words, bytes) => {
              const key = numberOf(bytes, 4 * entryWord + ENTRY_HEADER_BYTES)
              met.set(key, (met.get(key) ?? 0) + 1)
            })
            for (let i = 0; i < putsBetween; i++) {
              checked.put(added, 2)
              added += 2
              if (keysBefore === 0) continue
              const odd = next(keysBefore) | 1
              if (checked.model.has(odd)) checked.remove(odd)
              else checked.put(odd, 3)
              const even = 2 * next(keysBefore / 2)
              if (checked.model.has(even)) checked.put(even, next(20))
            }
          }
          for (const [key, times] of met) if (times !== 1) expect.fail(`${key} was met ${times} times`)
          for (let key = 0; key < keysBefore; key += 2) {
            if (met.get(key) !== 1) expect.fail(`key ${key} was not met`)
          }
        },
      ),
      {
        numRuns: 8,
        examples: [
          [INITIAL_BUCKETS * 4, 30, 1],
          [INITIAL_BUCKETS * 4 + 1, 30, 2],
          [INITIAL_BUCKETS * 8, 20, 3],
        ],
      },
    )
  })

  it('lets its visitor remove and put what stands in the same bucket', () => {
    const checked = new CheckedTable((key) => mixed(key >>> 4))
    for (let key = 0; key < 6000; key++) checked.put(key, key % 5)
    const slot = new ReaderSlot(checked.table.control, 1)
    const bucketCount = checked.table.bucketCount
    let met = 0
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      slot.enter()
      checked.table.reader.visitBucket(bucket, bucketCount, (_hash, entryWord, words, bytes) => {
        met++
        const payloadWord = entryWord + ENTRY_HEADER_WORDS + keyWords(words[entryWord]! & ENTRY_KEY_LENGTH_MASK)
        const value = words[payloadWord]!
        for (let i = 0; i <= value; i++)
          if (words[payloadWord + i] !== value) expect.fail('an entry was overwritten before its visit')
        checked.remove(numberOf(bytes, 4 * entryWord + ENTRY_HEADER_BYTES))
        for (let i = 0; i < 3; i++) checked.put(100_000 + met, 4)
      })
      slot.leave()
    }
    expect(met).toBeGreaterThanOrEqual(6000)
    checked.check([0, 1, 5999, 100_001, 100_000 + met])
  })
})

/** Of different hashes, whoever makes these. */
const [FIRST, SECOND, THIRD] = [8, 16, 24]

type Step =
  | 'seal'
  | { readonly key: number; readonly value: number | null }
  | { readonly as: number; readonly key: number }

describe.each(HASHES)('reading ahead, with %s', (_, hashOf) => {
  it('finds what is there, whatever was read ahead, and as whatever number of the batch it is looked up', () => {
    const key = fc.nat({ max: KEYS - 1 })
    const keys = fc.uniqueArray(key, { maxLength: 40 })
    const lookUp = fc.record({ as: fc.nat({ max: 63 }), key })
    const given = fc.record({ keys, ahead: fc.array(key, { maxLength: 64 }), lookUps: fc.array(lookUp) })
    fc.assert(
      fc.property(given, ({ keys, ahead, lookUps }) => {
        const checked = new CheckedTable(hashOf)
        for (const key of keys) checked.put(key, key % 9)
        checked.readAhead(...ahead)
        for (const { as, key } of lookUps) expect(checked.getAs(as, key)).toBe(checked.model.get(key))
      }),
    )
  })

  it('never has what a key was before the batch, or what another is, however memory is used again', () => {
    const key = fc.nat({ max: 15 })
    const step = fc.oneof(
      fc.record({ key, value: fc.option(fc.nat({ max: 3 })) }),
      fc.constant('seal' as const),
      fc.record({ as: fc.nat({ max: 15 }), key }),
    )
    const batch = fc.record({ ahead: fc.array(key, { maxLength: 16 }), steps: fc.array(step), between: fc.array(step) })
    const runs = fc.property(fc.array(batch), (batches) => {
      const checked = new CheckedTable(hashOf)
      const slot = new ReaderSlot(checked.table.control, 1)
      /** What each key has been since the batch was begun. */
      let seen = new Map<number, Set<number | undefined>>()
      const note = (key: number) => {
        const was = seen.get(key) ?? new Set()
        seen.set(key, was.add(checked.model.get(key)))
      }
      const run = (steps: readonly Step[]) => {
        for (const one of steps) {
          if (one === 'seal') checked.table.seal()
          else if ('as' in one) expect(seen.get(one.key)).toContain(checked.getAs(one.as, one.key))
          else if (one.value !== null) checked.put(one.key, one.value)
          else if (checked.model.has(one.key)) checked.remove(one.key)
          if (one !== 'seal') note(one.key)
        }
      }
      const begin = () => {
        seen = new Map()
        for (let key = 0; key <= 15; key++) note(key)
      }
      for (const { ahead, steps, between } of batches) {
        begin()
        slot.enter()
        checked.readAhead(...ahead)
        run(steps)
        checked.reader.forget()
        slot.leave()
        begin()
        run(between.filter((one) => one === 'seal' || !('as' in one)))
        checked.table.seal()
        for (const [i, key] of ahead.entries()) expect(checked.getAs(i, key)).toBe(checked.model.get(key))
      }
    })
    fc.assert(runs, { numRuns: 300 })
  })

  it('has a key as it stood then for the rest of the batch, and as it stands when that is over', () => {
    const checked = new CheckedTable(hashOf)
    const slot = new ReaderSlot(checked.table.control, 1)
    checked.put(FIRST, 5)
    checked.put(SECOND, 6)
    // Reading ahead fetches no segments.
    checked.check([FIRST])
    slot.enter()
    checked.readAhead(FIRST, SECOND, THIRD)
    checked.put(FIRST, 7)
    checked.remove(SECOND)
    checked.put(THIRD, 8)
    checked.table.seal()
    expect([FIRST, SECOND, THIRD].map((key, i) => checked.getAs(i, key))).toEqual([5, 6, 8])
    checked.reader.forget()
    slot.leave()
    expect([FIRST, SECOND, THIRD].map((key, i) => checked.getAs(i, key))).toEqual([7, undefined, 8])
  })
})

describe('the table', () => {
  it('tells a reader of another version to stay away', () => {
    const { table } = new CheckedTable(mixed)
    table.control[CONTROL_VERSION]!++
    expect(() => new TableReader(table.control, table.segments)).toThrowError(
      expect.objectContaining({ code: 'CDNS_THREAD_FAILED' }),
    )
  })

  it('tells a reader that meets a segment which was never posted', () => {
    const checked = new CheckedTable(mixed)
    checked.put(1, 1)
    const reader = new TableReader(checked.table.control, new SegmentSet([], () => undefined))
    const key = new TableKey()
    key.set(keyOf(1), 0, keyOf(1).length)
    expect(() => reader.find(mixed(1), key.words, key.length)).toThrowError(
      expect.objectContaining({ code: 'CDNS_THREAD_FAILED' }),
    )
  })

  it('changes nothing where the system has no more memory, and completes every put that was reserved', () => {
    const checked = new CheckedTable(mixed)
    limitSharedMemory(3)
    let key = 0
    let failure: unknown
    while (failure === undefined) {
      try {
        checked.table.reserve(1, 400)
      } catch (error) {
        failure = error
        break
      }
      checked.put(key++, 99)
    }
    expect(failure).toMatchObject({ code: 'CDNS_SHARED_MEMORY_FULL' })
    expect(key).toBeGreaterThan(5000)
    const all = Array.from({ length: key }, (_, key) => key)
    checked.check(all)
    for (const key of all) checked.remove(key)
    checked.check(all)
    while (checked.table.retiredBytes > 0) checked.table.seal()
    for (const key of all.slice(0, all.length / 2)) {
      checked.table.reserve(1, 400)
      checked.put(key, 99)
    }
    checked.check(all)
  })
})
