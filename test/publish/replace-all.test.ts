import { createContainerDns, memoryStore, type RecordStore } from 'containerdns'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../lib/clock.js'
import { silentLogger } from '../../lib/log.js'
import { Publisher } from '../../lib/publish/publisher.js'
import type { IndexImage } from '../../lib/record-index/index-image.js'
import { RecordIndexWriter } from '../../lib/record-index/record-index-writer.js'
import { decodeRRset } from '../../lib/records/wire-rrset.js'
import type { StoreSink } from '../../lib/store/record-store.js'
import { nameFromText, nameToText } from '../../lib/wire/name.js'
import { CheckedIndex, type PlainRRset, SEED, toPlain, toWire } from '../record-index/checked-index.js'
import { dataOf, UdpClient } from '../support/udp-client.js'

const address = (host: number): PlainRRset => ({ type: 1, ttl: 30, count: 1, wire: [0, 4, 192, 0, 2, host], side: [] })
const A = address(1)
const B = address(2)
const TXT: PlainRRset = { type: 16, ttl: 0, count: 1, wire: [0, 3, 2, 104, 105], side: [7, 7, 7] }

type Records = ReadonlyMap<string, readonly PlainRRset[]>
const never = new AbortController().signal

function imageOf(records: Records, seed = SEED): IndexImage {
  const index = new RecordIndexWriter({ readers: 0, seed, serial: 0, onSegment: () => {} })
  for (const [name, rrsets] of records) index.write(nameFromText(name), toWire(rrsets))
  return structuredClone(index.image())
}

/** A publisher over an index that a reader checks against a Map. */
class CheckedPublisher {
  readonly index = new CheckedIndex()
  readonly changes: string[] = []
  readonly publisher: Publisher

  constructor(synthesizesPtr = false) {
    this.publisher = new Publisher({
      index: this.index.writer,
      defaultTtl: 30,
      logger: silentLogger,
      clock: systemClock,
      views: ['default'],
      loaderFile: '',
      readerSlot: 0,
      placeOf: () => 'inside',
      zoneNames: () => [],
      synthesizesPtr,
      onChange: (name) => this.changes.push(nameToText(name)),
      onBadRecord: () => {},
      onDown: () => {},
      onUp: () => {},
      onHealth: () => {},
      onError: () => {},
    })
  }

  async replaceAll(records: Records): Promise<number> {
    const changed = await this.publisher.replaceAll(imageOf(records), never)
    this.index.model.clear()
    for (const [name, rrsets] of records) this.index.model.set(name, rrsets)
    return changed
  }
}

const label = fc.constantFrom('a', 'b', 'c', 'd', 'a-long-label-of-its-own')
const owner = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const records: fc.Arbitrary<Records> = fc
  .array(fc.tuple(owner, fc.constantFrom([A], [B], [TXT], [A, TXT])), { size: 'large', maxLength: 60 })
  .map((pairs) => new Map(pairs))

