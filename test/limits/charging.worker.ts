import { parentPort, workerData } from 'node:worker_threads'
import { RateTable } from '../../lib/limits/rate-table.js'

/** Charges one bucket as fast as it can until the shared clock has come to its end, and posts how often it was let through. */

export interface ChargingData {
  readonly memory: SharedArrayBuffer
  /** | milliseconds | threads that have started | */
  readonly clock: SharedArrayBuffer
  readonly hash: number
  readonly cost: number
  readonly endMs: number
  readonly threads: number
  /** One of the threads moves the clock, a millisecond each time that it has asked so often. 0: another does. */
  readonly asksPerMs: number
}

const { memory, clock, hash, cost, endMs, threads, asksPerMs } = workerData as ChargingData
const time = new Int32Array(clock)
const table = new RateTable(memory)
Atomics.add(time, 1, 1)
while (Atomics.load(time, 1) < threads);
let admitted = 0
let asked = 0
for (let now = Atomics.load(time, 0); now < endMs; now = Atomics.load(time, 0)) {
  if (table.charge(hash, cost, cost, now)) admitted++
  asked++
  if (asksPerMs > 0 && asked % asksPerMs === 0) Atomics.add(time, 0, 1)
}
parentPort!.postMessage({ admitted, asked })
