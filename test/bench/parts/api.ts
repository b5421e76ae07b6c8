import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { queryMessage } from '../../../lib/wire/query-message.js'
import type { Bench, PartReport } from '../bench.js'
import { RunningEtcd } from '../etcd/running-etcd.js'
import { hostAddress, hostName, ZONE } from '../names.js'
import { cpuMsOf } from '../processes/cpu-time.js'
import type { ApiServerMessage } from '../servers/api-server.js'
import { quantile } from '../statistics.js'
import { number, table } from '../table.js'

/** Connections that edit, each the next RRset as soon as the one before is answered. */
const CONNECTIONS = [16, 64, 128] as const
/** Each of so many edits is asked for in DNS as soon as it is answered. */
const ASKED_EVERY = 20
const TYPE_A = 1
const API_SERVER = new URL('api-server.js', import.meta.url).pathname

/** Edits through one API process into etcd: each is answered once the DNS threads answer with it. */
export async function apiPart(bench: Bench): Promise<PartReport> {
  await using etcd = await RunningEtcd.start(bench)
  const folder = bench.folders.make('api')
  await using server = bench.processes.start(process.execPath, [API_SERVER, bench.options.dist, etcd.url], {
    ...{ folder, speaks: true },
  })
  const { apiPort, dnsPort } = await server.message<ApiServerMessage, 'listening'>('listening')
  const rows: Row[] = []
  const load = { apiPort, dnsPort, names: bench.options.names, processes: { server: server.pid, etcd: etcd.pid } }
  for (const connections of CONNECTIONS) {
    bench.progress(`api: ${connections} connections`)
    await edit({ ...load, connections, seconds: bench.options.warmUpSeconds })
    rows.push(await edit({ ...load, connections, seconds: bench.options.seconds }))
  }
  return {
    title: 'PUT of an RRset until DNS threads answer with it, through etcd',
    text: `${table(COLUMNS, rows)}\nstale: answers of DNS, asked for after the API's, that had the address before.`,
    figures: rows,
  }
}

interface Load {
  readonly apiPort: number
  readonly dnsPort: number
  readonly connections: number
  readonly seconds: number
  readonly names: number
  readonly processes: { readonly server: number; readonly etcd: number }
}

interface Row {
  readonly connections: number
  readonly editsPerSecond: number
  readonly cpuMsPerEdit: number
  readonly etcdMsPerEdit: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly failed: number
  readonly stale: number
}

async function edit({ apiPort, dnsPort, connections, seconds, names, processes }: Load): Promise<Row> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  let failed = 0
  let stale = 0
  let next = 0
  const cpu = () => [cpuMsOf(processes.server), cpuMsOf(processes.etcd)] as const
  const [serverBefore, etcdBefore] = cpu()
  const from = performance.now()
  const until = from + 1000 * seconds
  const lane = async () => {
    while (performance.now() < until) {
      const number = next++
      // Names in a ring, with another address each time around.
      const [name, address] = [hostName(number % names), hostAddress(number)]
      const startedAt = performance.now()
      if ((await put(agent, apiPort, name, address)) >= 300) failed++
      latencies.push(performance.now() - startedAt)
      if (number % ASKED_EVERY === 0 && (await addressOf(dnsPort, name)) !== address) stale++
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  const elapsedMs = performance.now() - from
  const [serverAfter, etcdAfter] = cpu()
  agent.destroy()
  return {
    ...{ connections, failed, stale, editsPerSecond: (1000 * latencies.length) / elapsedMs },
    cpuMsPerEdit: (serverAfter - serverBefore) / latencies.length,
    etcdMsPerEdit: (etcdAfter - etcdBefore) / latencies.length,
    ...{ p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), maxMs: quantile(latencies, 1) },
  }
}

async function put(agent: Agent, port: number, name: string, address: string): Promise<number> {
  const body = JSON.stringify({ ttl: 30, data: [address] })
  const sent = request({
    ...{ agent, port, host: '127.0.0.1', method: 'PUT', path: `/v1/zones/${ZONE}/rrsets/${name}/A` },
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

/** The address is the last thing in an answer of one A record. */
async function addressOf(port: number, name: string): Promise<string> {
  const socket = createSocket('udp4')
  socket.send(queryMessage(name, TYPE_A, 0), port, '127.0.0.1')
  const [response] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  return response.subarray(-4).join('.')
}

const COLUMNS = [
  { title: 'connections', cell: (row: Row) => number(row.connections) },
  { title: 'edits/s', cell: (row: Row) => number(row.editsPerSecond) },
  { title: 'CPU ms/edit', cell: (row: Row) => number(row.cpuMsPerEdit, 2) },
  { title: 'etcd ms/edit', cell: (row: Row) => number(row.etcdMsPerEdit, 2) },
  { title: 'p50 ms', cell: (row: Row) => number(row.p50Ms, 1) },
  { title: 'p99 ms', cell: (row: Row) => number(row.p99Ms, 1) },
  { title: 'max ms', cell: (row: Row) => number(row.maxMs, 1) },
  { title: 'failed', cell: (row: Row) => number(row.failed) },
  { title: 'stale', cell: (row: Row) => number(row.stale) },
] as const
