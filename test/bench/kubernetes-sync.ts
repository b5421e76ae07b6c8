import { createContainerDns } from 'containerdns'
import { kubernetesStore } from 'containerdns/kubernetes'
import { namespace, service, slice } from '../kubernetes/objects.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { dataOf, UdpClient } from '../support/udp-client.js'

// How long a first sync of 5 000 services with 50 000 endpoints takes, what it needs, and how soon a change is answered. The
// simulator runs in the same process: its own JSON is in the figures.

const SERVICES = 5000
const ENDPOINTS = 10
const CHANGES = 2000

const cluster = await KubeSimulator.start()
cluster.put('namespaces', ...Array.from({ length: 50 }, (_, i) => namespace(`ns${i}`)))
const port = { name: 'http', protocol: 'TCP', port: 80 }
for (let i = 0; i < SERVICES; i++) {
  const path = `ns${i % 50}/service-${i}`
  cluster.put('services', service(path, [i % 2 === 0 ? 'None' : `10.96.${i >> 8}.${i & 255}`], [port]))
  const endpoints = Array.from({ length: ENDPOINTS }, (_, j) => {
    const n = i * ENDPOINTS + j
    return { address: `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}` }
  })
  cluster.put('endpointslices', slice(path, endpoints, [port]))
}
globalThis.gc?.()
const before = process.memoryUsage()
const startedAt = performance.now()
const server = await createContainerDns({
  zones: ['cluster.local', 'in-addr.arpa'],
  listen: { port: 0 },
  workers: 1,
  store: kubernetesStore({ kubeconfig: cluster.kubeconfig }),
})
const syncMs = performance.now() - startedAt
globalThis.gc?.()
const after = process.memoryUsage()
const mib = (bytes: number) => Math.round(bytes / 1024 / 1024)
const client = await UdpClient.open(server.addresses[0]!)
const delays: number[] = []
for (let i = 0; i < CHANGES; i++) {
  const address = `10.97.${i >> 8}.${i & 255}`
  const at = performance.now()
  cluster.put('services', service('ns1/service-1', [address], [port]))
  while (dataOf(await client.ask('service-1.ns1.svc.cluster.local'))[0] !== address);
  delays.push(performance.now() - at)
}
delays.sort((a, b) => a - b)
// 1 000 changes a second for ten seconds, with a question all the while.
let wrong = 0
let asked = 0
let last = 0
const until = performance.now() + 10_000
const begunAt = performance.now()
let sent = 0
while (performance.now() < until) {
  for (; sent < performance.now() - begunAt; sent++) {
    last = sent % 60_000
    cluster.put(
      'services',
      service(`ns1/service-${1 + 50 * (sent % 100)}`, [`10.98.${last >> 8}.${last & 255}`], [port]),
    )
  }
  const packet = await client.ask('service-51.ns1.svc.cluster.local')
  asked++
  if (dataOf(packet).length !== 1) wrong++
}
console.log(
  JSON.stringify({
    syncMs: Math.round(syncMs),
    names: server.stats().store,
    heapMiB: mib(after.heapUsed - before.heapUsed),
    sharedMiB: mib(after.arrayBuffers - before.arrayBuffers),
    rssMiB: mib(after.rss - before.rss),
    p50Ms: delays[delays.length / 2],
    p99Ms: delays[Math.floor(delays.length * 0.99)],
    changesPerSecond: sent / 10,
    asked,
    wrong,
  }),
)
await client[Symbol.asyncDispose]()
await server.close()
await cluster[Symbol.asyncDispose]()
