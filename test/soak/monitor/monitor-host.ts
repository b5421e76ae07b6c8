import { type ContainerDns, createContainerDns, etcdStore, memoryStore } from 'containerdns'
import { startScanner, startScheduler } from 'containerdns/health'
import { TurnMeter } from '../../support/turn-meter.js'
import type { MonitorHostMessage, MonitorHostTask } from './monitor-host-message.js'

/** A host that embeds a scanner, a scheduler or a server, and says each second how they are and what became of its event loop. */

const SAY_MS = 1_000
/** Of each name's addresses. */
const ADDRESSES_A_NAME = 10

const task = JSON.parse(process.argv[2]!) as MonitorHostTask
// etcd3 takes 170 ms to be imported, once in the life of a process. That is not what is measured.
await import('etcd3')
const meter = new TurnMeter()
const scanner = task.scanner && (await startScanner(task.scanner))
const scheduler = task.scheduler && (await startScheduler(task.scheduler))
const server = await serverOf(task)
// Their modules, threads and memory are set up once, before there is anything that could be held up.
meter.take()
setInterval(() => {
  const health = server?.stats().health
  const message: MonitorHostMessage = {
    type: 'second',
    scanner: scanner?.status(),
    known: health?.addresses ?? 0,
    unhealthy: health?.unhealthy ?? 0,
    probes: health?.probes,
    turns: meter.take(),
  }
  process.send?.(message)
}, SAY_MS)
process.once('disconnect', () => void stop())

async function stop(): Promise<void> {
  await Promise.all([scanner, scheduler, server].map((each) => each?.close()))
  process.exit(0)
}

function serverOf({ server, probed }: MonitorHostTask): Promise<ContainerDns> | undefined {
  const common = { zones: ['example'], listen: { port: 0 }, workers: 1 }
  if (server !== undefined) return createContainerDns({ ...common, store: etcdStore({ hosts: server.hosts }) })
  if (probed === undefined) return undefined
  const { count, port, intervalMs } = probed
  const addresses = Array.from({ length: count }, (_, i) => `127.${120 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`)
  const rrsets = Array.from({ length: Math.ceil(count / ADDRESSES_A_NAME) }, (_, i) => ({
    name: `n${i}.example`,
    type: 'A' as const,
    data: addresses.slice(ADDRESSES_A_NAME * i, ADDRESSES_A_NAME * (i + 1)),
  }))
  const probes = { check: { type: 'tcp' as const, ports: [port] }, intervalMs, timeoutMs: 2_000 }
  return createContainerDns({ ...common, store: memoryStore({ rrsets }), health: { probes } })
}
