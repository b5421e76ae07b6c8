import type { Bench, PartReport } from '../bench.js'
import { RunningEtcd } from '../etcd/running-etcd.js'
import type { EditLoadMessage, EditPlan } from '../load/edit-load.js'
import { cpuMsOf } from '../processes/cpu-time.js'
import { LOAD_CORE, SERVER_CORE } from '../processes/processes.js'
import type { ApiServerMessage } from '../servers/api-server.js'
import { median, quantile } from '../statistics.js'
import { number, table } from '../table.js'

/** Connections that edit, each the next RRset as soon as the one before is answered. */
const CONNECTIONS = [16, 64, 128] as const
const API_SERVER = new URL('api-server.js', import.meta.url).pathname
const EDIT_LOAD = new URL('edit-load.js', import.meta.url).pathname

/**
 * Edits through one API process into etcd, each with a token, and answered once the DNS threads answer with it. The server, API and DNS thread, has
 * one core together with etcd, the load the other. Of several rounds, the median of each figure.
 */
export async function apiPart(bench: Bench): Promise<PartReport> {
  await using etcd = await RunningEtcd.start(bench, SERVER_CORE)
  const folder = bench.folders.make('api')
  await using server = bench.processes.start(process.execPath, [API_SERVER, bench.options.dist, etcd.url], {
    ...{ folder, speaks: true, core: SERVER_CORE },
  })
  const { apiPort, dnsPort, token } = await server.message<ApiServerMessage, 'listening'>('listening')
  const { names, rounds, seconds, warmUpSeconds } = bench.options
  const processes = { server: server.pid, etcd: etcd.pid }
  let from = 0
  const load = async (connections: number, seconds: number): Promise<Row> => {
    const row = await edit(bench, { ...{ apiPort, dnsPort, token, names, connections, seconds }, from }, processes)
    from += row.edits
    return row
  }
  const rows: Row[] = []
  for (const connections of CONNECTIONS) {
    await load(connections, warmUpSeconds)
    const measured: Row[] = []
    for (let round = 1; round <= rounds; round++) {
      bench.progress(`api: ${connections} connections, round ${round} of ${rounds}`)
      measured.push(await load(connections, seconds))
    }
    rows.push(medianOf(measured))
  }
  return {
    title: 'PUT of an RRset until DNS threads answer with it, through etcd',
    text: `${table(COLUMNS, rows)}\nDNS p99: until DNS has answered with the new address, of one in twenty. stale: it had the one before.`,
    figures: rows,
  }
}

interface Row {
  readonly connections: number
  readonly edits: number
  readonly editsPerSecond: number
  readonly cpuMsPerEdit: number
  readonly etcdMsPerEdit: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly visibleP99Ms: number
  readonly failed: number
  readonly stale: number
}

async function edit(bench: Bench, plan: EditPlan, processes: { server: number; etcd: number }): Promise<Row> {
  const cpu = () => [cpuMsOf(processes.server), cpuMsOf(processes.etcd)] as const
  const [serverBefore, etcdBefore] = cpu()
  const load = bench.processes.start(process.execPath, [EDIT_LOAD, JSON.stringify(plan)], {
    ...{ core: LOAD_CORE, folder: bench.folders.make('edits'), speaks: true },
  })
  const { elapsedMs, latenciesMs, visibleMs, failed, stale } = await load.message<EditLoadMessage, 'edited'>('edited')
  const [serverAfter, etcdAfter] = cpu()
  await load.ended
  const edits = latenciesMs.length
  return {
    ...{ connections: plan.connections, edits, failed, stale, editsPerSecond: (1000 * edits) / elapsedMs },
    cpuMsPerEdit: (serverAfter - serverBefore) / edits,
    etcdMsPerEdit: (etcdAfter - etcdBefore) / edits,
    ...{ p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99), maxMs: quantile(latenciesMs, 1) },
    visibleP99Ms: quantile(visibleMs, 0.99),
  }
}

/** Of what failed and what was stale, all. */
function medianOf(rows: readonly Row[]): Row {
  const of = (pick: (row: Row) => number) => median(rows.map(pick))
  const sum = (pick: (row: Row) => number) => rows.reduce((total, row) => total + pick(row), 0)
  return {
    connections: rows[0]!.connections,
    edits: sum((row) => row.edits),
    editsPerSecond: of((row) => row.editsPerSecond),
    cpuMsPerEdit: of((row) => row.cpuMsPerEdit),
    etcdMsPerEdit: of((row) => row.etcdMsPerEdit),
    p50Ms: of((row) => row.p50Ms),
    p99Ms: of((row) => row.p99Ms),
    maxMs: of((row) => row.maxMs),
    visibleP99Ms: of((row) => row.visibleP99Ms),
    failed: sum((row) => row.failed),
    stale: sum((row) => row.stale),
  }
}

const COLUMNS = [
  { title: 'connections', cell: (row: Row) => number(row.connections) },
  { title: 'edits/s', cell: (row: Row) => number(row.editsPerSecond) },
  { title: 'CPU ms/edit', cell: (row: Row) => number(row.cpuMsPerEdit, 2) },
  { title: 'etcd ms/edit', cell: (row: Row) => number(row.etcdMsPerEdit, 2) },
  { title: 'p50 ms', cell: (row: Row) => number(row.p50Ms, 1) },
  { title: 'p99 ms', cell: (row: Row) => number(row.p99Ms, 1) },
  { title: 'DNS p99 ms', cell: (row: Row) => number(row.visibleP99Ms, 1) },
  { title: 'max ms', cell: (row: Row) => number(row.maxMs, 1) },
  { title: 'failed', cell: (row: Row) => number(row.failed) },
  { title: 'stale', cell: (row: Row) => number(row.stale) },
] as const
