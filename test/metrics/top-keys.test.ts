import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FastRandom } from '../../lib/fast-random.js'
import { TopKeysCounter } from '../../lib/metrics/top-keys-counter.js'
import { createTopKeys } from '../../lib/metrics/top-keys-layout.js'
import { TopKeysTotals } from '../../lib/metrics/top-keys-totals.js'
import { FoldedName } from '../../lib/wire/folded-name.js'
import { nameFromText } from '../../lib/wire/name.js'
import { Zipf } from '../support/zipf.js'

const NAME_WORDS = 64
const SEED = 4711

/** Threads that count names, and the main thread that collects them; time moves by hand. */
class Counting {
  now = 1_000_000
  #collectedMs = 10_001
  readonly totals: TopKeysTotals
  readonly #counters: TopKeysCounter[]
  readonly #name = new FoldedName()

  constructor(threads = 1) {
    const handles = Array.from({ length: threads }, () => createTopKeys(NAME_WORDS))
    this.#counters = handles.map((handle, i) => new TopKeysCounter(handle, 1 + i))
    this.totals = new TopKeysTotals(handles)
  }

  ask(text: string, thread = 0): void {
    this.askBytes(nameFromText(text), thread)
  }

  askBytes(bytes: Uint8Array, thread = 0): void {
    this.#name.read(bytes, 0, bytes.length, SEED)
    this.#counters[thread]!.count(this.#name.words, this.#name.length, this.#name.hash, this.now)
  }

