import { randomInt } from 'node:crypto'
import { Measurements } from '../../../lib/metrics/measurements.js'
import { TopKeysCounter } from '../../../lib/metrics/top-keys-counter.js'
import { createTopKeys } from '../../../lib/metrics/top-keys-layout.js'
import { TopKeysTotals } from '../../../lib/metrics/top-keys-totals.js'
import { FoldedName } from '../../../lib/wire/folded-name.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { Answering } from '../../support/answering.js'
import { ZipfQueries } from './zipf-queries.js'

/** What measuring costs a query: the answering code with and without, in turns, over names by Zipf, in batches of 64 or what the command line says. */

const BATCH = Number(process.argv[2] ?? 64)
const BATCHES = Math.ceil(25_600 / BATCH)
const ROUNDS = 60

const queries = new ZipfQueries(BATCH)
const client = Uint8Array.of(10, 0, 0, 0)

type Kind = 'off' | 'figures' | 'figures, names' | 'figures, names, clients'

const kinds: readonly Kind[] = ['off', 'figures', 'figures, names', 'figures, names, clients']
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
      target.set(client)
      return 4
    },
  }
  return server
})

const fastest = servers.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, server] of servers.entries()) {
    const ns = queries.time({ server }, BATCHES)
    if (round > 5) fastest[i] = Math.min(fastest[i]!, ns)
  }
}
for (const [i, kind] of kinds.entries()) {
  console.log(`${kind.padEnd(30)} ${fastest[i]!.toFixed(1).padStart(7)} ns a query`)
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
durations.sort((a, b) => a - b)
console.log(
  `collecting names               ${durations[durations.length >> 1]!.toFixed(2).padStart(7)} ms by the median`,
)
process.exit()
