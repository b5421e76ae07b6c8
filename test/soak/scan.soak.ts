import { setTimeout as sleep } from 'node:timers/promises'
import { Folders } from '../bench/bench.js'
import { cpuMsOf, residentBytesOf } from '../bench/processes/cpu-time.js'
import { Processes, type RunningProcess } from '../bench/processes/processes.js'
import { number } from '../bench/table.js'
import { eventually } from '../support/eventually.js'
import { MonitorProcesses } from '../support/monitor-processes.js'
import { MonitoredTargets } from '../support/monitored-targets.js'
import { Etcd } from '../support/start-etcd.js'
import type { ScannerHostMessage } from './monitor/scanner-host-message.js'
import type { Soak } from './soak.js'

const PREFIX = '/soak/monitor/'
const TARGETS = 20_000
const INTERVAL_MS = 10_000
const LEASE_SECONDS = 10
const START_MS = 120_000
const MEGABYTE = 2 ** 20
/** Of all intervals of all addresses, those that began more than half an interval late. */
const MOST_LATE = 0.05
const MOST_DELAY_MS = 10

/** Two hosts with a scanner each share 20 000 addresses, each probed every 10 s. */
export const soak: Soak = {
  name: 'scan',
  minutes: 3,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await using targets = await MonitoredTargets.start(etcd, PREFIX, TARGETS)
    await using schedulers = new MonitorProcesses(etcd, PREFIX, LEASE_SECONDS)
    schedulers.scheduler('one')
    await using processes = new Processes()
    const folders = new Folders()
    const hosts = ['a', 'b'].map((name) => new ScannerHost(processes, folders.make(name), name, etcd))
    const start = performance.now()
    await eventually(() => hosts.reduce((sum, { last }) => sum + (last?.targets ?? 0), 0) === TARGETS, START_MS)
    await eventually(() => targets.areCheckedSince(start), START_MS)
    for (const host of hosts) host.begin()
    const since = performance.now()
    await sleep(60_000 * minutes)
    const seconds = (performance.now() - since) / 1_000
    const figures = hosts.map((host) => host.figures(seconds))
    for (const line of figures.map(lineOf)) report(line)
    const probes = figures.reduce((sum, each) => sum + each.probes, 0)
    const due = (TARGETS * seconds * 1_000) / INTERVAL_MS
    const late = figures.reduce((sum, each) => sum + each.late, 0)
    report(
      `${number(probes)} probes, where ${number(due)} were due; ${number((100 * late) / due)} % of intervals missed`,
    )
    report(
      `the address that waits longest has waited ${number(targets.oldestCheckMs)} ms; ${targets.everDown} called down by mistake`,
    )
    if (probes < (1 - MOST_LATE) * due || late > MOST_LATE * due) throw new Error('too many intervals were missed')
    if (targets.everDown > 0) throw new Error('an address that is alive was called down')
    if (figures.some(({ delayP99Ms }) => delayP99Ms > MOST_DELAY_MS)) throw new Error('a host was held up')
  },
}

interface Figures {
  readonly name: string
  readonly targets: number
  readonly probes: number
  readonly late: number
  /** Of one core. */
  readonly cpuPercent: number
  readonly megabytes: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
}

class ScannerHost {
  readonly #name: string
  readonly #process: RunningProcess
  last: ScannerHostMessage | undefined
  #first: ScannerHostMessage | undefined
  #cpuMs = 0
  #seconds: ScannerHostMessage[] = []

  constructor(processes: Processes, folder: string, name: string, etcd: Etcd) {
    const probes = { intervalMs: INTERVAL_MS, timeoutMs: 2_000 }
    const options = { etcd: { hosts: etcd.host }, prefix: PREFIX, name, leaseSeconds: LEASE_SECONDS, probes }
    this.#name = name
    this.#process = processes.start(process.execPath, [HOST, JSON.stringify(options)], { folder, speaks: true })
    this.#process.child.on('message', (message) => {
      this.last = message as ScannerHostMessage
      this.#seconds.push(this.last)
    })
  }

  begin(): void {
    this.#first = this.last
    this.#cpuMs = cpuMsOf(this.#process.pid)
    this.#seconds = []
  }

  figures(seconds: number): Figures {
    const [first, last] = [this.#first!, this.last!]
    const p99s = this.#seconds.map(({ delayP99Ms }) => delayP99Ms).sort((a, b) => a - b)
    return {
      name: this.#name,
      targets: last.targets,
      probes: last.probes - first.probes,
      late: last.late - first.late,
      cpuPercent: (cpuMsOf(this.#process.pid) - this.#cpuMs) / (10 * seconds),
      megabytes: residentBytesOf(this.#process.pid) / MEGABYTE,
      // Half of the seconds are better: what others on this machine do is not what is asked about.
      delayP99Ms: p99s[Math.floor(p99s.length / 2)]!,
      delayMaxMs: Math.max(...this.#seconds.map(({ delayMaxMs }) => delayMaxMs)),
    }
  }
}

const HOST = new URL('scanner-host.js', import.meta.url).pathname

function lineOf({ name, targets, probes, cpuPercent, megabytes, delayP99Ms, delayMaxMs }: Figures): string {
  return [
    `${name}: ${number(targets)} addresses, ${number(probes)} probes, ${number(cpuPercent)} % of a core, ${number(megabytes)} MB`,
    `delay of the host's event loop p99 ${number(delayP99Ms)} ms, at most ${number(delayMaxMs)} ms`,
  ].join('; ')
}
