import { NetworkNamespaces, namespaceObstacle, SERVER_INTERFACE } from '../../support/network-namespaces.js'
import type { Bench, PartReport } from '../bench.js'
import { type Measurement, measurementOf, summary } from '../load/measurement.js'
import { runLoad } from '../load/run-load.js'
import { knot, knotOverXdp } from '../peers/knot.js'
import { ours } from '../peers/ours.js'
import type { Peer, PeerNetwork } from '../peers/peer.js'
import { findProgram, RunningPeer } from '../peers/running-peer.js'
import { medianRatio } from '../statistics.js'
import { type Column, number, table } from '../table.js'

/** Servers in a network namespace of their own, the load in another one, and a cable between them: with AF_XDP and without. */
export async function xdpPart(bench: Bench): Promise<PartReport> {
  const obstacle = namespaceObstacle()
  if (obstacle !== undefined) throw new Error(`the part xdp takes network namespaces: ${obstacle}`)
  const rows = rowsOf(bench).filter(({ peer }) => findProgram(peer) !== undefined)
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const row of rows) {
      bench.progress(`xdp: round ${round}, ${row.peer.name}`)
      await row.measure(bench)
    }
  }
  return {
    title: `over veth, ${bench.options.names} names, one core for the server, ${bench.options.rounds} rounds`,
    text: [table(columnsFor(rows), rows), LEGEND].join('\n'),
    figures: rows.map((row) => ({ server: row.peer.name, ...row.summary, runs: row.runs })),
  }
}

const LEGEND = `Both sides: CPU of server, load and the kernel's own threads, since what comes over veth is received on its sender's core.
× batch and × Knot, XDP: median over the rounds of their CPU µs for a query, of this row's in the same round.`

const BATCH = 'ours, batch'
const BATCH_IPV6 = 'ours, batch, IPv6'
const KNOT = 'Knot, XDP'
const KNOT_IPV6 = 'Knot, XDP, IPv6'

function rowsOf({ options }: Bench): Row[] {
  const { dist, servers } = options
  const plan = { dist, workers: 1 } as const
  const batch = (name: string) => ours(name, { ...plan, transport: 'batch' })
  const xdp = (name: string, mode: 'native' | 'generic' = 'native') =>
    ours(name, { ...plan, transport: 'xdp', xdp: { interfaces: [SERVER_INTERFACE], mode } })
  const rows = [
    new Row(batch(BATCH), 'ipv4'),
    new Row(xdp('ours, xdp'), 'ipv4'),
    new Row(xdp('ours, xdp generic', 'generic'), 'ipv4'),
    new Row({ ...knot, name: 'Knot, UDP' }, 'ipv4'),
    new Row(knotOverXdp(KNOT, SERVER_INTERFACE), 'ipv4'),
    new Row(batch(BATCH_IPV6), 'ipv6'),
    new Row(xdp('ours, xdp, IPv6'), 'ipv6'),
    new Row(knotOverXdp(KNOT_IPV6, SERVER_INTERFACE), 'ipv6'),
  ]
  return rows.filter(({ peer }) => servers.length === 0 || servers.some((s) => peer.name.toLowerCase().startsWith(s)))
}

class Row {
  readonly peer: Peer
  readonly runs: Measurement[] = []
  readonly family: 'ipv4' | 'ipv6'

  constructor(peer: Peer, family: 'ipv4' | 'ipv6') {
    this.peer = peer
    this.family = family
  }

  get summary(): Measurement {
    return summary(this.runs)
  }

  /** On a cable of its own: Knot leaves its program on the interface when it ends. */
  async measure(bench: Bench): Promise<void> {
    using cable = new NetworkNamespaces()
    const { client, server: side } = cable
    const network: PeerNetwork = {
      host: side[this.family],
      serverNamespace: side.namespace,
      clientNamespace: client.namespace,
      openSocket: () => cable.openSocket(client, client[this.family]),
    }
    await using server = await RunningPeer.start(bench, this.peer, bench.options.names, network)
    this.runs.push(measurementOf(await runLoad(bench, server)))
  }

  /** How many times as much the other one takes for a query. */
  timesOf(other: Row | undefined, figure: 'cpuUs' | 'bothSidesUs' = 'cpuUs'): number {
    if (other === undefined) return Number.NaN
    const of = (row: Row) => row.runs.map((run) => run[figure])
    return medianRatio(of(other), of(this))
  }
}

function columnsFor(rows: readonly Row[]): Column<Row>[] {
  const rowOf = (name: string) => rows.find(({ peer }) => peer.name === name)
  const batchFor = (row: Row) => rowOf(row.family === 'ipv6' ? BATCH_IPV6 : BATCH)
  const knotFor = (row: Row) => rowOf(row.family === 'ipv6' ? KNOT_IPV6 : KNOT)
  return [
    { title: 'server', cell: ({ peer }) => peer.name },
    { title: 'queries/s', cell: (row) => number(row.summary.queriesPerSecond) },
    { title: 'CPU µs/query', cell: (row) => number(row.summary.cpuUs, 2) },
    { title: 'both sides µs', cell: (row) => number(row.summary.bothSidesUs, 2) },
    { title: '× batch', cell: (row) => number(row.timesOf(batchFor(row)), 2) },
    { title: 'both sides', cell: (row) => number(row.timesOf(batchFor(row), 'bothSidesUs'), 2) },
    { title: '× Knot, XDP', cell: (row) => number(row.timesOf(knotFor(row)), 2) },
    { title: 'both sides', cell: (row) => number(row.timesOf(knotFor(row), 'bothSidesUs'), 2) },
    { title: 'p50 µs', cell: (row) => number(row.summary.p50Us) },
    { title: 'p99 µs', cell: (row) => number(row.summary.p99Us) },
    { title: 'lost', cell: (row) => number(row.summary.lost) },
    { title: 'wrong', cell: (row) => number(row.summary.wrong) },
    { title: 'core busy %', cell: (row) => number(row.summary.cpuPercent) },
    { title: 'others %', cell: (row) => number(row.summary.othersPercent) },
  ]
}
