import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { ours } from '../peers/ours.js'
import type { Peer } from '../peers/peer.js'
import { RunningPeer } from '../peers/running-peer.js'
import { medianRatio } from '../statistics.js'
import { number, table } from '../table.js'

/** What metrics and top names may take of the queries/s that there would be without. */
const MOST_PERCENT = 3

/** Where in a worker of a build the pipeline is given what measures. */
const METERS = /this\.#meter = meter;(?=\s+this\.#random)/g
/** Within the package, so that its copy of a build finds the libraries. */
const UNMEASURED = resolve('build/unmeasured')

/** What metrics and top names cost a whole server: round by round beside one that measures nothing. */
export async function metricsPart(bench: Bench): Promise<PartReport> {
  const { dist, rounds } = bench.options
  makeUnmeasured(dist)
  const plan = { dist, workers: 1, transport: 'batch' } as const
  const rows = [
    new Row(ours('nothing measured', { ...plan, dist: UNMEASURED, metrics: NO_TOP })),
    new Row(ours('metrics alone', { ...plan, metrics: NO_TOP })),
    new Row(ours('metrics, top names and clients', plan)),
  ]
  for (let round = 1; round <= rounds; round++) {
    // Each is first in turn: what a machine does over time is nobody's.
    for (let turn = 0; turn < rows.length; turn++) {
      const row = rows[(round + turn) % rows.length]!
      bench.progress(`metrics: round ${round} of ${rounds}, ${row.peer.name}`)
      await row.measure(bench)
    }
  }
  rmSync(UNMEASURED, { recursive: true })
  const [without, , all] = rows
  const costs = costPercent(all!, without!)
  const verdict = costs <= MOST_PERCENT ? 'kept' : 'MISSED'
  return {
    title: `${bench.options.names} names that come alike often, ${rounds} rounds`,
    text: `${table(columns(without!), rows)}\nall of it costs ${number(costs, 1)} %; the bar of ${MOST_PERCENT} % is ${verdict}`,
    figures: rows.map((row) => ({ server: row.peer.name, ...summary(row.runs), runs: row.runs })),
  }
}

const NO_TOP = { topNames: false, topClients: false }

/** A build like the one given, whose pipelines measure nothing. No option says so: nobody has wanted it yet. */
function makeUnmeasured(dist: string): void {
  cpSync(dist, UNMEASURED, { recursive: true })
  const worker = join(UNMEASURED, 'workers/dns-worker.js')
  const text = readFileSync(worker, 'utf8')
  if ((text.match(METERS) ?? []).length !== 1)
    throw new Error(`where the pipeline is given its meter was not found in ${worker}`)
  writeFileSync(worker, text.replace(METERS, 'this.#meter = undefined;'))
}

class Row {
  readonly runs: Measurement[] = []
  readonly peer: Peer

  constructor(peer: Peer) {
    this.peer = peer
  }

  async measure(bench: Bench): Promise<void> {
    await using server = await RunningPeer.start(bench, this.peer, bench.options.names)
    this.runs.push(measurementOf(await runLoad(bench, server)))
  }
}

/** Of queries/s, the median over the rounds; less than 0 where it was faster. */
function costPercent(row: Row, without: Row): number {
  const rates = ({ runs }: Row) => runs.map((run) => 1e6 / run.cpuUs)
  return 100 * (1 - medianRatio(rates(row), rates(without)))
}

function columns(without: Row) {
  return [
    { title: 'server', cell: (row: Row) => row.peer.name },
    { title: 'queries/s', cell: (row: Row) => number(summary(row.runs).queriesPerSecond) },
    { title: 'CPU µs/query', cell: (row: Row) => number(summary(row.runs).cpuUs, 3) },
    { title: 'costs %', cell: (row: Row) => number(costPercent(row, without), 1) },
    { title: 'lost', cell: (row: Row) => number(summary(row.runs).lost) },
    { title: 'others %', cell: (row: Row) => number(summary(row.runs).othersPercent) },
  ]
}
