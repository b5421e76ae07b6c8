import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { HealthTable } from '../../lib/health/health-table.js'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import type { ReadingData } from './reading.worker.js'

const ADDRESSES = 60_000

it('readers in other threads see every address that has been set, and no other, while the table grows and gives memory back', async () => {
  const control = new SharedArrayBuffer(16)
  const words = new Int32Array(control)
  const workers: Worker[] = []
  const table = new HealthTable({
    readers: 2,
    seed: 5,
    onSegment: (segment) => {
      for (const worker of workers) worker.postMessage({ table: 'health', segment })
    },
  })
  for (let slot = 0; slot < 2; slot++) {
    const workerData: ReadingData = { handle: table.handle(slot), control }
    workers.push(new Worker(new URL('reading.worker.js', TEST_WORKERS), { workerData }))
  }
  const ends = workers.map((worker) => once(worker, 'message'))
  const address = (first: number, number: number) => Uint8Array.from([first, number >> 16, number >> 8, number])
  for (let i = 0; i < ADDRESSES; i++) {
    table.set(address(10, i), 'unhealthy')
    table.set(address(11, i), 'unhealthy')
    if (i % 3 === 0) table.set(address(11, i), 'healthy')
    if (i >= 100) table.set(address(11, i - 100), 'unknown')
    Atomics.store(words, 1, i + 1)
    // The readers take turns with the writer, however few cores there are.
    if (i % 5000 === 0) await Promise.race([...ends, roundsAfter(words, Atomics.load(words, 2))])
  }
  Atomics.store(words, 0, 1)
  expect((await Promise.all(ends)).map(([message]) => message)).toEqual(['done', 'done'])
  expect(table.unhealthyCount).toBeGreaterThanOrEqual(ADDRESSES)
})

/** Resolves when the readers have gone round again. */
async function roundsAfter(words: Int32Array, before: number): Promise<void> {
  while (Atomics.load(words, 2) - before < 4) await new Promise(setImmediate)
}
