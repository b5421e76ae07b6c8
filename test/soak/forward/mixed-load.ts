import { setImmediate as turn } from 'node:timers/promises'
import { loadLibc } from '../../../lib/transport/libc.js'
import { openClientSockets } from '../../bench/load/client-sockets.js'
import { InstantUpstream } from '../../bench/load/instant-upstream.js'
import { Load } from '../../bench/load/load.js'
import { QuerySet } from '../../bench/load/query-set.js'
import { UniqueQueries } from '../../bench/load/unique-queries.js'
import type { MixedLoadMessage, MixedLoadPlan, Phase } from './mixed-load-plan.js'

// The process of the soak `silent`: it asks for names of the server and for names elsewhere, and is the upstream that has those.

/** Queries a second. */
const LOCAL_RATE = 5_000
const FOREIGN_RATE = 20_000
const LOCAL = { sockets: 8, window: 16 }
/** All that are asked in a second can be under way: those that are not answered are given up after that. */
const FOREIGN = { sockets: 320, window: 64 }
/** How long an upstream that is back may go unasked, before that is all there is to say. */
const MOST_RECOVERY_MS = 10_000
const WARM_UP_MS = 2_000
/** The latency of what is never answered. */
const NEVER_US = 1e9

const plan = JSON.parse(process.argv[2]!) as MixedLoadPlan
const libc = loadLibc()
const upstream = new InstantUpstream(libc, plan.upstreamPort)
const local = new Load(
  libc,
  openClientSockets(libc, LOCAL.sockets, plan.port),
  new QuerySet(plan.names),
  { window: LOCAL.window, rate: LOCAL_RATE, expects: 'answer' },
  upstream,
)
const foreign = new Load(
  libc,
  openClientSockets(libc, FOREIGN.sockets, plan.port),
  new UniqueQueries(),
  { window: FOREIGN.window, rate: FOREIGN_RATE, expects: 'answer' },
  upstream,
)

run(WARM_UP_MS)
await say('calm', plan.calmSeconds)
upstream.isSilent = true
await say('silent', plan.silentSeconds)
upstream.isSilent = false
const from = performance.now()
const before = foreign.responses
run(MOST_RECOVERY_MS, () => foreign.responses > before)
const recoveryMs = performance.now() - from
await say('back', plan.calmSeconds, recoveryMs)
process.disconnect()

/** Measures for so long, and says what came of it. */
async function say(phase: Phase, seconds: number, recoveryMs?: number): Promise<void> {
  local.reset()
  foreign.reset()
  const sent = upstream.queries
  run(1000 * seconds)
  const message: MixedLoadMessage = {
    type: 'phase',
    phase,
    localPerSecond: local.responses / seconds,
    localP50Us: percentile(50),
    localP99Us: percentile(99),
    localLost: local.lost,
    foreignAnswered: foreign.responses / seconds,
    foreignFailed: foreign.wrong / seconds,
    foreignLost: foreign.lost / seconds,
    upstreamQueries: (upstream.queries - sent) / seconds,
    skipped: (local.skipped + foreign.skipped) / seconds,
    ...(recoveryMs !== undefined && { recoveryMs }),
  }
  process.send!(message)
  // So that it goes out before the loop blocks again.
  await turn()
}

function percentile(percent: number): number {
  return local.responses === 0 ? NEVER_US : local.latencyUs.percentile(percent)
}

function run(milliseconds: number, isOver = () => false): void {
  local.start()
  foreign.start()
  const end = performance.now() + milliseconds
  for (let now = performance.now(); now < end && !isOver(); now = performance.now()) {
    local.step(now)
    foreign.step(now)
  }
}
