import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** What the process that the server runs in takes, all its threads together. */
export interface HostProcessStats {
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Seconds of processor time since the process began. */
  readonly cpuUserSeconds: number
  readonly cpuSystemSeconds: number
  readonly residentBytes: number
  /** How late the event loop of the main thread came to what was due, in the last one to two minutes. */
  readonly eventLoopDelay: LoopDelay
}

export interface LoopDelay {
  readonly meanSeconds: number
  readonly p50Seconds: number
  readonly p99Seconds: number
  readonly maxSeconds: number
}

/** Twenty looks a second cost a ten-thousandth of a core; whatever is longer than this is seen, and of what is shorter a share. */
const LOOK_INTERVAL_MS = 50
const NO_DELAY: LoopDelay = { meanSeconds: 0, p50Seconds: 0, p99Seconds: 0, maxSeconds: 0 }

/** Main thread: looks at the process, and at how late its event loop is. Keeps no process alive. */
export class HostProcess {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOK_INTERVAL_MS })
  #before = NO_DELAY

  constructor() {
    this.#histogram.enable()
  }

  /** Once a minute: begins the next span of time. */
  sample(): void {
    this.#before = this.#delay()
    this.#histogram.reset()
  }

  read(): HostProcessStats {
    const { user, system } = process.cpuUsage()
    const now = this.#delay()
    const before = this.#before
    return {
      startedAt: performance.timeOrigin,
      cpuUserSeconds: user / 1e6,
      cpuSystemSeconds: system / 1e6,
      residentBytes: process.memoryUsage.rss(),
      eventLoopDelay: {
        meanSeconds: Math.max(now.meanSeconds, before.meanSeconds),
        p50Seconds: Math.max(now.p50Seconds, before.p50Seconds),
        p99Seconds: Math.max(now.p99Seconds, before.p99Seconds),
        maxSeconds: Math.max(now.maxSeconds, before.maxSeconds),
      },
    }
  }

  stop(): void {
    this.#histogram.disable()
  }

  #delay(): LoopDelay {
    const histogram = this.#histogram
    if (histogram.count === 0) return NO_DELAY
    return {
      meanSeconds: delaySeconds(histogram.mean),
      p50Seconds: delaySeconds(histogram.percentile(50)),
      p99Seconds: delaySeconds(histogram.percentile(99)),
      maxSeconds: delaySeconds(histogram.max),
    }
  }
}

/** Node records the time between two looks, which is the delay and the interval. */
function delaySeconds(lookNs: number): number {
  return Math.max(0, lookNs / 1e9 - LOOK_INTERVAL_MS / 1000)
}
