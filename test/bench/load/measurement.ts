import { keepsInterruptsApart } from '../processes/cpu-time.js'
import { median } from '../statistics.js'
import type { LoadResult } from './load-plan.js'

/** The figures of one run of the load generator. */
export interface Measurement {
  readonly queriesPerSecond: number
  readonly cpuUs: number
  /** Of its core, in percent. */
  readonly cpuPercent: number
  readonly generatorUs: number
  /** Of both sides and of the kernel between them, but for the generator's calls that found nothing. */
  readonly bothSidesUs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
  readonly lost: number
  readonly wrong: number
  /** Percent of the server's core that went to processes that have nothing to do with the bench. */
  readonly othersPercent: number
}

export function measurementOf(result: LoadResult): Measurement {
  const { seconds, responses, serverCpuMs, coreBusyMs, coreInterruptMs, generatorCpuMs } = result
  const { p50Us, p99Us, maxUs, lost, wrong, softInterruptThreadsMs } = result
  const cpuMs = serverCpuMs + (INTERRUPTS_APART ? coreInterruptMs : 0)
  return {
    queriesPerSecond: responses / seconds,
    cpuUs: (1000 * cpuMs) / responses,
    cpuPercent: cpuMs / seconds / 10,
    generatorUs: (1000 * generatorCpuMs) / responses,
    bothSidesUs: (1000 * (cpuMs + generatorCpuMs + softInterruptThreadsMs)) / responses,
    othersPercent: Math.max(0, coreBusyMs - cpuMs) / seconds / 10,
    p50Us,
    p99Us,
    maxUs,
    lost,
    wrong,
  }
}

const INTERRUPTS_APART = keepsInterruptsApart()

/** Figure by figure, the median of several runs; of losses and wrong answers, the sum. */
export function summary(runs: readonly Measurement[]): Measurement {
  const of = (figure: keyof Measurement) => median(runs.map((run) => run[figure]))
  const total = (figure: keyof Measurement) => runs.reduce((count, run) => count + run[figure], 0)
  return {
    queriesPerSecond: of('queriesPerSecond'),
    cpuUs: of('cpuUs'),
    cpuPercent: of('cpuPercent'),
    generatorUs: of('generatorUs'),
    bothSidesUs: of('bothSidesUs'),
    othersPercent: of('othersPercent'),
    p50Us: of('p50Us'),
    p99Us: of('p99Us'),
    maxUs: Math.max(...runs.map((run) => run.maxUs)),
    lost: total('lost'),
    wrong: total('wrong'),
  }
}
