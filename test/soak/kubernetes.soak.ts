import { isDeepStrictEqual } from 'node:util'
import { type ContainerDns, createContainerDns, etcdStore, type RecordStore } from 'containerdns'
import { type KubernetesBridge, kubernetesStore, startKubernetesBridge } from 'containerdns/kubernetes'
import { namespace, pod, service, slice } from '../kubernetes/objects.js'
import { AskedAllTheTime } from '../support/asked-all-the-time.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { Etcd } from '../support/start-etcd.js'
import { sameKeys, sameRecords } from './kubernetes/same-records.js'
import type { Soak } from './soak.js'

const ZONES = ['cluster.local', 'in-addr.arpa', 'ip6.arpa']
const SERVICES = 200
const PORT = { name: 'http', protocol: 'TCP', port: 80 }
const CHECK_MS = 5_000
/** After this much of the time the API server is back. */
const AWAY_PART = 10 / 12

/**
 * The API server, here a simulator of one, is away for ten minutes while its cluster changes, is back, starts again, and is restored from backups
 * whose versions are older: answers stay all the while, and come to what the cluster has, with nothing twice and nothing left over, for a server
 * that follows it and for one that reads what the bridge has written to a real etcd.
 */
export const soak: Soak = {
  name: 'kubernetes',
  minutes: 12,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    const { kubeconfig } = cluster
    const options = { kubeconfig, pods: 'verified', autopath: true } as const
    await using direct = await AskedAllTheTime.start(kubernetesStore(options), { zones: ZONES })
    await using bridge = await startKubernetesBridge({
      ...options,
      ...{ cluster: 'soak', etcd: { hosts: etcd.host }, monitor: true, leaseMs: 5_000 },
    })
    await using byEtcd = await AskedAllTheTime.start(etcdStore({ hosts: etcd.host }), { zones: ZONES })
    const servers = [direct, byEtcd]
    for (const server of servers) await server.expect('kept.ns0.svc.cluster.local', '10.3.255.1')
    const followed = { cluster, etcd, bridge, servers, open: () => serve(kubernetesStore(options)) }
    report(`${await converged(followed)} names in both, ${bridge.status().keys} keys`)

    await away(followed, 60_000 * minutes * AWAY_PART, report)
    report(`${await converged(followed)} names once the API server was back`)

    const until = performance.now() + 60_000 * minutes * (1 - AWAY_PART)
    let rounds = 0
    for (; rounds === 0 || performance.now() < until; rounds++) await restored(followed, rounds)
    report(`${rounds} restarts and restored backups, the same as the cluster after each`)
    const names = servers.map(({ answered }) => answered)
    report(`${names.join(' and ')} queries answered, all of them rightly; ${bridge.status().conflicts} conflicts`)
    if (bridge.status().conflicts > 0) throw new Error('the bridge has met keys of somebody else')
  },
}

interface Followed {
  readonly cluster: KubeSimulator
  readonly etcd: Etcd
  readonly bridge: KubernetesBridge
  readonly servers: readonly AskedAllTheTime[]
  /** A server that has not seen anything yet. */
  readonly open: () => Promise<ContainerDns>
}

function fill(cluster: KubeSimulator): void {
  for (let i = 0; i < 10; i++) cluster.put('namespaces', namespace(`ns${i}`))
  cluster.put('services', service('ns0/kept', ['10.3.255.1'], [PORT]))
  for (let i = 0; i < SERVICES; i++) change(cluster, i, 0)
}

/** Services, endpoints and pods that are others in each round, and some of them gone. */
function change(cluster: KubeSimulator, i: number, round: number): void {
  const path = `ns${i % 10}/service-${i}`
  const address = (net: number, n: number) => `10.${net}.${(i + round) & 255}.${n}`
  const isGone = (i + round) % 7 === 3
  const head = service(path, [i % 2 === 0 ? 'None' : address(3, 1)], [PORT])
  const endpoints = slice(
    path,
    [1, 2, 3].map((n) => ({ address: address(1, n), hostname: `h${n}` })),
    [PORT],
  )
  const one = pod(`ns${i % 10}/pod-${i}`, [address(1, 1)])
  for (const [kind, object] of [
    ['services', head],
    ['endpointslices', endpoints],
    ['pods', one],
  ] as const) {
    if (isGone) cluster.delete(kind, object)
    else cluster.put(kind, object)
  }
}

/** Nobody can be asked, and everything is another afterwards. */
async function away(
  { cluster, bridge, servers }: Followed,
  forMs: number,
  report: (line: string) => void,
): Promise<void> {
  const before = servers.map(({ dns }) => dns.stats().index.names)
  await cluster.stop()
  const until = performance.now() + forMs
  for (let i = 0; i < SERVICES; i++) change(cluster, i, 1)
  // As a server that has lost its history with its memory.
  cluster.compact()
  while (performance.now() < until) {
    for (const server of servers) await server.check()
    const names = servers.map(({ dns }) => dns.stats().index.names)
    if (!isDeepStrictEqual(names, before))
      throw new Error(`there were ${before} names, and are ${names} without the server`)
    await new Promise((resolve) => setTimeout(resolve, Math.min(CHECK_MS, Math.max(0, until - performance.now()))))
  }
  const { stale, connected } = servers[0]!.dns.stats().store
  report(`away for ${Math.round(forMs / 1000)} s: ${before} names stayed; stale ${stale}, connected ${connected}`)
  if (connected || bridge.status().connected) throw new Error('somebody has not noticed that the API server is away')
  await cluster.restart()
}

/** Starts again, goes on, and is back at what it was, by older versions. */
async function restored(followed: Followed, round: number): Promise<void> {
  const { cluster } = followed
  const backup = cluster.backup()
  await cluster.stop()
  await cluster.restart()
  for (let i = 0; i < SERVICES; i++) change(cluster, i, 2 + round)
  await converged(followed)
  cluster.restore(backup)
  await converged(followed)
  // Other objects by the versions that those before the restore had.
  for (let i = 0; i < SERVICES; i += 3) change(cluster, i, 5 + round)
  await converged(followed)
}

/** Resolves to the number of names once all servers have what one has that has just begun; and etcd has no key but theirs. */
async function converged({ etcd, bridge, servers, open }: Followed): Promise<number> {
  await using fresh = await open()
  const names = await sameRecords(
    fresh,
    servers.map(({ dns }) => dns),
    () => sameKeys(etcd, bridge),
  )
  for (const server of servers) await server.check()
  return names
}

function serve(store: RecordStore): Promise<ContainerDns> {
  return createContainerDns({ zones: ZONES, listen: { port: 0, protocols: ['udp'] }, workers: 1, store })
}
