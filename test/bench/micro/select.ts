import { FastRandom } from '../../../lib/fast-random.js'
import { RecordSelection } from '../../../lib/query/select/record-selection.js'
import { SELECTION_POLICIES } from '../../../lib/records/selection-options.js'
import { report } from './measure.js'

/** Putting the records of an RRset in order, by each policy. */

function addresses(count: number): Uint8Array {
  return Uint8Array.from(Array.from({ length: count }, (_, i) => [0, 4, 10, 0, i >> 8, i & 255]).flat())
}

const selection = new RecordSelection(new FastRandom(1))
selection.weights.forEach((_, i) => {
  selection.weights[i] = 1 + (i % 7)
})

for (const count of [1, 4, 16, 200]) {
  const bytes = addresses(count)
  for (const policy of SELECTION_POLICIES) {
    for (const maxAnswers of count === 4 || count === 200 ? [count, 1] : [count]) {
      report(`${policy}, ${maxAnswers} of ${count} addresses`, (i) => {
        selection.collect(bytes, 0, count)
        const answers = selection.select(policy, maxAnswers, i & 1023, 1, Math.imul(i, 0x9e3779b1), bytes)
        return answers + selection.positions[0]!
      })
    }
  }
}
const bytes = addresses(4)
report('four addresses collected, one left out, shuffled', () => {
  selection.collect(bytes, 0, 4)
  for (let i = 0; i < 4; i++) selection.usable[i] = i === 2 ? 0 : 1
  selection.keepUsable()
  return selection.select('shuffle', 4, 0, 1, 0, bytes) + selection.positions[0]!
})
