import { ExchangeRing } from '../../../lib/export/exchange-ring.js'
import { createRing, NONE } from '../../../lib/export/ring-layout.js'
import { RingReader } from '../../../lib/export/ring-reader.js'
import { ThreadTap } from '../../../lib/export/thread-tap.js'
import { createBell } from '../../../lib/handoff/bell.js'
import { Measurements } from '../../../lib/metrics/measurements.js'
import { Answering } from '../../support/answering.js'
import { ZipfQueries } from './zipf-queries.js'

/** What exporting costs the thread that answers: the answering code with and without a tap, in turns, in batches of 64. The ring is emptied off the clock. */

const BATCH = 64
const BATCHES = 100
const ROUNDS = 200

const queries = new ZipfQueries(BATCH)
const client = Uint8Array.of(10, 0, 0, 1)

function server4(target: Uint8Array): number {
  for (let i = 0; i < 4; i++) target[i] = client[i]!
  return 4
}

const kinds = [
  { kind: 'off', sample: 0 },
  { kind: 'off, once more', sample: 0 },
  { kind: 'one in a hundred', sample: 100 },
  { kind: 'each', sample: 1 },
]
const servers = kinds.map(({ sample }) => {
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
  const options = { topNames: true, topClients: true }
  const measure = new Measurements(1, [{ name: 'example' }], options, clock).handle(0)
  const server = new Answering({ measure, batchSize: BATCH })
  server.put(...queries.rrsets)
  server.pipeline.clients = {
    clientAddress(_, target) {
      for (let i = 0; i < 4; i++) target[i] = client[i]!
      return 4
    },
    clientPort: () => 5353,
    serverAddress: (_, target) => server4(target),
    serverPort: () => 53,
  }
  const ring = createRing(2 ** 21, createBell())
  const handle = { ring, logSample: 0, dnstapSample: sample, upstreamSample: 0 }
  const tap = sample === 0 ? undefined : new ThreadTap(new ExchangeRing(ring), handle, server.meter!, 1)
  server.pipeline.tap = tap
  return { server, tap, reader: new RingReader(ring) }
})

const fastest = servers.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, each] of servers.entries()) {
    const ns = queries.time(each, BATCHES)
    if (round > 20) fastest[i] = Math.min(fastest[i]!, ns)
    while (each.reader.next() !== NONE);
    each.reader.free()
    if (each.reader.takeLost() > 0) throw new Error('the ring was full: what was measured is something else')
  }
}
for (const [i, { kind }] of kinds.entries()) {
  console.log(`${kind.padEnd(20)} ${fastest[i]!.toFixed(1).padStart(7)} ns a query`)
}
