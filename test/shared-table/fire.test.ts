import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { releaseReader } from '../../lib/shared-table/epochs.js'
import { BUCKETS_PER_SEGMENT } from '../../lib/shared-table/layout.js'
import type { Segment } from '../../lib/shared-table/segments.js'
import { TableWriter } from '../../lib/shared-table/table-writer.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import {
  FIRE,
  type FireData,
  fillPayload,
  hashOf,
  kindOf,
  payloadWords,
  Random,
  READER,
  readerWord,
  writeKey,
} from './fire-protocol.js'

/** How long the writer goes on after the table has grown; hours for a soak. */
const SOAK_SECONDS = Number(process.env['CONTAINERDNS_SOAK_SECONDS'] ?? 0)
const SOAK_MS = 1000 * SOAK_SECONDS
const READERS = 3
/** The writer looks after its own thread's events this often. */
const TURN_EVERY = 2000
/** A key that is removed once is removed when this many more have been put. */
const REMOVED_AFTER = 1000

/** One writer, here, and readers in threads of their own that check whatever they find. */
class Fire implements AsyncDisposable {
  readonly #workers: (Worker | undefined)[] = []
  readonly #segments: Segment[] = []
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * (FIRE.readers + READERS * READER.words)))
  readonly #generations: Int32Array
  readonly table = new TableWriter({
    readers: READERS,
    seed: 0,
    onSegment: (segment) => {
      this.#segments.push(segment)
      for (const worker of this.#workers) worker?.postMessage(segment)
    },
  })
  readonly #key = new Uint8Array(64)
  readonly #random = new Random(99)
  #generation = 0
  #putBelow = 0
  #failure: unknown

  constructor(maxKeys: number) {
    this.#generations = new Int32Array(new SharedArrayBuffer(4 * maxKeys))
  }

  async startReader(reader: number, file = 'fire-reader.worker.js'): Promise<void> {
    const data: FireData = {
      reader,
      control: this.#control.buffer as SharedArrayBuffer,
      generations: this.#generations.buffer as SharedArrayBuffer,
      table: this.table.control.buffer as SharedArrayBuffer,
    }
    const worker = new Worker(new URL(file, TEST_WORKERS), { workerData: data })
    for (const segment of this.#segments) worker.postMessage(segment)
    worker.on('error', (error) => {
      this.#failure ??= error
    })
    this.#workers[reader] = worker
    await once(worker, 'message')
  }

  /** As when a thread is ended by force: in the middle of whatever it does. */
  async killReader(reader: number): Promise<void> {
    const worker = this.#workers[reader]!
    this.#workers[reader] = undefined
    await worker.terminate()
  }

  /** Puts so many new keys, and between them replaces, removes and puts again old ones. */
  async grow(keys: number, replaceEvery: number): Promise<void> {
    for (let i = 1; i <= keys; i++) {
      this.#put(this.#putBelow)
      Atomics.store(this.#control, FIRE.putBelow, ++this.#putBelow)
      this.#removeOnce(this.#putBelow - REMOVED_AFTER)
      if (i % replaceEvery === 0) this.#change(this.#random.below(this.#putBelow))
      if (i % TURN_EVERY === 0) await this.#turn()
    }
  }

  async change(times: number): Promise<void> {
    for (let i = 1; i <= times; i++) {
      this.#change(this.#random.below(this.#putBelow))
      if (i % TURN_EVERY === 0) await this.#turn()
    }
  }

  async #turn(): Promise<void> {
    await nextTurn()
    if (this.#failure !== undefined) throw this.#failure
  }

  #change(key: number): void {
    const kind = kindOf(key)
    if (kind === 'stays') this.#put(key)
    else if (kind === 'comes and goes' && !this.#remove(key)) this.#put(key)
  }

  #put(key: number): void {
    const length = writeKey(key, this.#key)
    const generation = ++this.#generation
    this.table.begin(this.#key, length, 4 * payloadWords(key, generation))
    fillPayload(this.table.words, this.table.payloadWord, key, generation)
    this.table.publish(hashOf(key))
    Atomics.store(this.#generations, key, generation)
  }

  #remove(key: number): boolean {
    return this.table.remove(hashOf(key), this.#key, writeKey(key, this.#key))
  }

  #removeOnce(key: number): void {
    if (key < 0 || kindOf(key) !== 'removed once') return
    this.#remove(key)
    Atomics.store(this.#control, FIRE.removedBelow, key + 1)
  }

  hold(reader: number): void {
    Atomics.store(this.#control, FIRE.hold, reader + 1)
  }

  holdNobody(): void {
    Atomics.store(this.#control, FIRE.hold, 0)
  }

  count(reader: number, word: number): number {
    return Atomics.load(this.#control, readerWord(reader, word)) >>> 0
  }

  /** Waits until a counter of a reader has grown by so much. */
  async until(reader: number, word: number, more: number): Promise<void> {
    const target = this.count(reader, word) + more
    while (this.count(reader, word) < target) await this.#turn()
  }

  /** Ends the readers; fails with what one of them has met. */
  async stop(): Promise<void> {
    Atomics.store(this.#control, FIRE.stop, 1)
    const alive = this.#workers.filter((worker) => worker !== undefined)
    await Promise.all(alive.map((worker) => once(worker, 'exit').catch(() => {})))
    this.#workers.length = 0
    if (this.#failure !== undefined) throw this.#failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker?.terminate()))
  }
}

async function startFire(maxKeys: number, readers = READERS): Promise<Fire> {
  const fire = new Fire(maxKeys)
  await fire.grow(10, 1)
  for (let reader = 0; reader < readers; reader++) await fire.startReader(reader)
  return fire
}

function giveEverythingBack(table: TableWriter): void {
  for (let before = Number.POSITIVE_INFINITY; table.retiredBytes > 0 && table.retiredBytes < before; ) {
    before = table.retiredBytes
    table.seal()
  }
  expect(table.retiredBytes).toBe(0)
}

describe('readers under fire', () => {
  it(
    'never miss a key, meet a mixture or go back in time while the table grows, and old bytes are reused',
    async () => {
      const keys = 300_000
      await using fire = await startFire(keys + 10)
      await fire.grow(keys, 2)
      const { allocatedBytes } = fire.table
      const deadline = performance.now() + SOAK_MS
      do await fire.change(300_000)
      while (performance.now() < deadline)
      for (let reader = 0; reader < READERS; reader++) {
        await fire.until(reader, READER.lookups, 1000)
        expect(fire.count(reader, READER.hits)).toBeGreaterThan(1000)
        expect(fire.count(reader, READER.segments), 'segments taken under load').toBeGreaterThan(20)
      }
      await fire.stop()
      giveEverythingBack(fire.table)
      expect(fire.table.bucketCount).toBeGreaterThan(60_000)
      expect(fire.table.allocatedBytes, 'after 40 MB of replacements').toBeLessThan(1.4 * allocatedBytes)
    },
    60_000 + SOAK_MS,
  )

  it('follow the table into its second segment of buckets', async () => {
    const keys = Math.ceil((BUCKETS_PER_SEGMENT + 2000) * 4 * (8 / 6.5))
    // One reader will do: with a core for the writer a million keys are put in half the time.
    await using fire = await startFire(keys + 10, 1)
    await fire.grow(keys, 50)
    await fire.until(0, READER.lookups, 10_000)
    await fire.stop()
    expect(fire.table.bucketCount).toBeGreaterThan(BUCKETS_PER_SEGMENT)
    giveEverythingBack(fire.table)
  }, 120_000)

  it('meet each key once that stays, whole, in a walk through buckets that are being split', async () => {
    const keys = 300_000
    await using fire = new Fire(keys + 10)
    await fire.grow(10, 1)
    await fire.startReader(0, 'fire-walker.worker.js')
    await fire.grow(keys, 2)
    await fire.until(0, READER.lookups, 1000)
    expect(fire.count(0, READER.hits)).toBeGreaterThan(10_000)
    await fire.stop()
    giveEverythingBack(fire.table)
  }, 60_000)

  it('lose one of them, killed while it reads: what it held stays until its slot is released, then bytes are reused', async () => {
    await using fire = await startFire(50_010)
    await fire.grow(50_000, 2)
    fire.hold(1)
    await fire.until(1, READER.held, 1)
    await fire.change(100_000)
    // It has looked at its entries after all that, and found them as they were.
    await fire.until(1, READER.held, 2)
    const held = fire.table.retiredBytes
    expect(held).toBeGreaterThan(5_000_000)
    await fire.killReader(1)
    fire.holdNobody()
    await fire.change(5000)
    expect(fire.table.retiredBytes, 'nobody has said yet that it is dead').toBeGreaterThan(held)
    releaseReader(fire.table.control, 1)
    await fire.change(50_000)
    const { allocatedBytes } = fire.table
    expect(fire.table.retiredBytes).toBeLessThan(held / 2)

    await fire.startReader(1)
    await fire.change(100_000)
    await fire.until(1, READER.lookups, 10_000)
    expect(fire.table.allocatedBytes).toBe(allocatedBytes)
    await fire.stop()
    giveEverythingBack(fire.table)
  }, 60_000)
})
