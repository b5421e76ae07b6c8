import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { newClientMs, openConnections, TcpLoad } from '../load/tcp-load.js'
import { ours } from '../peers/ours.js'
import { RunningPeer } from '../peers/running-peer.js'
import { residentBytesOf } from '../processes/cpu-time.js'
import { quantile } from '../statistics.js'
import { number, table } from '../table.js'

const IDLE_CONNECTIONS = 5_000
const NEW_CLIENTS = 100
const BUSY_CONNECTIONS = 32
const PIPELINED = 64
/** Queries a second over UDP while TCP is flooded: what leaves the stream thread, on the same core, a good part of it. */
const UDP_RATE = 20_000

/** TCP by itself, and what it costs UDP. Server on one core, so that both share it. */
export async function tcpPart(bench: Bench): Promise<PartReport> {
  const peer = ours('tcp', { dist: bench.options.dist, workers: 1, transport: 'batch' })
  await using server = await RunningPeer.start(bench, peer, bench.options.names)
  const rows: Row[] = []
  bench.progress('tcp: UDP beside a flood')
  const calm = measurementOf(await runLoad(bench, server, { rate: UDP_RATE }))
  const flooded = await whileFlooded(bench, server)
  for (const [name, run] of [
    ['without', calm],
    ['beside', flooded],
  ] as const) {
    rows.push({ what: `UDP queries/s ${name} a flood of TCP`, value: run.queriesPerSecond })
    rows.push({ what: `UDP p99 µs ${name} a flood of TCP`, value: run.p99Us })
    rows.push({ what: `UDP lost ${name} a flood of TCP`, value: run.lost })
  }
  bench.progress('tcp: queries')
  rows.push({ what: 'queries/s, one in flight on each of 32', value: await queriesPerSecond(bench, server, 1) })
  rows.push({
    what: `queries/s, ${PIPELINED} in flight on each of 32`,
    value: await queriesPerSecond(bench, server, PIPELINED),
  })
  bench.progress('tcp: connections')
  rows.push({ what: 'connections with one query each, a second', value: await connectionsPerSecond(bench, server) })
  rows.push(...(await withIdleConnections(server)))
  const columns = [
    { title: 'over TCP', cell: ({ what }: Row) => what },
    { title: 'figure', cell: ({ value }: Row) => number(value, value < 100 ? 1 : 0) },
  ]
  return { title: 'connections, and UDP beside them', text: table(columns, rows), figures: rows }
}

interface Row {
  readonly what: string
  readonly value: number
}

async function queriesPerSecond(bench: Bench, server: RunningPeer, depth: number): Promise<number> {
  const load = new TcpLoad(await openConnections(server.port, BUSY_CONNECTIONS), depth)
  await delay(1000 * bench.options.warmUpSeconds)
  const before = load.responses
  const from = performance.now()
  await delay(1000 * bench.options.seconds)
  const perSecond = (1000 * (load.responses - before)) / (performance.now() - from)
  load.stop()
  return perSecond
}

async function connectionsPerSecond(bench: Bench, server: RunningPeer): Promise<number> {
  const from = performance.now()
  let connections = 0
  const client = async () => {
    for (; performance.now() - from < 1000 * bench.options.seconds; connections++) await newClientMs(server.port)
  }
  await Promise.all(Array.from({ length: BUSY_CONNECTIONS }, client))
  return (1000 * connections) / (performance.now() - from)
}

async function withIdleConnections(server: RunningPeer): Promise<Row[]> {
  const before = residentBytesOf(server.pid)
  const idle = await openConnections(server.port, IDLE_CONNECTIONS)
  const bytes = (residentBytesOf(server.pid) - before) / IDLE_CONNECTIONS
  const times: number[] = []
  for (let i = 0; i < NEW_CLIENTS; i++) times.push(await newClientMs(server.port))
  for (const socket of idle) socket.destroy()
  return [
    { what: `bytes for an idle connection, of ${IDLE_CONNECTIONS}`, value: bytes },
    { what: 'a new client beside them, p99 ms', value: quantile(times, 0.99) },
  ]
}

async function whileFlooded(bench: Bench, server: RunningPeer): Promise<Measurement> {
  const flood = new TcpLoad(await openConnections(server.port, BUSY_CONNECTIONS), PIPELINED)
  try {
    return measurementOf(await runLoad(bench, server, { rate: UDP_RATE }))
  } finally {
    flood.stop()
  }
}
