import { parentPort, workerData } from 'node:worker_threads'
import { RateTable } from '../../lib/limits/rate-table.js'

/** Meets the other threads before each round, then asks for one bucket as fast as it can, and counts how often it was let through. */

export interface ChargingData {
  readonly memory: SharedArrayBuffer
  /** | arrivals at the meeting point | let through in round 0 | in round 1 | … */
  readonly control: SharedArrayBuffer
  readonly threads: number
  readonly rounds: number
  /** What a thread asks for in a round. */
  readonly asks: number
  readonly cost: number
  /** From one round to the next: long enough that the bucket is full again. */
  readonly roundMs: number
}

const SPINS = 20_000

const { memory, control, threads, rounds, asks, cost, roundMs } = workerData as ChargingData
const words = new Int32Array(control)
const table = new RateTable(memory)
for (let round = 0; round < rounds; round++) {
  Atomics.add(words, 0, 1)
  Atomics.notify(words, 0)
  waitForArrivals(threads * (round + 1))
  let admitted = 0
  for (let i = 0; i < asks; i++) if (table.charge(0x12345678, cost, cost, round * roundMs)) admitted++
  Atomics.add(words, 1 + round, admitted)
}
parentPort!.postMessage('done')

/** Spins, so that the threads go on at the same moment; sleeps only where there are more threads than cores. */
function waitForArrivals(all: number): void {
  for (let spins = 0; ; spins++) {
    const arrived = Atomics.load(words, 0)
    if (arrived >= all) return
    if (spins > SPINS) Atomics.wait(words, 0, arrived)
  }
}
