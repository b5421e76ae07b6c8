import { createRing, NONE } from '../../../lib/export/ring-layout.js'
import { RingReader } from '../../../lib/export/ring-reader.js'
import { ThreadTap } from '../../../lib/export/thread-tap.js'
import { FastRandom } from '../../../lib/fast-random.js'
import { createBell } from '../../../lib/handoff/bell.js'
import { Measurements } from '../../../lib/metrics/measurements.js'
import { Answering } from '../../support/answering.js'
import { buildQuery } from '../../support/build-query.js'
import { Zipf } from '../../support/zipf.js'

/** What exporting costs the thread that answers: the answering code with and without a tap, in turns, in batches of 64. The ring is emptied off the clock. */

const NAMES = 10_000
const BATCH = 64
const BATCHES = 100
const ROUNDS = 200

const zipf = new Zipf(NAMES, 1, new FastRandom(5))
const name = (i: number) => `service-${i}.example`
const rrsets = Array.from({ length: NAMES }, (_, i) => ({ name: name(i), type: 'A' as const, data: ['192.0.2.1'] }))
const ranks = Uint32Array.from({ length: 1 << 16 }, () => zipf.next())
const requests = Array.from({ length: NAMES }, (_, i) => buildQuery(name(i), 'A'))
const response = new Uint8Array(4096)
const client = Uint8Array.of(10, 0, 0, 1)

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
  server.put(...rrsets)
  server.pipeline.clients = {
    clientAddress(_, target) {
      for (let i = 0; i < 4; i++) target[i] = client[i]!
      return 4
    },
    clientPort: () => 5353,
  }
  const ring = createRing(2 ** 21, createBell())
  const tap = sample === 0 ? undefined : new ThreadTap({ ring, logSample: 0, dnstapSample: sample }, server.meter!, 1)
  server.pipeline.tap = tap
  return { server, tap, reader: new RingReader(ring) }
})
let next = 0

function batch({ server: { pipeline, meter, index }, tap }: (typeof servers)[number]): void {
  index.reader.enter()
  meter?.begin()
  for (let i = 0; i < BATCH; i++) {
    const request = requests[ranks[(next + i) & 0xffff]!]!
    pipeline.take(i, request, 0, request.length)
  }
  pipeline.prefetch(BATCH)
  for (let i = 0; i < BATCH; i++) pipeline.answerDatagram(i, response, 0, 1232)
  pipeline.measure()
  tap?.flush()
  index.reader.leave()
  next += BATCH
}

const fastest = servers.map(() => Number.POSITIVE_INFINITY)
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, each] of servers.entries()) {
    const start = process.hrtime.bigint()
    for (let n = 0; n < BATCHES; n++) batch(each)
    if (round > 20) fastest[i] = Math.min(fastest[i]!, Number(process.hrtime.bigint() - start) / (BATCHES * BATCH))
    while (each.reader.next() !== NONE);
    each.reader.free()
    if (each.reader.takeLost() > 0) throw new Error('the ring was full: what was measured is something else')
  }
}
for (const [i, { kind }] of kinds.entries()) {
  console.log(`${kind.padEnd(20)} ${fastest[i]!.toFixed(1).padStart(7)} ns a query`)
}
