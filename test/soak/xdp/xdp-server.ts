import type { Stats, XdpQueueStats } from '../../../lib/index.js'
import { loadProduct } from '../../bench/servers/product.js'

/** The process of the server that is flooded: says what has become of its frames when it is asked, and ends with the one that started it. */

export interface XdpServerPlan {
  readonly hosts: readonly string[]
  readonly port: number
  readonly interface: string
}

export interface XdpServerMessage {
  readonly queue: XdpQueueStats
  readonly counters: Stats['counters']
  readonly restarts: number
}

const plan = JSON.parse(process.argv[2]!) as XdpServerPlan
const { createContainerDns, memoryStore } = await loadProduct('dist')
const server = await createContainerDns({
  zones: ['example.org'],
  listen: plan.hosts.map((host) => ({ host, port: plan.port })),
  workers: 1,
  transport: 'xdp',
  xdp: { interfaces: [plan.interface] },
  store: memoryStore({ rrsets: [{ name: 'www.example.org', type: 'A', data: ['192.0.2.7'] }] }),
})
let restarts = 0
server.on('workerRestart', () => restarts++)
const tell = () => {
  const { counters, transport } = server.stats()
  process.send!({ queue: transport.xdp!.queues[0]!, counters, restarts } satisfies XdpServerMessage)
}
process.on('message', tell)
process.on('disconnect', () => void server.close())
tell()
