import type { ContainerDns, RRset } from '../../../lib/index.js'
import { hostAddress, hostName } from '../names.js'
import { type LoopReport, LoopSampler } from './loop-sampler.js'

/** What putting the hosts in has cost. */
export interface LoadReport {
  readonly names: number
  /** In `records.put` alone; making the RRsets is not counted. */
  readonly putMs: number
  readonly loop: LoopReport
  /** What is left on the JavaScript heap when all is garbage-collected. */
  readonly heapGrowthBytes: number
}

const BATCH = 10_000
/** RRsets made in one turn of the event loop, so that making them is not the longest turn. */
const MADE_AT_ONCE = 500

/** Puts hosts 0 to `names` - 1 into a server, a batch at a time. */
export async function loadRecords({ records }: ContainerDns, names: number): Promise<LoadReport> {
  const sampler = new LoopSampler()
  const heapBefore = heapBytes()
  let putMs = 0
  sampler.start()
  for (let first = 0; first < names; first += BATCH) {
    const batch = await makeRRsets(first, Math.min(first + BATCH, names))
    const from = performance.now()
    await records.put(batch)
    putMs += performance.now() - from
  }
  const loop = await sampler.stop()
  return { names, putMs, loop, heapGrowthBytes: heapBytes() - heapBefore }
}

async function makeRRsets(first: number, end: number): Promise<RRset[]> {
  const rrsets: RRset[] = []
  for (let host = first; host < end; host++) {
    rrsets.push({ name: hostName(host), type: 'A', data: [hostAddress(host)] })
    if (host % MADE_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return rrsets
}

/** Run with --expose-gc. */
function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
