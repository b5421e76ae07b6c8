import fc from 'fast-check'
import { FastRandom } from '../../lib/fast-random.js'
import { loadProduct } from '../bench/servers/product.js'
import { datagram } from '../fuzz/datagrams.js'
import { fuzzSockets } from '../fuzz/fuzz-sockets.js'
import { answeringAlone, FUZZED, type Fuzzed, fuzzedOptions, fuzzedRecords } from '../fuzz/fuzzed-server.js'
import type { Soak } from './soak.js'

/** In all. */
const LEAST_DATAGRAMS = 1_000_000 / FUZZED.length
/** Made by the generator in a round, and how many others each of them becomes by a bit or an octet: that is cheaper. */
const MADE = 4_000
const VARIANTS = 4
/** A socket is one flow to the kernel, which meets one thread. */
const SOCKETS = 4
const WORKERS = 2
const REPORT_EACH_MS = 60_000

/**
 * Sends whatever may come in a datagram, a million of them at least, and compares each answer with what the answering code says alone: half
 * of the time to a server as it comes, and half to one with everything on that goes by the client.
 */
export const soak: Soak = {
  name: 'fuzz',
  minutes: 10,
  async run(report, minutes) {
    for (const fuzzed of FUZZED) await fuzz(fuzzed, report, minutes / FUZZED.length)
  },
}

async function fuzz(fuzzed: Fuzzed, report: (line: string) => void, minutes: number): Promise<void> {
  const { createContainerDns, memoryStore } = await loadProduct('dist')
  await using server = await createContainerDns({
    ...{ ...fuzzedOptions(fuzzed), workers: WORKERS },
    store: memoryStore({ rrsets: fuzzedRecords(fuzzed) }),
  })
  let restarts = 0
  server.on('workerRestart', () => restarts++)
  const alone = answeringAlone(0xaa, fuzzed)
  const seed = Date.now() & 0x7fffffff
  const random = new FastRandom(seed)
  report(`a server ${fuzzed}, seed ${seed}`)
  let [sent, answered, round] = [0, 0, 0]
  let nextReport = performance.now() + REPORT_EACH_MS
  for (const end = performance.now() + minutes * 60_000; sent < LEAST_DATAGRAMS || performance.now() < end; round++) {
    const made = fc.sample(datagram, { seed: seed + round, numRuns: MADE })
    const all = [...made, ...made.flatMap((bytes) => Array.from({ length: VARIANTS }, () => variant(bytes, random)))]
    const lots = Array.from({ length: SOCKETS }, (_, i) => all.filter((_, j) => j % SOCKETS === i))
    // Its limits are for each second, too: a million in all would be more than anybody sends.
    alone.elapsedMs += 1000
    const counts = await Promise.all(lots.map((lot) => fuzzSockets(server.addresses[0]!, alone, lot)))
    sent += all.length
    for (const count of counts) answered += count
    if (restarts > 0) throw new Error(`a thread has been started again in round ${round} of seed ${seed}`)
    if (performance.now() < nextReport) continue
    nextReport += REPORT_EACH_MS
    report(`${sent} datagrams, ${answered} answered`)
  }
  const { queries, responses, dropped } = server.stats().counters
  report(`${sent} datagrams, ${answered} answered, ${dropped} dropped of ${queries} that came`)
  // What came back after its lot was done, to a response for example, nobody has looked at.
  if (responses !== answered) throw new Error(`${responses} responses went out, and ${answered} were to come`)
}

/** With a bit or an octet changed, or cut short. */
function variant(bytes: Uint8Array, random: FastRandom): Uint8Array {
  const changed = Uint8Array.from(bytes)
  if (changed.length === 0) return changed
  const at = random.below(changed.length)
  const kind = random.below(8)
  if (kind === 0) return changed.slice(0, at)
  changed[at] = kind < 4 ? random.below(256) : changed[at]! ^ (1 << random.below(8))
  return changed
}
