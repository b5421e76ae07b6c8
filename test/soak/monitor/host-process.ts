import type { Folders } from '../../bench/bench.js'
import { cpuMsOf, residentBytesOf } from '../../bench/processes/cpu-time.js'
import type { Processes, RunningProcess } from '../../bench/processes/processes.js'
import { type Turns, worstOf } from '../../support/turn-meter.js'
import type { MonitorHostMessage, MonitorHostTask } from './monitor-host-message.js'

/** What a host has done since it was told to begin. */
export interface HostFigures {
  readonly name: string
  /** Of one core, with all threads. */
  readonly cpuPercent: number
  readonly megabytes: number
  /** The worst of all seconds. */
  readonly turns: Turns
  /** Half of all seconds were better: what others on this machine do is not what is asked about. */
  readonly delayP99Ms: number
}

const HOST = new URL('monitor-host.js', import.meta.url).pathname
const MEGABYTE = 2 ** 20
const MS_PER_SECOND = 1_000

/** A process that embeds a scanner, a scheduler or a server, and measures its own event loop. */
export class MonitorHost {
  readonly name: string
  readonly process: RunningProcess
  last: MonitorHostMessage | undefined
  #cpuMs: number
  #since = performance.now()
  #seconds: Turns[] = []

  constructor(processes: Processes, folders: Folders, name: string, task: MonitorHostTask) {
    this.name = name
    const folder = folders.make(name)
    this.process = processes.start(process.execPath, [HOST, JSON.stringify(task)], { folder, speaks: true })
    this.#cpuMs = 0
    this.process.child.on('message', (message) => {
      this.last = message as MonitorHostMessage
      this.#seconds.push(this.last.turns)
    })
  }

  /** Figures are of the time from now on. */
  begin(): void {
    this.#cpuMs = cpuMsOf(this.process.pid)
    this.#since = performance.now()
    this.#seconds = []
  }

  figures(): HostFigures {
    const ms = performance.now() - this.#since
    const p99s = this.#seconds.map(({ delayP99Ms }) => delayP99Ms).sort((a, b) => a - b)
    return {
      name: this.name,
      cpuPercent: (100 * (cpuMsOf(this.process.pid) - this.#cpuMs)) / ms,
      megabytes: residentBytesOf(this.process.pid) / MEGABYTE,
      turns: worstOf(this.#seconds),
      delayP99Ms: p99s[Math.floor(p99s.length / 2)] ?? 0,
    }
  }

  get seconds(): number {
    return (performance.now() - this.#since) / MS_PER_SECOND
  }
}

export function lineOf({ name, cpuPercent, megabytes, turns, delayP99Ms }: HostFigures): string {
  const { heldP99Ms, heldMaxMs, heldTooLong, delayMaxMs, waitedMaxMs, collectedMaxMs } = turns
  const ms = (value: number) => value.toFixed(1)
  return [
    `${name}: ${cpuPercent.toFixed(1)} % of a core, ${megabytes.toFixed(0)} MB`,
    `its turns held the loop for ${ms(heldP99Ms)} ms (p99 of the worst second), at most ${ms(heldMaxMs)} and ${heldTooLong} times over 10 but for garbage, which took ${ms(collectedMaxMs)} at most`,
    `delay p99 ${ms(delayP99Ms)} ms, at most ${ms(delayMaxMs)}, of which the kernel at most ${ms(waitedMaxMs)}`,
  ].join('; ')
}
