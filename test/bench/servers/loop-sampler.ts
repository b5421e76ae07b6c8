import { closeSync, openSync, readSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'
import { overlap, type Span, spanLength } from './span.js'

/** The longest time that the event loop spent in one turn. */
export interface LoopReport {
  readonly longestMs: number
  /**
   * The same without what is not ours: the garbage collector, and waiting for a core. Too little is left of a turn in which
   * the collector itself had to wait; there are enough others.
   */
  readonly longestOwnMs: number
  /** Of a thousand turns one is longer: a machine that stalls for a moment makes the longest one say little. */
  readonly ownP999Ms: number
  readonly gcMs: number
  readonly longestGcMs: number
}

interface Turn extends Span {
  readonly waitedMs: number
}

/** Turns shorter than this are not kept. */
const KEPT_MS = 0.5

/** Measures every turn of the main thread's event loop from `start` to `stop`, by a callback in each; the loop never rests meanwhile. */
export class LoopSampler {
  readonly #turns: Turn[] = []
  readonly #collections: Span[] = []
  readonly #observer = new PerformanceObserver((list) => this.#keepCollections(list.getEntries()))
  readonly #scheduling = new Scheduling()
  #running = false

  start(): void {
    this.#running = true
    this.#observer.observe({ entryTypes: ['gc'] })
    let from = performance.now()
    let waitedBefore = this.#scheduling.waitedMs()
    const turn = () => {
      const to = performance.now()
      const waited = this.#scheduling.waitedMs()
      if (to - from > KEPT_MS) this.#turns.push({ from, to, waitedMs: waited - waitedBefore })
      from = performance.now()
      waitedBefore = waited
      if (this.#running) setImmediate(turn)
    }
    setImmediate(turn)
  }

  async stop(): Promise<LoopReport> {
    this.#running = false
    // Entries of the garbage collector come in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 10))
    this.#observer.disconnect()
    this.#scheduling.close()
    const own = this.#turns.map((turn) => spanLength(turn) - turn.waitedMs - overlap(turn, this.#collections))
    own.sort((a, b) => a - b)
    return {
      longestMs: longest(this.#turns),
      longestOwnMs: Math.max(0, own.at(-1) ?? 0),
      ownP999Ms: Math.max(0, own[Math.floor(own.length * 0.999)] ?? 0),
      gcMs: this.#collections.reduce((total, each) => total + spanLength(each), 0),
      longestGcMs: longest(this.#collections),
    }
  }

  #keepCollections(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries) {
      this.#collections.push({ from: startTime, to: startTime + duration })
    }
  }
}

/** What the scheduler says of this process' main thread. */
class Scheduling {
  readonly #fd = openSync('/proc/self/schedstat', 'r')
  readonly #text = Buffer.alloc(128)

  /** How long the thread has been ready to run while others had the core. */
  waitedMs(): number {
    const length = readSync(this.#fd, this.#text, 0, this.#text.length, 0)
    return Number(this.#text.toString('latin1', 0, length).split(' ')[SCHEDSTAT_WAITED]) / 1e6
  }

  close(): void {
    closeSync(this.#fd)
  }
}

// Nanoseconds on a core, nanoseconds waiting for one, number of times on a core.
const SCHEDSTAT_WAITED = 1

function longest(spans: readonly Span[]): number {
  return Math.max(0, ...spans.map(spanLength))
}
