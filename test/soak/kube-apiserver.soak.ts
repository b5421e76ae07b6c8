import { execFile } from 'node:child_process'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { createContainerDns, etcdStore } from 'containerdns'
import { kubernetesStore, startKubernetesBridge } from 'containerdns/kubernetes'
import { node, podOn, service, slice } from '../kubernetes/objects.js'
import { AskedAllTheTime } from '../support/asked-all-the-time.js'
import { eventually } from '../support/eventually.js'
import { KubeApiserver } from '../support/kube-apiserver.js'
import { Etcd } from '../support/start-etcd.js'
import { ApiRecorder } from './kube-apiserver/api-recorder.js'
import { answersAll, CASES, CHANGES, fillCluster } from './kube-apiserver/cluster-cases.js'
import { type Followed, impatient, PORT, serve, ZONES } from './kube-apiserver/followed.js'
import { away, gone, killed, restored } from './kube-apiserver/outages.js'
import { changed, synced } from './kube-apiserver/speed.js'
import type { Soak } from './soak.js'

const MANIFESTS = 'docs/deploy/kubernetes'
/** After this much of the time the API server is back. */
const AWAY_PART = 10 / 12

type Report = (line: string) => void

/**
 * A real kube-apiserver and a real etcd behind it: what the cluster has is answered, by a server that follows it with the rights of our manifests and
 * no others, and by one that reads what the bridge has written; through versions that are gone, a killed and a restored API server, and changes
 * as fast as it takes them.
 */
export const soak: Soak = {
  name: 'kube-apiserver',
  minutes: 12,
  async run(report, minutes) {
    await using cluster = await KubeApiserver.start()
    await using etcd = await Etcd.start()
    report(`${basename(cluster.program)}, with ${(await etcd.ctl('version')).split('\n')[0]}`)
    await fillCluster(cluster)
    const kubeconfig = await withRights(cluster, report)
    const options = { kubeconfig, pods: 'verified', autopath: true } as const
    await using direct = await AskedAllTheTime.start(kubernetesStore(options), { zones: ZONES })
    await using bridge = await startKubernetesBridge({
      ...options,
      ...{ cluster: 'soak', etcd: { hosts: etcd.host }, monitor: true, leaseMs: 5_000 },
    })
    await using byEtcd = await AskedAllTheTime.start(etcdStore({ hosts: etcd.host }), { zones: ZONES, negativeTtl: 5 })
    await using recorder = await ApiRecorder.start(cluster)
    const config = await cluster.accountConfig('kube-system', 'containerdns', recorder.url)
    await using recorded = await AskedAllTheTime.start(impatient(config), { zones: ZONES })
    const servers = [direct, byEtcd, recorded]
    for (const server of servers) await server.expect('kept.shop.svc.cluster.local', '10.96.255.1')
    const open = () => serve(kubernetesStore(options))
    const followed: Followed = { cluster, etcd, bridge, servers, recorder, recorded, open }

    await answers(followed, report)
    await zoned(cluster, kubeconfig, report)
    await gone(followed, report)
    await killed(followed, report)
    await restored(followed, report)
    await away(followed, 60_000 * minutes * AWAY_PART, report)
    await synced(followed, kubeconfig, report)
    await changed(followed, report)

    const names = servers.map(({ answered }) => answered)
    report(
      `${names.join(', ')} queries answered all the while, all of them rightly; ${bridge.status().conflicts} conflicts`,
    )
    if (bridge.status().conflicts > 0) throw new Error('the bridge has met keys of somebody else')
  },
}

/** Applies our manifests, and resolves to a kubeconfig of their service account once it has been seen what it may do and what not. */
async function withRights(cluster: KubeApiserver, report: Report): Promise<string> {
  const path = (file: string) => join(MANIFESTS, `${file}.yaml`)
  // The API server makes kube-system by itself, in its time.
  await eventually(() => cluster.apply(path('rbac')), 60_000)
  for (const file of ['configmap', 'secret', 'service', 'deployment', 'daemonset'])
    await cluster.apply(path(file), true)
  report(`${MANIFESTS}: ${await takenByKubectl(cluster)}`)
  const kubeconfig = await cluster.accountConfig('kube-system', 'containerdns')
  await using plain = await serve(kubernetesStore({ kubeconfig, pods: 'insecure' }))
  await answersAll(plain.addresses[0]!, [['kept.shop.svc.cluster.local', 'A', '10.96.255.1']])
  const starting = AskedAllTheTime.start(kubernetesStore({ kubeconfig, pods: 'verified' }), { zones: ZONES })
  let isReady = false
  const ready = starting.then(() => {
    isReady = true
  })
  const may = await mayDo(cluster)
  report(`rbac.yaml lets the service account ${may.join(', ')}`)
  if (isReady) throw new Error('pods were read without the right')
  await cluster.apply(path('rbac-pods'))
  await ready
  await (await starting)[Symbol.asyncDispose]()
  return kubeconfig
}

