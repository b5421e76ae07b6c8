import { readdirSync } from 'node:fs'
import type { ContainerDns } from '../../../lib/index.js'
import { loadProduct } from '../../bench/servers/product.js'

/** The process of the server: takes its etcd as its argument, says where it answers, and how it is when it is asked. */

export interface ChurnState {
  readonly residentBytes: number
  readonly descriptors: number
  readonly threads: number
  readonly restarts: number
  readonly names: number
  readonly retiredBytes: number
  readonly isConnected: boolean
}

export type ChurnMessage =
  | { readonly type: 'serving'; readonly port: number }
  | { readonly type: 'state'; readonly state: ChurnState }

const server = await start(process.argv[2]!)
process.on('message', () => say({ type: 'state', state: stateOf(server) }))
process.on('disconnect', () => void server.close())
say({ type: 'serving', port: server.addresses[0]!.port })

async function start(etcd: string): Promise<ContainerDns> {
  const { createContainerDns, etcdStore } = await loadProduct('dist')
  const workerFiles = {
    dns: new URL('faulty-dns.worker.js', import.meta.url),
    stream: new URL('faulty-stream.worker.js', import.meta.url),
  }
  const store = etcdStore({ hosts: etcd })
  return createContainerDns({ zones: ['soak.example'], listen: { port: 0 }, workers: 2, store, workerFiles })
}

function stateOf({ stats }: Pick<ContainerDns, 'stats'>): ChurnState {
  const { threads, index, store } = stats.call(server)
  return {
    residentBytes: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    restarts: threads.reduce((sum, { restarts }) => sum + restarts, 0),
    names: index.names,
    retiredBytes: index.retiredBytes,
    isConnected: store.connected,
  }
}

function say(message: ChurnMessage): void {
  process.send!(message)
}
