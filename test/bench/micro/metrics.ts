import { randomInt } from 'node:crypto'
import { Measurements } from '../../../lib/metrics/measurements.js'
import { TopKeysCounter } from '../../../lib/metrics/top-keys-counter.js'
import { createTopKeys } from '../../../lib/metrics/top-keys-layout.js'
import { TopKeysTotals } from '../../../lib/metrics/top-keys-totals.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { Answering } from '../../support/answering.js'
import { median, quantile } from '../statistics.js'
import { ZipfQueries } from './zipf-queries.js'

/**
 * What measuring costs a query: the answering code with and without, in turns, round by round.
 *
 * The command line says how many queries are in a batch (64), whether names come by `zipf` or `even`, and how many there are (10 000).
 */

const [batchText = '64', load = 'zipf', namesText = '10000'] = process.argv.slice(2)
const BATCH = Number(batchText)
/** Short, so that many rounds are not disturbed by whatever else uses the machine. */
const ROUND_QUERIES = 3_200
const ROUNDS = 1_500
const WARM_UP_ROUNDS = 150

const queries = new ZipfQueries(BATCH, Number(namesText), load === 'zipf' ? 1 : 0)
/** As a receive call leaves it. */
const client = Uint8Array.of(10, 0, 0, 0)

type Kind = 'off' | 'figures' | 'figures, names' | 'figures, clients' | 'figures, names, clients'

const kinds: readonly Kind[] = ['off', 'figures', 'figures, names', 'figures, clients', 'figures, names, clients']
const servers = kinds.map((kind) => {
  const options = { topNames: kind.includes('names'), topClients: kind.includes('clients') }
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
  const measurements = new Measurements(1, [{ name: 'example' }], options, clock)
  const server = new Answering({ measure: kind === 'off' ? undefined : measurements.handle(0), batchSize: BATCH })
  server.put(...queries.rrsets)
  server.pipeline.clients = {
    clientAddress(i, target) {
      client[2] = queries.rank(i) & 3
      client[3] = queries.rank(i) & 255
      for (let at = 0; at < 4; at++) target[at] = client[at]!
      return 4
    },
  }
  return server
})

/** Of each kind, the nanoseconds of a query in each round. */
const costs: number[][] = kinds.map(() => [])
for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round++) {
  const { position } = queries
  for (let turn = 0; turn < kinds.length; turn++) {
    // All of a round are asked the same, of which the first has the queries' bytes to fetch.
    const i = (round + turn) % kinds.length
    queries.position = position
    const ns = queries.time({ server: servers[i]! }, ROUND_QUERIES / BATCH)
    if (round >= WARM_UP_ROUNDS) costs[i]!.push(ns)
  }
}
const fastest = costs.map((each) => Math.min(...each))
/** Of rounds that are faster than four fifths. */
const fast = costs.map((each) => quantile(each, 0.2))
console.log(`ns a query: ${['fifth', 'more', 'fastest', 'more'].map((title) => title.padStart(8)).join(' ')}`)
for (const [i, kind] of kinds.entries()) {
  const cells = [fast[i]!, fast[i]! - fast[0]!, fastest[i]!, fastest[i]! - fastest[0]!]
  console.log(`            ${cells.map((cell) => cell.toFixed(1).padStart(8)).join(' ')}  ${kind}`)
}

// What the main thread pays for a table that is full of names.
const handle = createTopKeys(64)
const counter = new TopKeysCounter(handle, randomInt(1, 1000))
const totals = new TopKeysTotals([handle])
const folded = new FoldedName()
const durations: number[] = []
for (let round = 0; round < 20; round++) {
  for (let i = 0; i < 8000; i++) {
    const bytes = nameFromText(`service-${round}-${i % 2000}.example`)
    folded.read(bytes, 0, bytes.length, 1)
    counter.count(folded.words, folded.length, folded.hash, 1)
  }
  counter.tick()
  const start = performance.now()
  totals.collect(0, round * 20_000)
  if (round > 3) durations.push(performance.now() - start)
}
console.log(`collecting names: ${median(durations).toFixed(2)} ms by the median`)
process.exit()
