import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { createHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import koffi from 'koffi'

/** What the turns of an event loop came to, in milliseconds, since the last look. */
export interface Turns {
  /** How late the timers of 1 ms were, as Node measures it. */
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  /** CPU time that the thread used in the turns between two looks at the clock: what the program itself has held the loop for. With garbage collected. */
  readonly heldP99Ms: number
  /** The same without it. */
  readonly heldMaxMs: number
  /** Turns that used more than 10 ms, without garbage collected. */
  readonly heldTooLong: number
  /** The longest that the thread was ready to run in one turn, and the kernel ran others. */
  readonly waitedMaxMs: number
  /** The longest collection of garbage, which is of everything in the host's heap; in time, not in CPU time. */
  readonly collectedMaxMs: number
}

const TICK_MS = 1
const NS_PER_MS = 1e6
const US_PER_MS = 1e3
/** No turn of ours is to take longer. */
export const MOST_HELD_MS = 10

/**
 * Tells what has held up the event loop of the main thread: the program, by the CPU time of this thread; or the kernel, which had others to run, by
 * `run_delay` of its scheduler. A timer of 1 ms looks at both; it costs some 1 % of a core. Linux.
 */
export class TurnMeter {
  readonly #delay = monitorEventLoopDelay({ resolution: TICK_MS })
  readonly #held = createHistogram()
  readonly #cpu = new ThreadCpuClock()
  readonly #waits = new RunQueueWaits()
  readonly #collections: PerformanceObserver
  readonly #timer: NodeJS.Timeout
  #cpuMs = this.#cpu.nowMs
  #waitedMs = this.#waits.totalMs
  #waitedMaxMs = 0
  #collectedMaxMs = 0
  #lookedAt = performance.now()
  #heldMaxMs = 0
  /** Those above `MOST_HELD_MS`. What was collected in them is told of later. */
  #long: LongTurn[] = []

  constructor() {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#look(), TICK_MS).unref()
    this.#collections = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) this.#onCollected(startTime, duration)
    })
    this.#collections.observe({ entryTypes: ['gc'] })
  }

  /** What there was since the last call. */
  take(): Turns {
    const turns = {
      delayP99Ms: this.#delay.percentile(99) / NS_PER_MS,
      delayMaxMs: this.#delay.max / NS_PER_MS,
      heldP99Ms: this.#held.percentile(99) / US_PER_MS,
      heldMaxMs: Math.max(this.#heldMaxMs, ...this.#long.map(({ heldMs }) => heldMs)),
      heldTooLong: this.#long.filter(({ heldMs }) => heldMs > MOST_HELD_MS).length,
      waitedMaxMs: this.#waitedMaxMs,
      collectedMaxMs: this.#collectedMaxMs,
    }
    this.#delay.reset()
    this.#held.reset()
    this.#waitedMaxMs = 0
    this.#heldMaxMs = 0
    this.#long = []
    this.#collectedMaxMs = 0
    return turns
  }

  close(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
    this.#collections.disconnect()
    this.#waits.close()
  }

  #onCollected(startMs: number, durationMs: number): void {
    this.#collectedMaxMs = Math.max(this.#collectedMaxMs, durationMs)
    for (const turn of this.#long) {
      if (startMs >= turn.from && startMs < turn.to) turn.heldMs = Math.max(0, turn.heldMs - durationMs)
    }
  }

  #look(): void {
    const [cpuMs, waitedMs] = [this.#cpu.nowMs, this.#waits.totalMs]
    const heldMs = cpuMs - this.#cpuMs
    this.#held.record(Math.max(1, Math.round(heldMs * US_PER_MS)))
    const now = performance.now()
    if (heldMs > MOST_HELD_MS) this.#long.push({ from: this.#lookedAt, to: now, heldMs })
    else this.#heldMaxMs = Math.max(this.#heldMaxMs, heldMs)
    this.#lookedAt = now
    this.#waitedMaxMs = Math.max(this.#waitedMaxMs, waitedMs - this.#waitedMs)
    this.#cpuMs = cpuMs
    this.#waitedMs = waitedMs
  }
}

interface LongTurn {
  readonly from: number
  readonly to: number
  heldMs: number
}

/** The worst of many looks. */
export function worstOf(turns: readonly Turns[]): Turns {
  const most = (of: (each: Turns) => number) => turns.reduce((worst, each) => Math.max(worst, of(each)), 0)
  return {
    delayP99Ms: most((each) => each.delayP99Ms),
    delayMaxMs: most((each) => each.delayMaxMs),
    heldP99Ms: most((each) => each.heldP99Ms),
    heldMaxMs: most((each) => each.heldMaxMs),
    heldTooLong: turns.reduce((sum, each) => sum + each.heldTooLong, 0),
    waitedMaxMs: most((each) => each.waitedMaxMs),
    collectedMaxMs: most((each) => each.collectedMaxMs),
  }
}

const CLOCK_THREAD_CPUTIME_ID = 3

class ThreadCpuClock {
  readonly #clockGettime = koffi.load('libc.so.6').func('int clock_gettime(int clock, _Out_ int64_t *time)')
  /** Seconds and nanoseconds. */
  readonly #time = new BigInt64Array(2)

  get nowMs(): number {
    this.#clockGettime(CLOCK_THREAD_CPUTIME_ID, this.#time)
    return Number(this.#time[0]) * 1e3 + Number(this.#time[1]) / NS_PER_MS
  }
}

const SCHEDSTAT = '/proc/self/schedstat'

/** `/proc/self/schedstat`, which is about the main thread alone: nanoseconds on a core, nanoseconds ready and not on one, how often. */
class RunQueueWaits {
  /** Not every kernel keeps count: then there is nothing to tell. */
  readonly #fd = existsSync(SCHEDSTAT) ? openSync(SCHEDSTAT, 'r') : undefined
  readonly #bytes = Buffer.alloc(128)

  get totalMs(): number {
    if (this.#fd === undefined) return 0
    const length = readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / NS_PER_MS
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
  }
}
