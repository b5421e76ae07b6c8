import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { TEST_WORKERS } from '../support/build-for-tests.js'
import { a, CheckedCache, folded, isNumberedAnswer, keep } from './checked-cache.js'
import type { WritingData } from './writing.worker.js'

const NAMES = 2000
const BATCH = 32
/** Puts that a writer is given before it is ended: more than the cache holds. */
const PUTS = 5000

describe('the writer', { timeout: 60_000 }, () => {
  it('may be ended at any point: readers never see a mixture, and the next one begins with an empty cache', async () => {
    const cache = new CheckedCache({ readers: 2, maxEntries: 100_000 })
    const control = new SharedArrayBuffer(4)
    const rounds = new Int32Array(control)
    let hits = 0
    for (let life = 0; life < 4; life++) {
      const workerData: WritingData = { handle: cache.memory.handle(2), names: NAMES, control }
      const worker = new Worker(new URL('writing.worker.js', TEST_WORKERS), { workerData })
      try {
        await once(worker, 'message')
        const end = Atomics.load(rounds, 0) + PUTS
        while (Atomics.load(rounds, 0) - end < 0) {
          hits += askBatch(cache)
          await nextTurn()
        }
      } finally {
        await worker.terminate()
      }
      cache.memory.release(2)
      // Until there is a successor, what is there goes on being answered.
      hits += askBatch(cache)
    }
    expect(hits).toBeGreaterThan(100)
    expect(cache.memory.size.evicted).toBeGreaterThan(0)
  })

  it('uses nothing of what its predecessor has left while a reader that found it is there', () => {
    const cache = new CheckedCache()
    const key = { name: 'before.example' }
    cache.put(key, { answer: [a(60, 1)] })
    cache.reader.enter()
    expect(cache.find(key, 1)).toBe(true)
    const before = cache.write()
    const old = cache.writer
    cache.newWriter()
    expect(cache.memory.size.entries).toBe(0)
    for (let i = 0; i < 1000; i++) expect(cache.put({ name: `n${i}.example` }, { answer: [a(60, 2)] })).toBe(false)
    expect(cache.write()).toEqual(before)
    expect(cache.find(key, 1), 'the next look-up').toBe(false)
    cache.reader.leave()
    expect(cache.put(key, { answer: [a(60, 3)] })).toBe(true)

    // Its thread may live on for a moment.
    expect(old.put(folded('late.example'), 1, 1, 0, 0, keep({ answer: [a(60)] }))).toBe(false)
    expect(old.flush()).toBe(0)
    old.sweep(1000)
    expect(cache.find({ name: 'late.example' }, 1)).toBe(false)
    expect(cache.find(key, 1)).toBe(true)
  })
})

/** Looks names up as a DNS thread does for a batch of queries, and returns how many were there. */
function askBatch(cache: CheckedCache): number {
  let hits = 0
  const reader = cache.reader
  reader.enter()
  const names = Array.from({ length: BATCH }, () => Math.floor(Math.random() * NAMES))
  names.forEach((number, i) => {
    reader.expect(i, folded(`n${number}.example`), 1, 1, 0, 0)
  })
  reader.prefetch(BATCH)
  for (const number of names) {
    if (!cache.find({ name: `n${number}.example` }, 0)) continue
    hits++
    const first = cache.write().body
    if (!isNumberedAnswer(first, number)) throw new Error(`the answer for ${number} is a mixture: ${first}`)
    // Until the reader leaves, it stays as it is, whatever the writer does.
    for (let again = 0; again < 5; again++) expect(cache.write().body).toEqual(first)
  }
  reader.leave()
  return hits
}
