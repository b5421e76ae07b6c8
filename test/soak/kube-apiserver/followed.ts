import { type ContainerDns, createContainerDns, type RecordStore } from 'containerdns'
import type { KubernetesBridge } from 'containerdns/kubernetes'
import { KubernetesStore } from '../../../lib/kubernetes/kubernetes-store.js'
import { parseKubernetesStoreOptions } from '../../../lib/kubernetes/options.js'
import { service, slice } from '../../kubernetes/objects.js'
import type { AskedAllTheTime } from '../../support/asked-all-the-time.js'
import type { KubeApiserver } from '../../support/kube-apiserver.js'
import type { Etcd } from '../../support/start-etcd.js'
import { concurrently } from '../../support/udp-asker.js'
import { sameKeys, sameRecords } from '../kubernetes/same-records.js'
import type { ApiRecorder } from './api-recorder.js'

export const ZONES = ['cluster.local', 'in-addr.arpa', 'ip6.arpa']
export const PORT = { name: 'http', protocol: 'TCP', port: 80 }

/** A cluster, and who follows it. */
export interface Followed {
  readonly cluster: KubeApiserver
  readonly etcd: Etcd
  readonly bridge: KubernetesBridge
  /** The first follows the API server, the second etcd, the third the API server by way of the recorder. */
  readonly servers: readonly AskedAllTheTime[]
  readonly recorder: ApiRecorder
  readonly recorded: AskedAllTheTime
  /** A server that has not seen anything yet. */
  readonly open: () => Promise<ContainerDns>
}

/** A store of small pages and short watches, that waits long for an answer. */
export function impatient(kubeconfig: string): RecordStore {
  const tuning = { pageSize: 5, watchSeconds: 6, responseTimeoutMs: 120_000 }
  return new KubernetesStore(parseKubernetesStoreOptions({ kubeconfig, pods: 'verified', autopath: true }, tuning))
}

/** Services with endpoints that are others in each round, and some of them gone. */
export async function change(cluster: KubeApiserver, name: string, count: number, round: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i)
  await concurrently(numbers, 8, async (i) => {
    const path = `shop/${name}-${i}`
    const head = service(path, ['None'], [PORT])
    const endpoints = [1, 2, 3].map((n) => ({
      address: `10.2.${(i + round) & 255}.${n}`,
      hostname: `h${n + (round & 1)}`,
    }))
    const slices = slice(path, endpoints, [PORT])
    if ((i + round) % 7 === 3) {
      for (const [kind, object] of [
        ['services', head],
        ['endpointslices', slices],
      ] as const) {
        await cluster.delete(kind, object).catch((cause: Error) => {
          if (!cause.message.includes(' 404')) throw cause
        })
      }
    } else {
      await cluster.put('services', head)
      await cluster.put('endpointslices', slices)
    }
  })
}

/** Resolves to the number of names once all servers have what one has that has just begun; and etcd has no key but theirs. */
export async function converged({ etcd, bridge, servers, open }: Followed): Promise<number> {
  await using fresh = await open()
  const all = servers.map(({ dns }) => dns)
  const names = await sameRecords(fresh, all, () => sameKeys(etcd, bridge))
  for (const server of servers) await server.check()
  return names
}

export function serve(store: RecordStore): Promise<ContainerDns> {
  return createContainerDns({ zones: ZONES, listen: { port: 0, protocols: ['udp'] }, workers: 1, store })
}
