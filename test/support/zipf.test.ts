import { expect, it } from 'vitest'
import { FastRandom } from '../../lib/fast-random.js'
import { Zipf } from './zipf.js'

it('gives each rank in proportion to its harmonic weight', () => {
  const zipf = new Zipf(4, 1, new FastRandom(5))
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 25_000; i++) counts[zipf.next()]!++
  // 1 + 1/2 + 1/3 + 1/4 = 25/12.
  for (const [rank, count] of counts.entries()) expect(count / 12_000).toBeCloseTo(1 / (rank + 1), 1)
})
