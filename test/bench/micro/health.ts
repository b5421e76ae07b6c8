import { HealthReader } from '../../../lib/health/health-reader.js'
import { HealthTable } from '../../../lib/health/health-table.js'
import { report } from './measure.js'

/** Looking addresses up with none, one and 100 000 unhealthy; setting a million. */

const ADDRESSES = 1 << 17
const bytes = new Uint8Array(4 * ADDRESSES)
for (let i = 0; i < ADDRESSES; i++) bytes.set([10, i >> 16, i >> 8, i], 4 * i)
const addressOf = (i: number) => Uint8Array.from([10, i >> 16, i >> 8, i])

function lookUp(what: string, unhealthy: number): void {
  const table = new HealthTable({ readers: 1, seed: 3, onSegment: () => undefined })
  for (let i = 0; i < unhealthy; i++) table.set(addressOf(i), 'unhealthy')
  const reader = new HealthReader(table.handle(0), () => undefined)
  reader.enter()
  report(`${what}, any of 131 072 addresses`, (i) =>
    Number(reader.isUnhealthy(bytes, 4 * (Math.imul(i, 7919) & (ADDRESSES - 1)), 4)),
  )
  report(`${what}, the same 32 addresses`, (i) => Number(reader.isUnhealthy(bytes, 4 * (i & 31), 4)))
}

lookUp('none unhealthy', 0)
lookUp('one unhealthy', 1)
lookUp('100 000 unhealthy', 100_000)

const million = new HealthTable({ readers: 1, seed: 3, onSegment: () => undefined })
function timed(what: string, change: () => void): void {
  const start = performance.now()
  change()
  console.log(`${what}: ${(performance.now() - start).toFixed(0)} ms`)
}
const setAll = (state: 'healthy' | 'unhealthy') => () => {
  for (let i = 0; i < 1_000_000; i++) million.set(addressOf(i), state)
}
timed('a million addresses set unhealthy', setAll('unhealthy'))
const { usedBytes, allocatedBytes } = million.size
console.log(`memory for each: ${usedBytes / 1e6} bytes in use, ${allocatedBytes / 1e6} taken`)
timed('then healthy', setAll('healthy'))
timed('then cleared', () => million.clear())
