import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { type LoadKind, runLoad } from '../load/run-load.js'
import { dnsmasqForwarder, unboundForwarder } from '../peers/forwarders.js'
import { ours } from '../peers/ours.js'
import type { Peer } from '../peers/peer.js'
import { startForwarder } from '../peers/running-forwarder.js'
import { findProgram } from '../peers/running-peer.js'
import { freePort } from '../processes/free-port.js'
import { median, medianRatio } from '../statistics.js'
import { type Column, number, table } from '../table.js'

/** So many that a warm-up has asked for each of them. */
const NAMES = 20_000

/** What is to be kept: cached answers beside local ones, CPU of a miss beside others, and what forwarding adds. */
const LEAST_CACHED_RATIO = 0.9
const MOST_CPU_RATIO = 1.5
const MOST_ADDED_MS = 2

/** Names that are elsewhere: from the cache beside our own records, and unique ones beside other forwarders, all with one upstream. */
export async function forwardPart(bench: Bench): Promise<PartReport> {
  const upstreamPort = await freePort()
  const wanted = [
    ours('ours', { dist: bench.options.dist, workers: 1, transport: 'batch', upstreamPort }),
    dnsmasqForwarder(upstreamPort),
    unboundForwarder(upstreamPort),
  ]
  const rows = wanted.filter(isWanted(bench)).map((peer) => new Row(peer, upstreamPort))
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const row of rows) {
      bench.progress(`forward: round ${round}, ${row.name}`)
      await row.measure(bench)
    }
  }
  const absent = wanted.filter((peer) => findProgram(peer) === undefined).map(({ name }) => `${name} is not installed.`)
  return {
    title: `one core for the server, the same upstream for all, ${bench.options.rounds} rounds`,
    text: [table(columnsFor(rows), rows), ...absent, LEGEND, ...barsOf(rows)].join('\n'),
    figures: rows.map((row) => ({
      server: row.name,
      misses: { ...summary(row.misses), runs: row.misses },
      atHalfLoad: { ...summary(row.halfLoad), runs: row.halfLoad },
      direct: { ...summary(row.direct), runs: row.direct },
      local: row.local,
      cached: row.cached,
    })),
  }
}

const LEGEND = `CPU is of all threads of a server. × ours: median over the rounds of ours against theirs in the same round. Latency at half load is all there is from the
client's query to its answer, the upstream's part with it; added: without what the same load has when it asks the upstream itself. cached/local: queries a second of CPU from the cache against those of our own records.`

function isWanted({ options }: Bench): (peer: Peer) => boolean {
  const { servers } = options
  return (peer) =>
    findProgram(peer) !== undefined &&
    (servers.length === 0 || servers.some((server) => peer.name.toLowerCase().startsWith(server)))
}

class Row {
  readonly peer: Peer
  readonly misses: Measurement[] = []
  readonly halfLoad: Measurement[] = []
  /** The same load, asked of the upstream itself. */
  readonly direct: Measurement[] = []
  readonly local: Measurement[] = []
  readonly cached: Measurement[] = []
  readonly #upstreamPort: number

  constructor(peer: Peer, upstreamPort: number) {
    this.peer = peer
    this.#upstreamPort = upstreamPort
  }

  get name(): string {
    return this.peer.name
  }

  get isOurs(): boolean {
    return this.peer.speaks === true
  }

  async measure(bench: Bench): Promise<void> {
    const upstreamPort = this.#upstreamPort
    await using server = await startForwarder(bench, this.peer, { names: NAMES, upstreamPort })
    const run = async (kind: LoadKind) => measurementOf(await runLoad(bench, server, { upstreamPort, ...kind }))
    if (this.isOurs) {
      this.local.push(await run({ asks: 'local' }))
      this.cached.push(await run({ asks: 'foreign' }))
    }
    const misses = await run({ asks: 'unique' })
    this.misses.push(misses)
    const rate = Math.floor(misses.queriesPerSecond / 2)
    this.halfLoad.push(await run({ asks: 'unique', rate }))
    this.direct.push(await run({ asks: 'unique', rate, port: upstreamPort }))
  }

  /** By how much the slowest of a hundred are later than from the upstream itself. */
  get addedP99Us(): number {
    return summary(this.halfLoad).p99Us - summary(this.direct).p99Us
  }

  /** How many times the CPU of another one a miss takes. */
  cpuTimes(other: Row): number {
    return medianRatio(
      this.misses.map(({ cpuUs }) => cpuUs),
      other.misses.map(({ cpuUs }) => cpuUs),
    )
  }

  /** Queries a second of CPU, cached against local. */
  get cachedRatio(): number {
    return medianRatio(
      this.local.map(({ cpuUs }) => cpuUs),
      this.cached.map(({ cpuUs }) => cpuUs),
    )
  }
}

function columnsFor(rows: readonly Row[]): Column<Row>[] {
  const our = rows.find((row) => row.isOurs)
  return [
    { title: 'server', cell: (row) => row.name },
    { title: 'misses/s', cell: (row) => number(summary(row.misses).queriesPerSecond) },
    { title: 'CPU µs/miss', cell: (row) => number(summary(row.misses).cpuUs, 2) },
    { title: '× ours', cell: (row) => number(our?.cpuTimes(row), 2) },
    { title: 'p50 µs at half load', cell: (row) => number(summary(row.halfLoad).p50Us) },
    { title: 'p99 µs', cell: (row) => number(summary(row.halfLoad).p99Us) },
    { title: 'p99 µs added', cell: (row) => number(row.addedP99Us) },
    { title: 'local/s', cell: (row) => number(median(row.local.map((run) => run.queriesPerSecond))) },
    { title: 'cached/s', cell: (row) => number(median(row.cached.map((run) => run.queriesPerSecond))) },
    { title: 'cached/local', cell: (row) => number(row.cachedRatio, 2) },
    { title: 'lost', cell: (row) => number(summary([...row.misses, ...row.halfLoad, ...row.cached]).lost) },
    { title: 'wrong', cell: (row) => number(summary([...row.misses, ...row.halfLoad, ...row.cached]).wrong) },
    { title: 'core busy %', cell: (row) => number(summary(row.misses).cpuPercent) },
    { title: 'others %', cell: (row) => number(summary(row.misses).othersPercent) },
    { title: 'load µs/query', cell: (row) => number(summary(row.misses).generatorUs, 2) },
  ]
}

/** A line for each bar, and whether it is kept. */
function barsOf(rows: readonly Row[]): string[] {
  const our = rows.find((row) => row.isOurs)
  if (our === undefined) return []
  const bar = (what: string, isKept: boolean) => `${isKept ? 'kept' : 'MISSED'}: ${what}`
  const p99Ms = our.addedP99Us / 1000
  return [
    bar(
      `cached/local ${number(our.cachedRatio, 2)}, at least ${LEAST_CACHED_RATIO}`,
      our.cachedRatio >= LEAST_CACHED_RATIO,
    ),
    ...rows
      .filter((row) => row !== our)
      .map((row) => [row.name, our.cpuTimes(row)] as const)
      .map(([name, times]) =>
        bar(`CPU of a miss × ${number(times, 2)} of ${name}, at most ${MOST_CPU_RATIO}`, times <= MOST_CPU_RATIO),
      ),
    bar(
      `p99 at half load ${number(p99Ms, 2)} ms later than from the upstream, at most ${MOST_ADDED_MS}`,
      p99Ms <= MOST_ADDED_MS,
    ),
  ]
}
