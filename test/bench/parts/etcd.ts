import type { Watcher } from 'etcd3'
import type { Bench, PartReport } from '../bench.js'
import { AnswerWatch } from '../etcd/answer-watch.js'
import { RunningEtcd } from '../etcd/running-etcd.js'
import { hostAddress, hostName, TTL_SECONDS } from '../names.js'
import { ours } from '../peers/ours.js'
import { RunningPeer } from '../peers/running-peer.js'
import { quantile } from '../statistics.js'
import { number, table } from '../table.js'

/** ContainerDNS' layout: the owner's labels from the root on, and a leaf that stands for the record. */
const KEY = '/containerdns/example/bench/host-0/0a000001/'
const PREFIX = '/containerdns/'

/** From a put in etcd to the answer that has it, beside the time that etcd itself takes to tell a watcher. */
export async function etcdPart(bench: Bench): Promise<PartReport> {
  await using etcd = await RunningEtcd.start(bench)
  await etcd.client.put(KEY).value(recordOf(hostAddress(0)))
  const peer = ours('etcd', { dist: bench.options.dist, workers: 1, transport: 'batch', etcd: etcd.url })
  await using server = await RunningPeer.start(bench, peer, 1)
  const watcher = await etcd.client.watch().prefix(PREFIX).create()
  using answers = new AnswerWatch(hostName(0), server.port)
  bench.progress(`etcd: ${bench.options.etcdPuts} puts`)
  const puts: Put[] = []
  for (let i = 1; i <= bench.options.etcdPuts; i++) puts.push(await follow(etcd, watcher, answers, hostAddress(i)))
  await watcher.cancel()
  return report(puts)
}

/** Milliseconds from the call of put. */
interface Put {
  readonly watcherMs: number
  readonly answerMs: number
}

async function follow(etcd: RunningEtcd, watcher: Watcher, answers: AnswerWatch, address: string): Promise<Put> {
  const watched = new Promise<number>((resolve) => watcher.once('put', () => resolve(performance.now())))
  const answered = answers.sees(address)
  const from = performance.now()
  await etcd.client.put(KEY).value(recordOf(address))
  return { watcherMs: (await watched) - from, answerMs: (await answered) - from }
}

function recordOf(address: string): string {
  return JSON.stringify({ type: 'A', host: address, ttl: TTL_SECONDS })
}

function report(puts: readonly Put[]): PartReport {
  const rows = [
    row(
      'a plain watcher sees the put',
      puts.map((put) => put.watcherMs),
    ),
    row(
      'a DNS client gets the answer',
      puts.map((put) => put.answerMs),
    ),
    row(
      'answer after watcher, put by put',
      puts.map((put) => put.answerMs - put.watcherMs),
    ),
  ]
  const [watcher, answer] = rows
  const differenceMs = answer!.p99Ms - watcher!.p99Ms
  const columns = [
    { title: 'after the put, ms', cell: (each: Row) => each.what },
    { title: 'p50', cell: (each: Row) => number(each.p50Ms, 2) },
    { title: 'p99', cell: (each: Row) => number(each.p99Ms, 2) },
    { title: 'max', cell: (each: Row) => number(each.maxMs, 2) },
  ]
  return {
    title: `${puts.length} puts, one after the other`,
    text: `${table(columns, rows)}\nDifference of the p99s: ${number(differenceMs, 2)} ms.`,
    figures: { rows, p99DifferenceMs: differenceMs },
  }
}

interface Row {
  readonly what: string
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

function row(what: string, values: readonly number[]): Row {
  return { what, p50Ms: quantile(values, 0.5), p99Ms: quantile(values, 0.99), maxMs: Math.max(...values) }
}
