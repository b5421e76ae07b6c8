import type { ContainerDns, ContainerDnsOptions } from '../../../lib/index.js'
import { ZONE } from '../names.js'
import type { OurServerCommand, OurServerMessage, OurServerPlan } from './our-server-protocol.js'
import { loadProduct } from './product.js'
import { loadRecords } from './record-loader.js'
import { RecordWriter } from './record-writer.js'

/** The process of our server: takes a plan as its argument, does what it is told, and ends with the one that started it. */

/** What goes by the client. Cookies are on by default. */
const ALL_ON: ContainerDnsOptions = {
  selection: { policy: 'clientHash' },
  views: [
    { name: 'office', clients: ['10.0.0.0/8', '2001:db8::/32'] },
    { name: 'lab', clients: ['127.0.0.0/8', '192.168.0.0/16'] },
  ],
  rateLimit: { responsesPerSecond: 1_000_000, queriesPerSecond: 1_000_000 },
  edns: { cookies: 'on' },
}

const plan = JSON.parse(process.argv[2]!) as OurServerPlan
let writer: RecordWriter | undefined

const server = await start()
process.on('disconnect', () => void server.close())
process.on('message', (command: OurServerCommand) => void obey(command))
const loading = loadRecords(server, plan.etcd === undefined ? plan.names : 0)

async function start(): Promise<ContainerDns> {
  const { createContainerDns, etcdStore, memoryStore } = await loadProduct(plan.dist)
  const options: ContainerDnsOptions = {
    zones: [ZONE],
    listen: { host: plan.host ?? '127.0.0.1', port: plan.port },
    workers: plan.workers,
    transport: plan.transport,
    ...(plan.xdp === undefined ? {} : { xdp: plan.xdp }),
    ...(plan.upstreamPort !== undefined && { forward: { upstreams: [`127.0.0.1:${plan.upstreamPort}`] } }),
    ...(plan.metrics === undefined ? {} : { metrics: plan.metrics }),
    ...(plan.isAllOn ? ALL_ON : {}),
    store: plan.etcd === undefined ? memoryStore() : etcdStore({ hosts: [plan.etcd] }),
  }
  return createContainerDns(options)
}

async function obey(command: OurServerCommand): Promise<void> {
  switch (command.type) {
    case 'load':
      return say({ type: 'loaded', load: await loading })
    case 'stats': {
      const { index, counters } = server.stats()
      const { names, usedBytes, allocatedBytes } = index
      return say({ type: 'stats', stats: { names, usedBytes, allocatedBytes, counters } })
    }
    case 'write':
      writer = new RecordWriter(server.records, command.plan, plan.names)
      return say({ type: 'writing' })
    case 'stopWriting': {
      const report = await writer!.stop()
      writer = undefined
      return say({ type: 'written', report })
    }
    default:
      command satisfies never
  }
}

function say(message: OurServerMessage): void {
  process.send!(message)
}
