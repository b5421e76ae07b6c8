import type { Bench, PartReport } from '../bench.js'
import { ours } from '../peers/ours.js'
import { RunningPeer } from '../peers/running-peer.js'
import type { LifeMessage } from '../probes/life-message.js'
import { cpuMsOf, residentBytesOf } from '../processes/cpu-time.js'
import { median } from '../statistics.js'
import { megabytes, number, table } from '../table.js'

const WORKERS = 4
const IDLE_SECONDS = 10
const LIVES = 15

/** What a host pays for having us: to import, start and close, and while nobody asks. */
export async function footprintPart(bench: Bench): Promise<PartReport> {
  bench.progress('footprint: idle')
  const idle = await measureIdle(bench)
  bench.progress('footprint: import, start, close')
  const lives: LifeMessage[] = []
  for (let i = 0; i < LIVES; i++) lives.push(await measureLife(bench))
  const middle = (figure: 'importMs' | 'startMs' | 'closeMs') => median(lives.map((life) => life[figure]))
  const rows = [
    { what: `CPU of ${WORKERS} idle workers, % of a core`, value: number(idle.cpuPercent, 2) },
    { what: 'memory of that process, MB', value: megabytes(idle.residentBytes) },
    { what: 'import, ms', value: number(middle('importMs'), 1) },
    { what: `start with ${WORKERS} workers, ms`, value: number(middle('startMs'), 1) },
    { what: 'close, ms', value: number(middle('closeMs'), 1) },
  ]
  const columns = [
    { title: 'what', cell: (row: (typeof rows)[number]) => row.what },
    { title: 'figure', cell: (row: (typeof rows)[number]) => row.value },
  ]
  return {
    title: `idle over ${IDLE_SECONDS} s; the rest is the median of ${LIVES} fresh processes`,
    text: table(columns, rows),
    figures: { ...idle, importMs: middle('importMs'), startMs: middle('startMs'), closeMs: middle('closeMs') },
  }
}

async function measureIdle(bench: Bench): Promise<{ cpuPercent: number; residentBytes: number }> {
  const peer = ours('idle', { dist: bench.options.dist, workers: WORKERS, transport: 'batch' })
  await using server = await RunningPeer.start(bench, peer, 1)
  // What starting leaves to be done is not idling: V8 compiles, and looks for half a minute whether memory can be given back.
  await seconds(30)
  const before = cpuMsOf(server.pid)
  await seconds(IDLE_SECONDS)
  return {
    cpuPercent: (cpuMsOf(server.pid) - before) / IDLE_SECONDS / 10,
    residentBytes: residentBytesOf(server.pid),
  }
}

async function measureLife(bench: Bench): Promise<LifeMessage> {
  const running = bench.processes.start(process.execPath, [PROBE, bench.options.dist, String(WORKERS)], {
    folder: bench.folders.make('life'),
    speaks: true,
  })
  const life = await running.message<LifeMessage, 'lived'>('lived')
  await running.ended
  return life
}

const PROBE = new URL('life-probe.js', import.meta.url).pathname

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * count))
}