describe('replaceAll', { timeout: 60_000 }, () => {
  it('agrees with a Map after any run of images, says what changed, and nothing of what did not', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.array(records, { minLength: 1, maxLength: 4 }), async (first, others) => {
        const checked = new CheckedPublisher()
        expect(await checked.replaceAll(first)).toBe(first.size)
        expect(checked.changes).toEqual([])
        let before = first
        for (const next of [...others, others.at(-1)!]) {
          // The first image of all that holds anything is taken over.
          const isUntouched = checked.index.writer.isUntouched
          checked.changes.length = 0
          const wanted = difference(before, next)
          expect(await checked.replaceAll(next)).toBe(wanted.length)
          if (!isUntouched) expect(checked.changes.sort()).toEqual(wanted)
          checked.index.check(before.keys())
          before = next
        }
      }),
      { numRuns: 60 },
    )
  })

  it('moves the serial with a first load and with each change, and not when nothing differs', async () => {
    const checked = new CheckedPublisher()
    const { reader } = checked.index.writer
    const serials = [reader.serial]
    const few: Records = new Map([['a.example', [A]]])
    await checked.replaceAll(few)
    serials.push(reader.serial)
    await checked.replaceAll(new Map([['a.example', [B]]]))
    serials.push(reader.serial)
    expect(new Set(serials).size).toBe(3)
    await checked.replaceAll(new Map([['a.example', [B]]]))
    expect(reader.serial).toBe(serials[2])
    await checked.publisher.settled()
  })

  it('takes over no image once something was written, be it removed again', async () => {
    const checked = new CheckedPublisher()
    checked.publisher.write(nameFromText('gone.example'), toWire([A]))
    checked.publisher.write(nameFromText('gone.example'), [])
    checked.changes.length = 0
    expect(await checked.replaceAll(new Map([['a.example', [A]]]))).toBe(1)
    expect(checked.changes).toEqual(['a.example'])
    checked.index.check(['gone.example'])
  })

  it('refuses an image of another seed before anything has changed', async () => {
    for (const isUsed of [false, true]) {
      const checked = new CheckedPublisher()
      if (isUsed) checked.index.write('b.example', [B])
      const image = imageOf(new Map([['a.example', [A]]]), SEED + 1)
      await expect(checked.publisher.replaceAll(image, never)).rejects.toThrow()
      checked.index.check(['a.example'])
    }
  })

  it('ends between two slices when its signal is aborted, with whole owners on either side', async () => {
    const checked = new CheckedPublisher()
    const many = (rrset: PlainRRset): Records =>
      new Map(Array.from({ length: 30_000 }, (_, i) => [`n${i}.example`, [rrset]]))
    await checked.replaceAll(many(A))
    const abort = new AbortController()
    const reason = new Error('no more')
    const image = imageOf(many(B))
    setImmediate(() => abort.abort(reason))
    await expect(checked.publisher.replaceAll(image, abort.signal)).rejects.toBe(reason)
    expect(checked.changes.length).toBeGreaterThan(0)
    expect(checked.changes.length).toBeLessThan(30_000)
    for (const name of checked.changes) {
      expect(checked.publisher.read(nameFromText(name)).map(toPlain)).toEqual([B])
    }
  })

  it('makes PTR records for the addresses of an image, the first one too, and takes them back', async () => {
    const { index, publisher } = new CheckedPublisher(true)
    const pointers = (host: number) => {
      const rrset = index.writer.readSynthesized(nameFromText(`${host}.2.0.192.in-addr.arpa`))
      return rrset === undefined ? [] : decodeRRset(nameFromText('x'), rrset).data
    }
    expect(
      await publisher.replaceAll(
        imageOf(
          new Map([
            ['a.example', [A]],
            ['b.example', [B]],
          ]),
        ),
        never,
      ),
    ).toBe(2)
    expect([pointers(1), pointers(2)]).toEqual([['a.example'], ['b.example']])
    const next: Records = new Map([
      ['a.example', [B]],
      ['2.2.0.192.in-addr.arpa', [TXT]],
    ])
    expect(await publisher.replaceAll(imageOf(next), never)).toBe(3)
    expect([pointers(1), pointers(2)]).toEqual([[], ['a.example']])
    expect(publisher.read(nameFromText('2.2.0.192.in-addr.arpa')).map(toPlain)).toEqual([TXT])
    // What was made up is no difference.
    expect(await publisher.replaceAll(imageOf(next), never)).toBe(0)
    expect(pointers(2)).toEqual(['a.example'])
  })

  it('takes nothing from an image that another server had made up', async () => {
    const other = new CheckedPublisher(true)
    const reverse = '1.2.0.192.in-addr.arpa'
    other.publisher.write(nameFromText('a.example'), toWire([A]))
    other.publisher.write(nameFromText(reverse), toWire([TXT]))
    expect(other.index.writer.readSynthesized(nameFromText(reverse))).toBeDefined()
    // As a snapshot gives it back, which holds what was answered with.
    const image = { ...other.index.writer.image(), hasSynthesized: true }
    const { index, publisher } = new CheckedPublisher()
    expect(await publisher.replaceAll(image, never)).toBe(2)
    index.model.set('a.example', [A]).set(reverse, [TXT])
    index.check()
    expect(index.writer.readSynthesized(nameFromText(reverse))).toBeUndefined()
  })

  it('loses no query and answers none wrongly while it goes on', async () => {
    const stays = 3_000
    const comes = 20_000
    const version = (host: number): Records =>
      new Map(
        Array.from({ length: stays + comes }, (_, i) => [
          `n${i < stays ? i : i + host * comes}.example`,
          [address(host)],
        ]),
      )
    const store = new SinkStore()
    await using server = await createContainerDns({ zones: ['example'], listen: { port: 0 }, workers: 2, store })
    const sink = store.sink!
    await sink.replaceAll(imageOf(version(0), sink.seed), never)
    await sink.settled()
    let host = 0
    let isOver = false
    let asked = 0
    const ask = async () => {
      await using client = await UdpClient.open(server.addresses[0]!)
      while (!isOver) {
        const oldest = host
        const answer = await client.ask(`n${asked++ % stays}.example`)
        const [data] = dataOf(answer) as [string]
        // Versions are replaced one after the other; while one is, a name may have it already.
        const newest = host + 1
        const seen = Number(data?.split('.')[3])
        expect(answer.rcode).toBe('NOERROR')
        expect(seen, 'neither gone back nor ahead').toBeGreaterThanOrEqual(oldest)
        expect(seen).toBeLessThanOrEqual(newest)
      }
    }
    const clients = Promise.all(Array.from({ length: 16 }, ask))
    for (let next = 1; next <= 6; next++) {
      expect(await sink.replaceAll(imageOf(version(next), sink.seed), never)).toBe(stays + 2 * comes)
      await sink.settled()
      host = next
    }
    isOver = true
    await clients
    expect(asked).toBeGreaterThan(500)
    expect(server.stats().index.names).toBe(stays + comes)
  })
})

/** The names that an image adds, changes or removes, sorted. */
function difference(before: Records, next: Records): string[] {
  const names = new Set([...before.keys(), ...next.keys()])
  return [...names].filter((name) => JSON.stringify(before.get(name)) !== JSON.stringify(next.get(name))).sort()
}

/** A store that does nothing but to give its sink away. */
class SinkStore implements RecordStore {
  readonly kind = 'sink'
  readonly #inner = memoryStore()
  sink: StoreSink | undefined

  async open(sink: StoreSink): Promise<void> {
    this.sink = sink
  }

  put = this.#inner.put.bind(this.#inner)
  delete = this.#inner.delete.bind(this.#inner)
  edit = this.#inner.edit.bind(this.#inner)
  status = this.#inner.status.bind(this.#inner)

  async close(): Promise<void> {}
}
