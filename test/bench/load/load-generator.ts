import { loadLibc } from '../../../lib/transport/libc.js'
import { FOREIGN_ZONE, ZONE } from '../names.js'
import { coreTime, cpuMsOf, softInterruptThreads } from '../processes/cpu-time.js'
import { openClientSockets } from './client-sockets.js'
import { InstantUpstream } from './instant-upstream.js'
import { Load } from './load.js'
import type { LoadMessage, LoadPlan, LoadResult } from './load-plan.js'
import { QuerySet } from './query-set.js'
import { UniqueQueries } from './unique-queries.js'

/** The process that asks: takes a plan as its argument, and says what it has measured when it is done. */

const CALIBRATION_CALLS = 50_000
const KERNEL_THREADS = softInterruptThreads()

const plan = JSON.parse(process.argv[2]!) as LoadPlan
const libc = loadLibc()
const upstream = plan.upstreamPort === undefined ? undefined : new InstantUpstream(libc, plan.upstreamPort)
const queries =
  plan.asks === 'unique' ? new UniqueQueries() : new QuerySet(plan.names, plan.asks === 'local' ? ZONE : FOREIGN_ZONE)
const load = new Load(libc, openClientSockets(libc, plan.sockets, plan.port, plan.host), queries, plan, upstream)
load.run(1000 * plan.warmUpSeconds)
// What is to come from a cache has to be there: a slow machine takes longer for that.
if (plan.asks === 'foreign') while (load.responses < queries.lengths.length) load.run(100)
load.drain()
const emptyCallMs = measureEmptyCall()
process.send!({ type: 'measured', result: measure() } satisfies LoadMessage)
process.disconnect()

function measure(): LoadResult {
  load.reset()
  const before = usage()
  load.run(1000 * plan.seconds)
  const responses = load.responses
  const after = usage()
  load.drain()
  return {
    seconds: (after.at - before.at) / 1000,
    responses,
    lost: load.lost,
    late: load.late,
    wrong: load.wrong,
    p50Us: load.latencyUs.percentile(50),
    p99Us: load.latencyUs.percentile(99),
    maxUs: load.latencyUs.highest,
    serverCpuMs: after.server - before.server,
    coreBusyMs: after.core.busy - before.core.busy,
    coreInterruptMs: after.core.interrupts - before.core.interrupts,
    softInterruptThreadsMs: after.kernelThreads - before.kernelThreads,
    generatorCpuMs: Math.max(0, after.generator - before.generator - after.emptyCalls * emptyCallMs),
  }
}

function usage() {
  return {
    at: performance.now(),
    server: cpuMsOf(plan.serverPid),
    core: coreTime(plan.serverCore),
    kernelThreads: KERNEL_THREADS.reduce((total, pid) => total + cpuMsOf(pid), 0),
    generator: ownCpuMs(),
    emptyCalls: load.emptyCalls,
  }
}

/** CPU time of a call that finds nothing; while nothing is in flight. */
function measureEmptyCall(): number {
  const before = ownCpuMs()
  for (let i = 0; i < CALIBRATION_CALLS; i++) load.receiveNothing()
  return (ownCpuMs() - before) / CALIBRATION_CALLS
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
