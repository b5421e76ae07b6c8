import { createContainerDns } from 'containerdns'
import { kubernetesStore } from 'containerdns/kubernetes'

/** A server in a process of its own that reads a cluster, says how long that took and what it needs, and ends. Its argument is a kubeconfig. */

export interface SyncMessage {
  readonly syncMs: number
  readonly names: number
  readonly heapMiB: number
  readonly sharedMiB: number
  readonly residentMiB: number
}

const mebibytes = (bytes: number) => bytes / 2 ** 20

globalThis.gc?.()
const before = process.memoryUsage()
const startedAt = performance.now()
const server = await createContainerDns({
  zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'],
  listen: { port: 0 },
  workers: 1,
  store: kubernetesStore({ kubeconfig: process.argv[2]!, pods: 'verified' }),
})
const syncMs = performance.now() - startedAt
globalThis.gc?.()
const after = process.memoryUsage()
const message: SyncMessage = {
  syncMs,
  names: server.stats().index.names,
  heapMiB: mebibytes(after.heapUsed - before.heapUsed),
  sharedMiB: mebibytes(after.arrayBuffers - before.arrayBuffers),
  residentMiB: mebibytes(after.rss),
}
await server.close()
process.send!(message, () => process.exit(0))
