import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Folders } from '../bench/bench.js'
import { Processes } from '../bench/processes/processes.js'
import { number } from '../bench/table.js'
import { eventually } from '../support/eventually.js'
import { MOST_HELD_MS } from '../support/turn-meter.js'
import { lineOf, MonitorHost } from './monitor/host-process.js'
import type { Soak } from './soak.js'

const ADDRESSES = 20_000
const INTERVAL_MS = 10_000
const START_MS = 120_000
/** Of all intervals of all addresses, those that began more than half an interval late. */
const MOST_LATE = 0.05

/** A server probes the 20 000 addresses of its own records; they die all at once, and come back. */
export const soak: Soak = {
  name: 'own-records',
  minutes: 2,
  async run(report, minutes) {
    const backend = createServer((socket) => socket.on('error', () => {}).destroy())
    const listen = async (port: number) => {
      backend.listen({ host: '0.0.0.0', port, backlog: 4_096 })
      await once(backend, 'listening')
      return (backend.address() as { port: number }).port
    }
    const port = await listen(0)
    await using processes = new Processes()
    const probed = { count: ADDRESSES, port, intervalMs: INTERVAL_MS }
    const host = new MonitorHost(processes, new Folders(), 'server', { probed })
    const healthy = (count: number) =>
      eventually(() => host.last !== undefined && host.last.known - host.last.unhealthy === count, START_MS)
    await healthy(ADDRESSES)
    report(`all are known to be alive: ${lineOf(host.figures())}`)
    const turns = [host.figures().turns]
    host.begin()
    const [before, since] = [host.last!.probes!, performance.now()]
    await sleep(60_000 * minutes)
    const due = (ADDRESSES * (performance.now() - since)) / INTERVAL_MS
    const late = host.last!.probes!.late - before.late
    report(
      `${number(host.last!.probes!.probes - before.probes)} probes, where ${number(due)} were due, ${late} late: ${lineOf(host.figures())}`,
    )
    turns.push(host.figures().turns)
    host.begin()
    backend.close()
    await once(backend, 'close')
    await healthy(0)
    await listen(port)
    await healthy(ADDRESSES)
    report(`all have died and come back: ${lineOf(host.figures())}`)
    turns.push(host.figures().turns)
    backend.close()
    if (late > MOST_LATE * due) throw new Error('too many intervals were missed')
    if (turns.some(({ heldMaxMs }) => heldMaxMs > MOST_HELD_MS)) throw new Error('the host was held up by us')
  },
}