/** What kubectl, where there is one, says of our manifests. */
async function takenByKubectl({ kubeconfig }: KubeApiserver): Promise<string> {
  const args = ['--kubeconfig', kubeconfig, 'apply', '--dry-run=server', '--output', 'name', '-f', MANIFESTS]
  try {
    const { stdout } = await promisify(execFile)('kubectl', args)
    return `kubectl would apply ${stdout.trim().split('\n').length} objects`
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') return 'there is no kubectl here'
    throw cause
  }
}

/** Of all that the store might ask for, and more. */
async function mayDo(cluster: KubeApiserver): Promise<string[]> {
  const may: string[] = []
  for (const [group, resource] of RESOURCES) {
    for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
      const spec = {
        user: 'system:serviceaccount:kube-system:containerdns',
        resourceAttributes: { group, resource, verb },
      }
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
      const { status } = (await cluster.must('POST', path, { spec })) as unknown as { status: { allowed: boolean } }
      if (status.allowed) may.push(`${verb} ${resource}`)
    }
  }
  const wanted = ['services', 'namespaces', 'endpointslices'].flatMap((each) => [`list ${each}`, `watch ${each}`])
  if (may.join() !== wanted.join()) throw new Error(`the service account may ${may.join(', ')}`)
  return may
}

const RESOURCES = [
  ['', 'services'],
  ['', 'namespaces'],
  ['discovery.k8s.io', 'endpointslices'],
  ['', 'pods'],
  ['', 'nodes'],
  ['', 'secrets'],
  ['', 'configmaps'],
  ['coordination.k8s.io', 'leases'],
] as const

/** Clients in a zone, by their node's network and by the node of their pod. */
async function zoned(cluster: KubeApiserver, kubeconfig: string, report: Report): Promise<void> {
  await cluster.apply(join(MANIFESTS, 'rbac-zones.yaml'))
  await cluster.put('nodes', node('n1', 'a', ['10.244.1.0/24']), node('n2', 'b', []))
  await cluster.putPod(podOn('n2', 'shop/elsewhere', ['192.0.2.50']))
  await cluster.put('services', service('shop/zoned', ['None'], [PORT]))
  const endpoints = ['a', 'b'].map((zone, i) => ({ address: `10.1.7.${i + 1}`, zone }))
  await cluster.put('endpointslices', slice('shop/zoned', endpoints, [PORT]))
  const server = await createContainerDns({
    ...{ zones: ZONES, listen: { port: 0, protocols: ['udp'] }, workers: 1 },
    views: ['a', 'b'].map((name) => ({ name, clients: [] })),
    store: kubernetesStore({ kubeconfig, zoneViews: ['a', 'b'], zoneClients: 'pods' }),
  })
  try {
    const seen: string[] = []
    for (const client of ['10.244.1.9', '192.0.2.50', '192.0.2.51']) {
      const { answer } = await server.query('zoned.shop.svc.cluster.local', 'A', { client })
      seen.push(
        answer
          .map(({ data }) => data)
          .sort()
          .join(' and '),
      )
    }
    report(`clients in zone a, in zone b, and in none are answered with ${seen.join(', ')}`)
    if (seen.join() !== '10.1.7.1,10.1.7.2,10.1.7.1 and 10.1.7.2') throw new Error('clients were taken for others')
  } finally {
    await server.close()
  }
}

/** Both ways of use, over sockets. */
async function answers({ cluster, servers }: Followed, report: Report): Promise<void> {
  const each = servers.map(({ dns }) => dns.addresses[0]!)
  for (const address of each) await answersAll(address, CASES)
  report(`${CASES.length} questions answered alike by ${servers.length} servers`)
  for (const { what, make, cases } of CHANGES) {
    await make(cluster)
    for (const address of each) await answersAll(address, cases)
    report(`${what}: so do they answer`)
  }
}
