import { fork } from 'node:child_process'
import { once } from 'node:events'
import { namespace, service, slice } from '../../kubernetes/objects.js'
import { concurrently } from '../../support/udp-asker.js'
import type { AskedServer, ChangeLoadMessage, ChangeLoadPlan } from './change-load-plan.js'
import { answersAll, type Case } from './cluster-cases.js'
import { converged, type Followed, PORT } from './followed.js'
import type { SyncMessage } from './sync-server.js'

const SERVICES = 5_000
const ENDPOINTS = 10
const CHANGERS = 16
const RATE_SECONDS = 20
const MOST_SYNC_MS = 15_000
const MOST_P99_MS = 100
/** Beside the soak itself, where all of them are built. */
const CHANGE_LOAD = new URL('change-load.js', import.meta.url).pathname
const SYNC_SERVER = new URL('sync-server.js', import.meta.url).pathname

/** A large cluster, read by a server that has just begun. */
export async function synced(
  { cluster, servers }: Followed,
  kubeconfig: string,
  report: (line: string) => void,
): Promise<void> {
  await cluster.put('namespaces', namespace('large'))
  const startedAt = performance.now()
  const numbers = Array.from({ length: SERVICES }, (_, i) => i)
  await concurrently(numbers, 32, async (i) => {
    const path = `large/service-${i}`
    const addresses = i % 2 === 0 ? ['None'] : [`10.96.${64 + (i >> 8)}.${i & 255}`]
    await cluster.put('services', service(path, addresses, [PORT]))
    const endpoints = Array.from({ length: ENDPOINTS }, (_, j) => {
      const n = i * ENDPOINTS + j
      return { address: `10.${16 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}` }
    })
    await cluster.put('endpointslices', slice(path, endpoints, [PORT]))
  })
  const perSecond = (2 * SERVICES * 1000) / (performance.now() - startedAt)
  report(`${SERVICES} Services and their slices of ${ENDPOINTS} endpoints made, ${Math.round(perSecond)} objects/s`)
  const last = `service-${SERVICES - 2}.large.svc.cluster.local`
  const n = (SERVICES - 2) * ENDPOINTS
  const expected = numbers
    .slice(0, ENDPOINTS)
    .map((j) => `10.${16 + ((n + j) >> 16)}.${((n + j) >> 8) & 255}.${(n + j) & 255}`)
  for (const { dns } of servers) await answersAll(dns.addresses[0]!, [[last, 'A', ...expected]])
  const child = fork(SYNC_SERVER, [kubeconfig], { execArgv: ['--expose-gc'] })
  const [said] = (await once(child, 'message')) as [SyncMessage]
  const { syncMs, names, heapMiB, sharedMiB, residentMiB } = said
  report(
    `${names} names read in ${Math.round(syncMs)} ms: ${Math.round(heapMiB)} MiB of heap, ${Math.round(sharedMiB)} MiB shared, ${Math.round(residentMiB)} MiB resident`,
  )
  if (syncMs > MOST_SYNC_MS) throw new Error('the first sync took too long')
}

/** Changes at a pace at which nothing waits, for how soon they are answered; then as many as the API server takes, for whether all answers are right. */
export async function changed(followed: Followed, report: (line: string) => void): Promise<void> {
  const { cluster } = followed
  await cluster.put('namespaces', namespace('rate'))
  const [calm] = await load(followed, { service: 'calm', changers: 4, everyMs: 20, seconds: 10 }, report)
  await load(followed, { service: 'many', changers: CHANGERS, everyMs: 0, seconds: RATE_SECONDS }, report)
  report(`${await converged(followed)} names afterwards, the same everywhere`)
  if (Number(at(calm!.sinceResponse, 0.99)) > MOST_P99_MS) throw new Error('changes were answered late')
}

type Pace = Pick<ChangeLoadPlan, 'service' | 'changers' | 'everyMs' | 'seconds'>

async function load(
  { cluster, servers }: Followed,
  pace: Pace,
  report: (line: string) => void,
): Promise<readonly AskedServer[]> {
  const [direct, byEtcd] = servers.map(({ dns }) => dns.addresses[0]!)
  for (let i = 0; i < pace.changers; i++) {
    const name = `${pace.service}-${i}`
    await cluster.put('services', service(`rate/${name}`, ['None'], [PORT]))
    await cluster.put('endpointslices', slice(`rate/${name}`, [{ address: `10.${128 + i}.0.0` }], [PORT]))
    const isThere: Case = [`${name}.rate.svc.cluster.local`, 'A', `10.${128 + i}.0.0`]
    for (const address of [direct!, byEtcd!]) await answersAll(address, [isThere])
  }
  const plan: ChangeLoadPlan = {
    ...{ url: cluster.url, token: cluster.token, authority: cluster.authority, namespace: 'rate', ...pace },
    servers: [
      { name: 'followed', ...direct! },
      { name: 'by the bridge', ...byEtcd! },
    ],
  }
  const child = fork(CHANGE_LOAD, [JSON.stringify(plan)])
  const [said] = (await once(child, 'message')) as [ChangeLoadMessage]
  report(
    `${Math.round(said.changesPerSecond)} changes/s by ${pace.changers} at a time${pace.everyMs > 0 ? '' : ', all that the API server took'}`,
  )
  for (const { name, queriesPerSecond, wrong, firstWrong, lost, sinceResponse, sinceEvent } of said.servers) {
    const times = (of: readonly number[]) => `p50 ${at(of, 0.5)} ms, p99 ${at(of, 0.99)} ms`
    report(
      [
        `${name}: answered ${times(sinceResponse)} after the API server's response`,
        `${times(sinceEvent)} after another watch was told, ${sinceResponse.length - sinceEvent.length} of ${sinceResponse.length} before that`,
        `${Math.round(queriesPerSecond)} queries/s, ${wrong} wrong, ${lost} lost`,
      ].join('; '),
    )
    if (wrong > 0 || lost > 0) throw new Error(`${name}: answers were wrong or lost: ${firstWrong.join('; ')}`)
  }
  return said.servers
}

function at(sorted: readonly number[], part: number): string {
  return (sorted[Math.floor(part * sorted.length)] ?? Number.POSITIVE_INFINITY).toFixed(1)
}
