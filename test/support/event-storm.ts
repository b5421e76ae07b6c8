import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EtcdClient } from '../../lib/store/etcd/client.js'
import { EtcdStore } from '../../lib/store/etcd/etcd-store.js'
import { parseEtcdStoreOptions } from '../../lib/store/etcd/options.js'
import { AskedAllTheTime } from './asked-all-the-time.js'
import { eventually } from './eventually.js'
import { expectSameAsEtcd } from './same-as-etcd.js'
import { Etcd } from './start-etcd.js'

export interface StormReport {
  readonly eventsPerSecond: number
  /** The largest `stats().store.lagMs` while it blew. */
  readonly worstLagMs: number
  /** How long etcd itself took for a transaction at worst: what it does not answer, nobody can know. */
  readonly worstPutMs: number
  /** From the last put to the moment when the server held it. */
  readonly catchUpMs: number
  /** What the heap and buffers of this process have grown by, garbage collected. */
  readonly grownBytes: number
}

const EVENTS_PER_TRANSACTION = 100
const NAMES = 5000
const FOLDER = '/containerdns/org/example'

/** Changes records in a real etcd at a rate, with a server behind it that is asked all the time; at the end both must hold the same. */
export async function eventStorm(seconds: number, eventsPerSecond: number): Promise<StormReport> {
  await using etcd = await Etcd.start()
  await etcd.ctl('put', `${FOLDER}/kept/1/`, recordOf(1))
  const options = parseEtcdStoreOptions({ hosts: etcd.host, relistIntervalMs: 2000 }, { progressIntervalMs: 200 })
  await using server = await AskedAllTheTime.start(new EtcdStore(options))
  await server.expect('kept.example.org', '10.0.0.1')
  const client = await EtcdClient.connect(options.hosts[0]!, options)
  try {
    // Every name once before, so that what is counted is growth and not data.
    for (let at = 0; at < NAMES; at += EVENTS_PER_TRANSACTION) await putSome(client, at, 0)
    await eventually(() => expectSameAsEtcd(server.dns, etcd), 30_000)
    const bytesBefore = bytesInUse()
    let worstLagMs = 0
    const watching = setInterval(() => {
      worstLagMs = Math.max(worstLagMs, server.dns.stats().store.lagMs)
    }, 50)
    const { events, tookMs, revision, worstPutMs } = await blow(client, seconds, eventsPerSecond)
    const putAt = performance.now()
    await eventually(() => server.dns.stats().store.revision >= revision, 60_000)
    const catchUpMs = performance.now() - putAt
    clearInterval(watching)
    await eventually(() => expectSameAsEtcd(server.dns, etcd), 30_000)
    await server.check()
    const { discrepancies, loads, checks } = server.dns.stats().store
    if (discrepancies > 0 || loads !== 1 || checks === 0)
      throw new Error(
        `${checks} comparisons found ${discrepancies} discrepancies, and everything was loaded ${loads} times`,
      )
    return {
      eventsPerSecond: Math.round((events / tookMs) * 1000),
      worstLagMs,
      worstPutMs,
      catchUpMs: Math.round(catchUpMs),
      grownBytes: bytesInUse() - bytesBefore,
    }
  } finally {
    client.close()
  }
}

/** As many transactions as are due by the clock, a few at a time. */
async function blow(
  client: EtcdClient,
  seconds: number,
  eventsPerSecond: number,
): Promise<{ events: number; tookMs: number; revision: number; worstPutMs: number }> {
  const startedAt = performance.now()
  let sent = 0
  let revision = 0
  let worstPutMs = 0
  const lane = async () => {
    for (;;) {
      const passedMs = performance.now() - startedAt
      if (passedMs >= seconds * 1000) return
      if (sent >= (passedMs / 1000) * eventsPerSecond) await new Promise((resolve) => setTimeout(resolve, 5))
      else {
        const at = sent
        sent += EVENTS_PER_TRANSACTION
        const putAt = performance.now()
        revision = Math.max(revision, await putSome(client, at, 1 + at))
        worstPutMs = Math.max(worstPutMs, Math.round(performance.now() - putAt))
      }
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  return { events: sent, tookMs: performance.now() - startedAt, revision, worstPutMs }
}

/** One transaction on some of the names; every third round deletes a few of them. Returns its revision. */
async function putSome(client: EtcdClient, at: number, round: number): Promise<number> {
  const success = Array.from({ length: EVENTS_PER_TRANSACTION }, (_, i) => {
    const key = Buffer.from(`${FOLDER}/n${(at + i) % NAMES}/1/`)
    if (round > 0 && (at + i) % 11 === 0) return { request_delete_range: { key } }
    return { request_put: { key, value: Buffer.from(recordOf(round + i)) } }
  })
  const { header } = await client.txn({ compare: [], success }, 20_000)
  return Number(header.revision)
}

function recordOf(number: number): string {
  const host = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
  return JSON.stringify({ type: 'A', host, ttl: 30 })
}

/** What is in use once everything that nobody holds is gone. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
