import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { type Bench, Folders, type PartReport } from './bench.js'
import { HELP, type PartName, parseOptions } from './options.js'
import { apiPart } from './parts/api.js'
import { costsPart } from './parts/costs.js'
import { etcdPart } from './parts/etcd.js'
import { footprintPart } from './parts/footprint.js'
import { forwardPart } from './parts/forward.js'
import { metricsPart } from './parts/metrics.js'
import { millionPart } from './parts/million.js'
import { peersPart } from './parts/peers.js'
import { tcpPart } from './parts/tcp.js'
import { writesPart } from './parts/writes.js'
import { xdpPart } from './parts/xdp.js'
import { Processes } from './processes/processes.js'

/** `npm run bench`: runs its parts one after the other, prints what they found, and writes it to build/bench-results.json. */

const RESULTS = 'build/bench-results.json'

const PART_RUNNERS: Readonly<Record<PartName, (bench: Bench) => Promise<PartReport>>> = {
  peers: peersPart,
  forward: forwardPart,
  costs: costsPart,
  metrics: metricsPart,
  million: millionPart,
  writes: writesPart,
  etcd: etcdPart,
  api: apiPart,
  tcp: tcpPart,
  footprint: footprintPart,
  xdp: xdpPart,
}

await main()

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) return console.log(HELP)
  if (availableParallelism() < 2) throw new Error('the bench needs two cores: one for the server, one for the load')
  await using processes = new Processes()
  const bench: Bench = { options, processes, folders: new Folders(), progress: (text) => console.error(`… ${text}`) }
  const reports: Record<string, unknown> = {}
  for (const part of options.only) {
    const { title, text, figures } = await PART_RUNNERS[part](bench)
    console.log(`\n${part}: ${title}\n\n${text}\n`)
    reports[part] = figures
  }
  mkdirSync('build', { recursive: true })
  const machine = { cpu: cpus()[0]!.model, node: process.version, at: new Date().toISOString() }
  writeFileSync(RESULTS, `${JSON.stringify({ machine, options, reports }, undefined, 2)}\n`)
  console.log(`Written to ${RESULTS}.`)
}
