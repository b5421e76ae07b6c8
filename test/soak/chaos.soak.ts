import { setTimeout as sleep } from 'node:timers/promises'
import { Folders } from '../bench/bench.js'
import { Processes } from '../bench/processes/processes.js'
import { number } from '../bench/table.js'
import { BlindableNetwork } from '../support/blindable-network.js'
import { eventually } from '../support/eventually.js'
import { LeadershipHistory } from '../support/leadership-history.js'
import { MonitorProcesses } from '../support/monitor-processes.js'
import { MonitoredTargets } from '../support/monitored-targets.js'
import { Etcd } from '../support/start-etcd.js'
import { MOST_HELD_MS } from '../support/turn-meter.js'
import { lineOf, MonitorHost } from './monitor/host-process.js'
import type { Soak } from './soak.js'

const PREFIX = '/containerdns/monitor/'
const TARGETS = 3_000
const LEASE_SECONDS = 5
const TIMES = { interval: 2_000, timeout: 1_000, fall: 3 }
/** etcd ends leases twice a second, and after a new leader of its own, later; processes take a second to start on a machine that others use too. */
const SLACK_MS = 3_000
const MOST_UNCHECKED_MS = 1_000 * LEASE_SECONDS + TIMES.interval + SLACK_MS
const WATCH_MS = 100
const PATIENCE_MS = 120_000
const AGENTS = ['a', 'b', 'c', 'measured']

/** Scanners, leaders, networks and etcd die and stand still by turns, under addresses that are all alive; two hosts that live on measure their event loops. */
export const soak: Soak = {
  name: 'chaos',
  minutes: 10,
  async run(report, minutes) {
    await using etcd = await Etcd.start()
    await using targets = await MonitoredTargets.start(etcd, PREFIX, TARGETS)
    await using processes = new MonitorProcesses(etcd, PREFIX, LEASE_SECONDS)
    await using network = await BlindableNetwork.create()
    await using history = new LeadershipHistory(etcd, PREFIX)
    await using hostProcesses = new Processes()
    const hosts = startHosts(etcd, hostProcesses)
    const chaos = new Chaos(etcd, targets, processes, network)
    await chaos.start()
    for (const host of hosts) host.begin()
    const end = performance.now() + 60_000 * minutes
    while (performance.now() < end) {
      for (const [name, harm] of chaos.harms) {
        const uncheckedMs = await chaos.watching(harm)
        report(
          `${name}: unchecked for ${number(uncheckedMs)} ms at most, called down by mistake ${targets.everDown} times`,
        )
        if (uncheckedMs > MOST_UNCHECKED_MS) throw new Error(`${name}: an address was left alone for too long`)
        if (targets.longestDownMs > TIMES.interval)
          throw new Error(`${name}: an address that is alive was down for too long`)
        if (history.violations.length > 0) throw new Error(`${name}: ${history.violations[0]}`)
      }
    }
    report(`${history.terms.size} terms, each with assignments of its own leader alone`)
    const figures = hosts.map((host) => host.figures())
    for (const line of figures.map(lineOf)) report(line)
    if (figures.some(({ turns }) => turns.heldMaxMs > MOST_HELD_MS)) throw new Error('a host was held up by us')
  },
}

/** What goes on through all of it. */
function startHosts(etcd: Etcd, processes: Processes): MonitorHost[] {
  const folders = new Folders()
  const common = { etcd: { hosts: etcd.host }, prefix: PREFIX, leaseSeconds: LEASE_SECONDS }
  const probes = { intervalMs: TIMES.interval, timeoutMs: TIMES.timeout, fall: TIMES.fall }
  const host = (name: string, task: ConstructorParameters<typeof MonitorHost>[3]) =>
    new MonitorHost(processes, folders, name, task)
  return [
    host('scanner', { scanner: { ...common, name: 'measured', probes } }),
    host('server', { server: { hosts: etcd.host } }),
  ]
}

