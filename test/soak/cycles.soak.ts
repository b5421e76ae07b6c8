import { readdirSync } from 'node:fs'
import { loadProduct } from '../bench/servers/product.js'
import { megabytes } from '../bench/table.js'
import type { Soak } from './soak.js'

const CYCLES = 100
/** After 40 servers, memory is as large as it gets (tried, 2026-11). */
const WARM_UP_CYCLES = 50
/** Of what a process holds after the warm-up. */
const RSS_GROWTH = 0.05

/** Starts and closes servers, for as long as it is given and a hundred times at least. */
export const soak: Soak = {
  name: 'cycles',
  minutes: 5,
  async run(report, minutes) {
    const { createContainerDns } = await loadProduct('dist')
    const cycle = async () => (await createContainerDns({ listen: { port: 0 }, workers: 2 })).close()
    for (let i = 0; i < WARM_UP_CYCLES; i++) await cycle()
    const before = held()
    const end = performance.now() + minutes * 60_000
    let cycles = 0
    while (cycles < CYCLES || performance.now() < end) {
      await cycle()
      cycles++
    }
    const after = held()
    report(`${cycles} cycles; ${JSON.stringify(before)} → ${JSON.stringify(after)}`)
    if (after.descriptors > before.descriptors || after.threads > before.threads)
      throw new Error('something was left open')
    if (after.residentBytes > before.residentBytes * (1 + RSS_GROWTH)) {
      throw new Error(`RSS went from ${megabytes(before.residentBytes)} to ${megabytes(after.residentBytes)} MB`)
    }
  },
}

function held() {
  return {
    residentBytes: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  }
}
