import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { bind } from '../peers/bind.js'
import { dnsmasq } from '../peers/dnsmasq.js'
import { echo } from '../peers/echo.js'
import { knot } from '../peers/knot.js'
import { nsd } from '../peers/nsd.js'
import { ours } from '../peers/ours.js'
import type { Peer } from '../peers/peer.js'
import { findProgram, RunningPeer } from '../peers/running-peer.js'
import { unbound } from '../peers/unbound.js'
import { residentBytesOf } from '../processes/cpu-time.js'
import { median, medianRatio } from '../statistics.js'
import { type Column, megabytes, number, table } from '../table.js'

/** Our server beside others: each in turn, round after round, each time started anew. */
export async function peersPart(bench: Bench): Promise<PartReport> {
  const wanted = peersWanted(bench)
  const present = wanted.filter((peer) => findProgram(peer) !== undefined)
  const absent = wanted.filter((peer) => !present.includes(peer))
  const rows = present.map((peer) => new Row(peer))
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const row of rows) {
      bench.progress(`peers: round ${round}, ${row.name}`)
      await row.measure(bench)
    }
  }
  const notes = absent.map((peer) => `${peer.name} is not installed.`)
  return {
    title: `${bench.options.names} names, one core for the server, ${bench.options.rounds} rounds`,
    text: [table(columnsFor(rows), rows), ...notes, LEGEND].join('\n'),
    figures: rows.map((row) => ({
      server: row.name,
      ...row.summary,
      residentBytes: row.residentBytes,
      runs: row.runs,
    })),
  }
}

const LEGEND = `p50 and p99 at full load say how long 128 queries take to go round; the pair behind it is at a fixed rate.
× NSD, × echo and × ours: median over the rounds of queries a second of CPU, against theirs in the same round.`

const OURS = 'ours'
/** Its × ours is what clientHash, views, cookies and limits cost together. */
const ALL_ON = 'ours, all on'

/** Queries a second that every server here can answer, for latencies that can be compared. */
const COMMON_RATE = 40_000

function peersWanted({ options }: Bench): Peer[] {
  const { dist, against, servers } = options
  const plan = { dist, workers: 1, transport: 'batch' } as const
  const all = [
    ours(OURS, plan),
    ...(against === undefined ? [] : [ours(`ours in ${against}`, { ...plan, dist: against })]),
    ours(ALL_ON, { ...plan, isAllOn: true }),
    ours('ours over dgram', { ...plan, transport: 'dgram' }),
    echo,
    nsd,
    knot,
    bind,
    unbound,
    dnsmasq,
  ]
  if (servers.length === 0) return all
  return all.filter(({ name }) => servers.some((server) => name.toLowerCase().startsWith(server)))
}

class Row {
  readonly peer: Peer
  readonly runs: Measurement[] = []
  readonly pacedRuns: Measurement[] = []
  readonly #residentBytes: number[] = []

  constructor(peer: Peer) {
    this.peer = peer
  }

  get name(): string {
    return this.peer.name
  }

  get summary(): Measurement {
    return summary(this.runs)
  }

  get paced(): Measurement {
    return summary(this.pacedRuns)
  }

  get residentBytes(): number {
    return median(this.#residentBytes)
  }

  async measure(bench: Bench): Promise<void> {
    await using server = await RunningPeer.start(bench, this.peer, bench.options.names)
    this.runs.push(measurementOf(await runLoad(bench, server)))
    this.pacedRuns.push(measurementOf(await runLoad(bench, server, { rate: COMMON_RATE })))
    this.#residentBytes.push(residentBytesOf(server.pid))
  }

  /** How many times as many queries it answers in a second of CPU; a server that is not in the table gives NaN. */
  timesOf(other: Row | undefined): number {
    const perCpuSecond = (row: Row) => row.runs.map((run) => 1e6 / run.cpuUs)
    return other === undefined ? Number.NaN : medianRatio(perCpuSecond(this), perCpuSecond(other))
  }
}

function columnsFor(rows: readonly Row[]): Column<Row>[] {
  const nsdRow = rows.find((row) => row.peer === nsd)
  const ourRow = rows.find((row) => row.name === OURS)
  const echoRow = rows.find((row) => row.peer === echo)
  return [
    { title: 'server', cell: (row) => row.name },
    { title: 'queries/s', cell: (row) => number(row.summary.queriesPerSecond) },
    { title: 'CPU µs/query', cell: (row) => number(row.summary.cpuUs, 2) },
    { title: '× NSD', cell: (row) => number(row.timesOf(nsdRow), 2) },
    { title: '× echo', cell: (row) => number(row.timesOf(echoRow), 2) },
    { title: '× ours', cell: (row) => number(row.timesOf(ourRow), 3) },
    { title: 'p50 µs', cell: (row) => number(row.summary.p50Us) },
    { title: 'p99 µs', cell: (row) => number(row.summary.p99Us) },
    { title: `p50 µs at ${COMMON_RATE / 1000}k/s`, cell: (row) => number(row.paced.p50Us) },
    { title: 'p99 µs', cell: (row) => number(row.paced.p99Us) },
    { title: 'RSS MB', cell: (row) => megabytes(row.residentBytes) },
    { title: 'lost', cell: (row) => number(row.summary.lost + row.paced.lost) },
    { title: 'wrong', cell: (row) => number(row.summary.wrong + row.paced.wrong) },
    { title: 'core busy %', cell: (row) => number(row.summary.cpuPercent) },
    { title: 'others %', cell: (row) => number(row.summary.othersPercent) },
    { title: 'load µs/query', cell: (row) => number(row.summary.generatorUs, 2) },
  ]
}
