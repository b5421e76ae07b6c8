import type { PlainError } from '../../threads/messages.js'
import type { ProbeTarget } from './check.js'

/** What the main thread posts to the probe thread. */
export type MessageToProbes =
  | { readonly type: 'add'; readonly targets: readonly ProbeTarget[] }
  | { readonly type: 'remove'; readonly ids: readonly number[] }
  /** Probe these once more, now, and say what came of it. */
  | { readonly type: 'confirm'; readonly ids: readonly number[] }
  /** What the host's function has said. */
  | { readonly type: 'called'; readonly call: number; readonly state: unknown; readonly reason: string }
  | { readonly type: 'stop' }

/** What the probe thread posts to the main thread. */
export type MessageFromProbes =
  | { readonly type: 'serving'; readonly threadId: number }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'verdicts'; readonly verdicts: readonly Verdict[] }
  /** Less than half of the references can be reached, or half of them again. */
  | { readonly type: 'blind'; readonly isBlind: boolean }
  /** The host's function is to be called. */
  | {
      readonly type: 'call'
      readonly call: number
      readonly address: string
      readonly ports: readonly number[]
      readonly timeoutMs: number
    }

/** What probes have found out about a target, after `rise` or `fall` of them. */
export interface Verdict {
  readonly id: number
  readonly state: 'healthy' | 'unhealthy'
  /** What the last probe has failed with; empty when it has not. */
  readonly reason: string
  /** It is the answer to `confirm`. */
  readonly isConfirmed: boolean
}

/** Words that the probe thread counts in and the main thread reads, each u32 and wrapping; the last is 1 while it is blind. */
export const PROBE_COUNTERS = ['beats', 'probes', 'failed', 'unsure', 'late', 'blind'] as const
export type ProbeCounter = (typeof PROBE_COUNTERS)[number]

export class ProbeCounters {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * PROBE_COUNTERS.length)
  }

  add(counter: ProbeCounter): void {
    Atomics.add(this.#words, PROBE_COUNTERS.indexOf(counter), 1)
  }

  set(counter: ProbeCounter, value: number): void {
    Atomics.store(this.#words, PROBE_COUNTERS.indexOf(counter), value)
  }

  read(counter: ProbeCounter): number {
    return Atomics.load(this.#words, PROBE_COUNTERS.indexOf(counter)) >>> 0
  }
}
