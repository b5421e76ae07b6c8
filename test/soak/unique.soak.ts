import { CACHE_MAX_BYTES } from '../../lib/answer-cache/options.js'
import { SOCKETS, WINDOW } from '../bench/load/load-plan.js'
import { runLoad } from '../bench/load/run-load.js'
import { ours } from '../bench/peers/ours.js'
import { startForwarder } from '../bench/peers/running-forwarder.js'
import type { RunningPeer } from '../bench/peers/running-peer.js'
import { residentBytesOf } from '../bench/processes/cpu-time.js'
import { freePort } from '../bench/processes/free-port.js'
import type { OurServerMessage } from '../bench/servers/our-server-protocol.js'
import { number } from '../bench/table.js'
import { soakBench } from './forward/soak-bench.js'
import type { Soak } from './soak.js'

const NAMES = 10_000_000
const LOCAL_NAMES = 1_000
const SLICE_SECONDS = 10
const MEGABYTE = 2 ** 20
/** What a busy process takes besides its cache: heaps of its threads that are not collected yet, buffers of sockets. */
const BESIDES = 96 * MEGABYTE
/** What a machine loses at once that stands still for a second: all that is under way. */
const STALL = SOCKETS * WINDOW
/** Names after which the cache has long been full. */
const SETTLED_NAMES = 1_000_000
/** Of what is left after collections, between an early and a late third of the run: two and a half bytes for each name would be more. */
const MOST_GROWTH = 16 * MEGABYTE

/** Ten million names are forwarded, each once: the server takes no more memory than its cache may have, and no more at the end than early on. */
export const soak: Soak = {
  name: 'unique',
  minutes: 15,
  async run(report, minutes) {
    const upstreamPort = await freePort()
    await using bench = soakBench(SLICE_SECONDS, report)
    const peer = ours('ours', { dist: bench.options.dist, workers: 1, transport: 'batch', upstreamPort })
    await using server = await startForwarder(bench, peer, { names: LOCAL_NAMES, upstreamPort })
    const idleBytes = residentBytesOf(server.pid)
    const deadline = performance.now() + minutes * 60_000
    const settled: number[] = []
    let [asked, lost, late, wrong, highest] = [0, 0, 0, 0, idleBytes]
    while (asked < NAMES && performance.now() < deadline) {
      const result = await runLoad(bench, server, { asks: 'unique', upstreamPort })
      asked += result.responses
      lost += result.lost
      late += result.late
      wrong += result.wrong
      const bytes = residentBytesOf(server.pid)
      highest = Math.max(highest, bytes)
      if (asked > SETTLED_NAMES) settled.push(bytes)
      report(
        `${number(asked)} names, ${number(bytes / MEGABYTE)} MB (idle: ${number(idleBytes / MEGABYTE)} MB), ${lost} lost, ${late} of them late, ${wrong} wrong; ${await faultsOf(server)}`,
      )
    }
    if (highest - idleBytes > CACHE_MAX_BYTES.default + BESIDES)
      throw new Error('memory went beyond what the cache may have')
    if (growthOf(settled) > MOST_GROWTH) throw new Error('memory grew all the time')
    if (wrong > 0 || lost > asked / 10_000 + STALL) throw new Error('names were not answered')
  },
}

/** Heaps go up and down by 50 MB as they are collected: what counts is by how much the lowest that is seen rises. */
function growthOf(samples: readonly number[]): number {
  const third = Math.ceil(samples.length / 3)
  return samples.length < 3 ? 0 : Math.min(...samples.slice(-third)) - Math.min(...samples.slice(0, third))
}

/** What the server itself knows of answers that did not come, or came late: what the client misses beyond that was lost on the way. */
async function faultsOf(server: RunningPeer): Promise<string> {
  const { stats } = await server.process.ask<OurServerMessage, 'stats'>({ type: 'stats' }, 'stats')
  const { forwardFailed, forwardFull, forwardOverdue, sendFailures } = stats.counters
  return `server: ${forwardFailed} failed, ${forwardFull} full, ${forwardOverdue} overdue, ${sendFailures} not sent`
}