  /** Ten seconds go by: more than any table is left with its thread. */
  collect(): void {
    for (const [thread, counter] of this.#counters.entries()) {
      // What was wanted before, then what the thread has now.
      for (let i = 0; i < 3; i++) {
        this.totals.collect(thread, this.#collectedMs + i * 10_001)
        counter.tick()
      }
    }
    this.#collectedMs += 30_003
  }

  of(text: string) {
    return this.totals.get(Buffer.from(nameFromText(text)).toString('latin1'))
  }
}

describe('the keys that come most', () => {
  it('are counted exactly, with their first and last times, while there are few', () => {
    const counting = new Counting()
    for (let i = 0; i < 1000; i++) {
      counting.now++
      counting.ask(`Host${i % 10}.example.`)
    }
    counting.collect()
    expect(counting.totals.top(20)).toHaveLength(10)
    expect(counting.of('host3.example.')).toEqual({ queries: 100, first: 1_000_004, last: 1_000_994 })
  })

  it('are added up over collections and threads', () => {
    const counting = new Counting(2)
    counting.ask('a.example.', 0)
    counting.ask('a.example.', 1)
    counting.collect()
    counting.collect()
    counting.now += 20
    const last = counting.now
    counting.ask('a.example.', 1)
    counting.collect()
    expect(counting.of('a.example.')).toEqual({ queries: 3, first: 1_000_000, last })
  })

  it('are exact to 1 % under a Zipf load over a hundred thousand names', { timeout: 60_000 }, () => {
    const counting = new Counting()
    const zipf = new Zipf(100_000, 1, new FastRandom(7))
    const names = Array.from({ length: 100_000 }, (_, i) => nameFromText(`service-${i}.example.`))
    const asked = new Uint32Array(names.length)
    for (let i = 0; i < 900_000; i++) {
      const rank = zipf.next()
      asked[rank]!++
      counting.askBytes(names[rank]!)
      if (i % 300_000 === 299_999) counting.collect()
    }
    const expected = Array.from(asked.keys())
      .sort((a, b) => asked[b]! - asked[a]!)
      .slice(0, 100)
    const errors = expected.map((rank) => 1 - (counting.of(`service-${rank}.example.`)?.queries ?? 0) / asked[rank]!)
    expect(Math.min(...errors)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...errors)).toBeLessThan(0.01)
    expect(new Set(counting.totals.top(50).map(([key]) => key)).size).toBe(50)
  })

  it('stay where they are in a flood of names that each come once', { timeout: 60_000 }, () => {
    const counting = new Counting()
    const random = new FastRandom(3)
    const flood = new Uint8Array([12, ...new Uint8Array(12), 7, ...Buffer.from('example'), 0])
    const asked = new Uint32Array(20)
    const names = Array.from(asked, (_, i) => nameFromText(`busy${i}.example.`))
    for (let i = 0; i < 500_000; i++) {
      for (let at = 1; at <= 12; at++) flood[at] = 97 + random.below(26)
      counting.askBytes(flood)
      if (i % 5 !== 0) continue
      const busy = random.below(20)
      asked[busy]!++
      counting.askBytes(names[busy]!)
      if (i === 250_000) counting.collect()
    }
    counting.collect()
    for (const [i, count] of asked.entries()) {
      const { queries } = counting.of(`busy${i}.example.`)!
      expect(queries).toBeLessThanOrEqual(count)
      expect(queries).toBeGreaterThan(0.99 * count)
    }
    const top = counting.totals.top(20).map(([key]) => key.slice(1, 5))
    expect(top).toEqual(Array.from({ length: 20 }, () => 'busy'))
  })

  it('are remembered in memory that is bounded, whatever comes', () => {
    const counting = new Counting()
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 4000; i++) counting.ask(`n${round}-${i}.example.`)
      for (let i = 0; i < 50; i++) counting.ask('wanted.example.')
      counting.collect()
      expect(counting.totals.top(100_000).length).toBeLessThanOrEqual(2 * 4096)
    }
    expect(counting.of('wanted.example.')!.queries).toBeGreaterThan(495)
  })

  it('are counted on by the thread that takes the place of a dead one', () => {
    const handle = createTopKeys(NAME_WORDS)
    const totals = new TopKeysTotals([handle])
    const name = new FoldedName()
    const bytes = nameFromText('a.example.')
    name.read(bytes, 0, bytes.length, SEED)
    for (let life = 1; life <= 3; life++) {
      const counter = new TopKeysCounter(handle, life)
      counter.count(name.words, name.length, name.hash, life)
      totals.collect(0, 20_000 * life)
      // It dies without having handed over what it was asked for.
    }
    const last = new TopKeysCounter(handle, 9)
    last.tick()
    totals.collect(0, 100_000)
    expect(totals.top(1)[0]![1]).toEqual({ queries: 3, first: 1, last: 3 })
  })

  it('never have counts that are too high, in batches, whatever meets in a set, is no key, dies or is handed over', () => {
    // Two sets, and hashes of which some share a mark and nearly all a hint.
    const keys = Array.from({ length: 48 }, (_, i) => (i % 2) | ((1 + (i >> 1)) << 8) | ((i % 3) << 20))
    const key = fc.oneof({ arbitrary: fc.constantFrom(...keys), weight: 9 }, fc.constant(0))
    const batch = fc.oneof(
      fc.array(key, { minLength: 1, maxLength: 64 }),
      fc.constantFrom(...keys).map((hash) => Array(64).fill(hash)),
    )
    const step = fc.oneof(
      { arbitrary: batch, weight: 6 },
      fc.constantFrom('collect' as const, 'tick' as const, 'die' as const),
    )
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const handle = createTopKeys(1)
      const totals = new TopKeysTotals([handle])
      const asked = new Map<number, number>()
      let counter = new TopKeysCounter(handle, 1)
      let nowMs = 0
      for (const what of steps) {
        nowMs += 6_000
        if (what === 'collect') totals.collect(0, nowMs)
        else if (what === 'tick') counter.tick()
        else if (what === 'die') counter = new TopKeysCounter(handle, 1 + nowMs)
        else countBatch(counter, what, asked)
      }
      for (let i = 0; i < 4; i++) {
        counter.tick()
        totals.collect(0, nowMs + (i + 1) * 10_001)
      }
      const counted = totals
        .top(1000)
        .map(([text, { queries }]) => [Buffer.from(text, 'latin1').readInt32LE(), queries])
      for (const [hash, queries] of counted) {
        expect(queries).toBeGreaterThan(0)
        expect([hash, queries! <= (asked.get(hash!) ?? 0)]).toEqual([hash, true])
      }
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('lose nothing to queries that could not be read', () => {
    const handle = createTopKeys(1)
    const totals = new TopKeysTotals([handle])
    const counter = new TopKeysCounter(handle, 1)
    // All in the set of hash 0, which they fill.
    const hashes = Array.from({ length: 8 }, (_, i) => (1 + i) << 8)
    for (let i = 0; i < 5; i++) countBatch(counter, hashes)
    for (let i = 0; i < 100; i++) countBatch(counter, Array(64).fill(0))
    totals.collect(0, 10_001)
    counter.tick()
    totals.collect(0, 20_002)
    expect(totals.top(100).map(([, { queries }]) => queries)).toEqual(Array(8).fill(5))
  })
})

/** As a thread does: the key of each hash is that word. */
function countBatch(counter: TopKeysCounter, batch: readonly number[], asked = new Map<number, number>()): void {
  const hashes = Int32Array.from(batch)
  const wanting = new Uint8Array(64)
  for (const hash of batch) asked.set(hash, (asked.get(hash) ?? 0) + 1)
  const wants = counter.countHashes(hashes, hashes.length, 1, wanting)
  for (let w = 0; w < wants; w++) counter.countNew(hashes, wanting[w]!, 4, hashes[wanting[w]!]!, 1)
}
