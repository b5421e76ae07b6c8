import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { ours } from '../peers/ours.js'
import { RunningPeer } from '../peers/running-peer.js'
import { residentBytesOf } from '../processes/cpu-time.js'
import type { IndexStats, OurServerMessage } from '../servers/our-server-protocol.js'
import type { LoadReport } from '../servers/record-loader.js'
import { medianRatio } from '../statistics.js'
import { type Column, megabytes, number, table } from '../table.js'

/** Our server with a million names beside our server with the usual number, both running, in turns. */
export async function millionPart(bench: Bench): Promise<PartReport> {
  const { names, manyNames, rounds } = bench.options
  await using few = await Size.start(bench, names)
  await using many = await Size.start(bench, manyNames)
  const sizes = [few, many]
  for (let round = 1; round <= rounds; round++) {
    for (const size of sizes) {
      bench.progress(`million: round ${round}, ${size.names} names`)
      await size.measure()
    }
  }
  const cost = medianRatio(many.cpuUs, few.cpuUs)
  return {
    title: `${number(manyNames)} names against ${number(names)}`,
    text: [
      table(QUERY_COLUMNS, sizes),
      `A query costs ${number(cost, 3)} times as much CPU.\n`,
      table(LOAD_COLUMNS, sizes),
      'Loaded through records.put in batches of 10 000, timed without making the RRsets. A turn is one of the event loop;',
      'ours of it is what was neither garbage collection nor waiting for the core, which others use as well.',
    ].join('\n'),
    figures: {
      costRatio: cost,
      sizes: sizes.map(({ names, load, stats, runs }) => ({ names, load, stats, ...summary(runs), runs })),
    },
  }
}

/**
 * V8 spreads the marking of a large heap over many turns, up to 8 ms of one (seen with --trace-incremental-marking), and reports
 * none of it as garbage collection. In one piece it is reported, and what is ours of a turn can be told.
 */
const MARK_IN_ONE_PIECE = '--no-incremental-marking'

class Size implements AsyncDisposable {
  readonly load: LoadReport
  readonly stats: IndexStats
  readonly residentBytes: number
  readonly runs: Measurement[] = []
  readonly #bench: Bench
  readonly #server: RunningPeer

  private constructor(bench: Bench, server: RunningPeer, load: LoadReport, stats: IndexStats) {
    this.#bench = bench
    this.#server = server
    this.load = load
    this.stats = stats
    this.residentBytes = residentBytesOf(server.pid)
  }

  static async start(bench: Bench, names: number): Promise<Size> {
    bench.progress(`million: loading ${names} names`)
    const plan = { dist: bench.options.dist, workers: 1, transport: 'batch' } as const
    const peer = ours(`${names} names`, plan, [MARK_IN_ONE_PIECE])
    const server = await RunningPeer.start(bench, peer, names)
    const { load } = await server.process.ask<OurServerMessage, 'loaded'>({ type: 'load' }, 'loaded')
    const { stats } = await server.process.ask<OurServerMessage, 'stats'>({ type: 'stats' }, 'stats')
    return new Size(bench, server, load, stats)
  }

  get names(): number {
    return this.load.names
  }

  get cpuUs(): number[] {
    return this.runs.map((run) => run.cpuUs)
  }

  async measure(): Promise<void> {
    this.runs.push(measurementOf(await runLoad(this.#bench, this.#server)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}

const QUERY_COLUMNS: readonly Column<Size>[] = [
  { title: 'names', cell: (size) => number(size.names) },
  { title: 'queries/s', cell: (size) => number(summary(size.runs).queriesPerSecond) },
  { title: 'CPU µs/query', cell: (size) => number(summary(size.runs).cpuUs, 2) },
  { title: 'p99 µs', cell: (size) => number(summary(size.runs).p99Us) },
  { title: 'RSS MB', cell: (size) => megabytes(size.residentBytes) },
  { title: 'used bytes/name', cell: (size) => number(size.stats.usedBytes / size.stats.names, 1) },
  { title: 'allocated bytes/name', cell: (size) => number(size.stats.allocatedBytes / size.stats.names, 1) },
  { title: 'lost', cell: (size) => number(summary(size.runs).lost) },
  { title: 'wrong', cell: (size) => number(summary(size.runs).wrong) },
]

const LOAD_COLUMNS: readonly Column<Size>[] = [
  { title: 'names', cell: (size) => number(size.names) },
  { title: 'load s', cell: (size) => number(size.load.putMs / 1000, 2) },
  { title: 'µs/RRset', cell: (size) => number((1000 * size.load.putMs) / size.names, 2) },
  { title: 'longest turn ms', cell: (size) => number(size.load.loop.longestMs, 1) },
  { title: 'ours of it', cell: (size) => number(size.load.loop.longestOwnMs, 1) },
  { title: 'ours p99.9', cell: (size) => number(size.load.loop.ownP999Ms, 1) },
  { title: 'longest GC ms', cell: (size) => number(size.load.loop.longestGcMs, 1) },
  { title: 'GC in all ms', cell: (size) => number(size.load.loop.gcMs) },
  { title: 'heap growth MB', cell: (size) => megabytes(size.load.heapGrowthBytes, 1) },
]