class Chaos {
  readonly #etcd: Etcd
  readonly #targets: MonitoredTargets
  readonly #processes: MonitorProcesses
  readonly #network: BlindableNetwork
  /** By their names. */
  readonly #pids = new Map<string, number>()

  constructor(etcd: Etcd, targets: MonitoredTargets, processes: MonitorProcesses, network: BlindableNetwork) {
    this.#etcd = etcd
    this.#targets = targets
    this.#processes = processes
    this.#network = network
  }

  readonly harms: readonly (readonly [string, () => Promise<void>])[] = [
    ['a scanner is killed', () => this.#killScanner('a')],
    ['a scanner stands still', () => this.#pauseScanner('b')],
    ['a scanner loses its references', () => this.#blindScanner('c')],
    ['the leader is killed', () => this.#killLeader()],
    ['the leader stands still', () => this.#pauseLeader()],
    ['etcd is killed', () => this.#etcd.restart()],
  ]

  async start(): Promise<void> {
    for (const name of ['one', 'two']) this.#pids.set(name, this.#processes.scheduler(name))
    for (const name of ['a', 'b']) this.#pids.set(name, this.#processes.scanner(name, TIMES))
    this.#pids.set('c', this.#processes.blindableScanner('c', TIMES, this.#network))
    await this.#calm()
  }

  /** The longest time that an address was left alone while something happened, and until all is as it was. */
  async watching(harm: () => Promise<void>): Promise<number> {
    let worst = 0
    const timer = setInterval(() => {
      worst = Math.max(worst, this.#targets.oldestCheckMs)
    }, WATCH_MS)
    try {
      await harm()
      await this.#calm()
    } finally {
      clearInterval(timer)
    }
    return worst
  }

  /** All scanners share the addresses, and have probed each of them. */
  async #calm(): Promise<void> {
    await this.#shareAll(AGENTS)
    const now = performance.now()
    await eventually(() => this.#targets.areCheckedSince(now), PATIENCE_MS)
    await sleep(2 * TIMES.interval)
  }

  #shareAll(names: readonly string[]): Promise<boolean> {
    return eventually(async () => (await this.#processes.agents()).join() === names.join(), PATIENCE_MS)
  }

  /** That others have the addresses of a scanner, and probe them. */
  async #isReplaced(name: string): Promise<void> {
    await this.#shareAll(AGENTS.filter((agent) => agent !== name))
    const now = performance.now()
    await eventually(() => this.#targets.areCheckedSince(now), PATIENCE_MS)
  }

  async #killScanner(name: string): Promise<void> {
    await this.#processes.kill(name)
    await this.#isReplaced(name)
    this.#pids.set(name, this.#processes.scanner(name, TIMES))
  }

  async #pauseScanner(name: string): Promise<void> {
    this.#processes.signal(this.#pids.get(name)!, 'SIGSTOP')
    await sleep(2_000 * LEASE_SECONDS)
    this.#processes.signal(this.#pids.get(name)!, 'SIGCONT')
  }

  async #blindScanner(name: string): Promise<void> {
    await this.#network.cut()
    await this.#isReplaced(name)
    await this.#network.mend()
  }

  async #killLeader(): Promise<void> {
    const leader = await this.#processes.leader()
    await this.#processes.kill(leader)
    await this.#anotherLeads(leader)
    this.#pids.set(leader, this.#processes.scheduler(leader))
  }

  async #pauseLeader(): Promise<void> {
    const leader = await this.#processes.leader()
    this.#processes.signal(this.#pids.get(leader)!, 'SIGSTOP')
    await this.#anotherLeads(leader)
    this.#processes.signal(this.#pids.get(leader)!, 'SIGCONT')
  }

  #anotherLeads(than: string): Promise<boolean> {
    return eventually(async () => (await this.#processes.leader()) !== than, PATIENCE_MS)
  }
}
