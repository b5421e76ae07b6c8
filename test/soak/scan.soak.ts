import { setTimeout as sleep } from 'node:timers/promises'
import { Folders } from '../bench/bench.js'
import { Processes } from '../bench/processes/processes.js'
import { number } from '../bench/table.js'
import { eventually } from '../support/eventually.js'
import { MonitoredTargets } from '../support/monitored-targets.js'
import { Etcd } from '../support/start-etcd.js'
import { MOST_HELD_MS } from '../support/turn-meter.js'
import { lineOf, MonitorHost } from './monitor/host-process.js'
import type { Soak } from './soak.js'

const PREFIX = '/containerdns/monitor/'
/** Another number for figures of a larger place: SCAN_TARGETS=100000. */
const TARGETS = Number(process.env['SCAN_TARGETS'] ?? 20_000)
const INTERVAL_MS = 10_000
const LEASE_SECONDS = 10
const START_MS = 240_000
/** Of all intervals of all addresses, those that began more than half an interval late. */
const MOST_LATE = 0.05
const MOST_DELAY_MS = 10
/** Once in the life of a process: what reads the first keys and sends the first targets is not compiled yet (9 to 17 ms, 2026-11-23). */
const MOST_HELD_AT_START_MS = 25

/** Two hosts with a scanner each share 20 000 addresses, each probed every 10 s, and a third has a server that follows what they say. */
export const soak: Soak = {
  name: 'scan',
  minutes: 3,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await using targets = await MonitoredTargets.start(etcd, PREFIX, TARGETS)
    await using processes = new Processes()
    const folders = new Folders()
    const common = { etcd: { hosts: etcd.host }, prefix: PREFIX, leaseSeconds: LEASE_SECONDS }
    const probes = { intervalMs: INTERVAL_MS, timeoutMs: 2_000 }
    const scheduler = new MonitorHost(processes, folders, 'scheduler', { scheduler: { ...common, name: 'one' } })
    const server = new MonitorHost(processes, folders, 'server', { server: { hosts: etcd.host } })
    const scanners = ['a', 'b'].map(
      (name) => new MonitorHost(processes, folders, `scanner ${name}`, { scanner: { ...common, name, probes } }),
    )
    const hosts = [...scanners, scheduler, server]
    const sum = (of: 'targets' | 'probes' | 'late') =>
      scanners.reduce((total, { last }) => total + (last?.scanner?.[of] ?? 0), 0)
    const start = performance.now()
    await eventually(() => sum('targets') === TARGETS && server.last?.known === TARGETS, START_MS)
    await eventually(() => targets.areCheckedSince(start), START_MS)
    for (const host of hosts) report(`start: ${lineOf(host.figures())}`)
    const startTurns = hosts.map((host) => host.figures().turns)
    for (const host of hosts) host.begin()
    const [since, probesBefore, lateBefore] = [performance.now(), sum('probes'), sum('late')]
    await sleep(60_000 * minutes)
    const seconds = (performance.now() - since) / 1_000
    const figures = hosts.map((host) => host.figures())
    for (const line of figures.map(lineOf)) report(line)
    const [probed, late] = [sum('probes') - probesBefore, sum('late') - lateBefore]
    const due = (TARGETS * seconds * 1_000) / INTERVAL_MS
    report(
      `${number(probed)} probes, where ${number(due)} were due; ${number((100 * late) / due)} % of intervals missed`,
    )
    report(
      `the address that waits longest has waited ${number(targets.oldestCheckMs)} ms; ${targets.everDown} called down by mistake`,
    )
    if (probed < (1 - MOST_LATE) * due || late > MOST_LATE * due) throw new Error('too many intervals were missed')
    if (targets.everDown > 0) throw new Error('an address that is alive was called down')
    if (figures.some(({ delayP99Ms }) => delayP99Ms > MOST_DELAY_MS)) throw new Error('a host was held up')
    if (startTurns.some(({ heldMaxMs, heldTooLong }) => heldMaxMs > MOST_HELD_AT_START_MS || heldTooLong > 1)) {
      throw new Error('a host was held up by us at its start')
    }
    if (figures.some(({ turns }) => turns.heldMaxMs > MOST_HELD_MS)) throw new Error('a host was held up by us')
  },
}
