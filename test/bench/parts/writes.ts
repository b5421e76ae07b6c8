import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { ours } from '../peers/ours.js'
import { RunningPeer } from '../peers/running-peer.js'
import type { OurServerMessage, WritePlan, WriteReport } from '../servers/our-server-protocol.js'
import { median } from '../statistics.js'
import { type Column, number, table } from '../table.js'

/** Queries a second to answer meanwhile: what leaves the one core room for the writes too. */
const QUERY_RATE = 50_000

/** Answering while records are written in the same process, beside answering in peace. */
export async function writesPart(bench: Bench): Promise<PartReport> {
  const peer = ours('writes', { dist: bench.options.dist, workers: 1, transport: 'batch' })
  await using server = await RunningPeer.start(bench, peer, bench.options.names)
  const scenes = [
    new Scene('no writes', undefined),
    new Scene('new names', { perSecond: 10_000, names: 'new' }),
    new Scene('names that are asked for', { perSecond: 1_000, names: 'asked' }),
  ]
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const scene of scenes) {
      bench.progress(`writes: round ${round}, ${scene.name}`)
      await scene.measure(bench, server)
    }
  }
  return {
    title: `${number(QUERY_RATE)} queries/s while records.put runs on the same core`,
    text: [
      table(COLUMNS, scenes),
      'Every answer is checked: a name must never be gone while its address is replaced.',
    ].join('\n'),
    figures: scenes.map(({ name, plan, runs, writes }) => ({ name, plan, ...summary(runs), runs, writes })),
  }
}

class Scene {
  readonly name: string
  readonly plan: WritePlan | undefined
  readonly runs: Measurement[] = []
  readonly writes: WriteReport[] = []

  constructor(name: string, plan: WritePlan | undefined) {
    this.name = name
    this.plan = plan
  }

  async measure(bench: Bench, server: RunningPeer): Promise<void> {
    if (this.plan === undefined) {
      this.runs.push(measurementOf(await runLoad(bench, server, { rate: QUERY_RATE })))
      return
    }
    await server.process.ask<OurServerMessage, 'writing'>({ type: 'write', plan: this.plan }, 'writing')
    this.runs.push(measurementOf(await runLoad(bench, server, { rate: QUERY_RATE })))
    const { report } = await server.process.ask<OurServerMessage, 'written'>({ type: 'stopWriting' }, 'written')
    this.writes.push(report)
  }

  median(figure: keyof WriteReport): number {
    return median(this.writes.map((write) => write[figure]))
  }
}

const COLUMNS: readonly Column<Scene>[] = [
  { title: 'writes', cell: (scene) => scene.name },
  { title: 'puts/s', cell: (scene) => number(scene.median('perSecond')) },
  { title: 'put p50 ms', cell: (scene) => number(scene.median('p50Ms'), 2) },
  { title: 'put p99 ms', cell: (scene) => number(scene.median('p99Ms'), 2) },
  { title: 'failed', cell: (scene) => number(scene.median('failed')) },
  { title: 'queries/s', cell: (scene) => number(summary(scene.runs).queriesPerSecond) },
  { title: 'p50 µs', cell: (scene) => number(summary(scene.runs).p50Us) },
  { title: 'p99 µs', cell: (scene) => number(summary(scene.runs).p99Us) },
  { title: 'max µs', cell: (scene) => number(summary(scene.runs).maxUs) },
  { title: 'lost', cell: (scene) => number(summary(scene.runs).lost) },
  { title: 'wrong', cell: (scene) => number(summary(scene.runs).wrong) },
  { title: 'CPU %', cell: (scene) => number(summary(scene.runs).cpuPercent) },
]
