import { ours } from '../bench/peers/ours.js'
import { startForwarder } from '../bench/peers/running-forwarder.js'
import { residentBytesOf } from '../bench/processes/cpu-time.js'
import { freePort } from '../bench/processes/free-port.js'
import { LOAD_CORE } from '../bench/processes/processes.js'
import { number } from '../bench/table.js'
import type { MixedLoadMessage, MixedLoadPlan, Phase } from './forward/mixed-load-plan.js'
import { soakBench } from './forward/soak-bench.js'
import type { Soak } from './soak.js'

const NAMES = 20_000
const CALM_SECONDS = 10
const MEGABYTE = 2 ** 20
const MOST_RECOVERY_MS = 2_000
/** Against the same run's p99 while the upstream answers; queues of a millisecond come and go on a machine that others use too. */
const MOST_P99_RATIO = 1.5
const P99_SLACK_US = 500
/** Of 20 000 a second for names elsewhere, while all is well. */
const LEAST_ANSWERED = 15_000
const MOST_GROWTH_BYTES = 32 * MEGABYTE

/** The one upstream falls silent under 20 000 queries a second for names elsewhere, and comes back. */
export const soak: Soak = {
  name: 'silent',
  minutes: 3,
  async run(report, minutes) {
    const upstreamPort = await freePort()
    await using bench = soakBench(CALM_SECONDS, report)
    const peer = ours('ours', { dist: bench.options.dist, workers: 1, transport: 'batch', upstreamPort })
    await using server = await startForwarder(bench, peer, { names: NAMES, upstreamPort })
    const silentSeconds = Math.max(CALM_SECONDS, 60 * minutes - 3 * CALM_SECONDS)
    const plan: MixedLoadPlan = {
      port: server.port,
      upstreamPort,
      names: NAMES,
      calmSeconds: CALM_SECONDS,
      silentSeconds,
    }
    const load = bench.processes.start(process.execPath, [MIXED_LOAD, JSON.stringify(plan)], {
      core: LOAD_CORE,
      folder: bench.folders.make('load'),
      speaks: true,
    })
    const phase = async (wanted: Phase) => {
      const said = await load.message<MixedLoadMessage, 'phase'>('phase')
      if (said.phase !== wanted) throw new Error(`expected the phase ${wanted}, got ${said.phase}`)
      const bytes = residentBytesOf(server.pid)
      report(`${lineOf(said)}, ${number(bytes / MEGABYTE)} MB`)
      return { ...said, bytes }
    }
    const calm = await phase('calm')
    const silent = await phase('silent')
    const back = await phase('back')
    const { recoveryMs = Number.POSITIVE_INFINITY } = back
    report(`asked again ${number(recoveryMs)} ms after it was back`)
    if (calm.foreignAnswered < LEAST_ANSWERED)
      throw new Error('this machine has no room for the load: nothing is to be learnt of what comes after')
    if (silent.localP99Us > MOST_P99_RATIO * calm.localP99Us + P99_SLACK_US)
      throw new Error('local names were answered late')
    if (silent.localLost > calm.localLost + silent.localPerSecond * silentSeconds * 1e-4)
      throw new Error('local names were lost')
    if (silent.bytes - calm.bytes > MOST_GROWTH_BYTES) throw new Error('memory grew while the upstream was silent')
    if (recoveryMs > MOST_RECOVERY_MS) throw new Error('the upstream was back and not asked')
    if (back.foreignAnswered === 0) throw new Error('nothing was answered after the upstream was back')
  },
}

const MIXED_LOAD = new URL('mixed-load.js', import.meta.url).pathname

function lineOf(said: MixedLoadMessage): string {
  const { phase, localPerSecond, localP50Us, localP99Us, localLost, upstreamQueries } = said
  const { foreignAnswered, foreignFailed, foreignLost, skipped } = said
  return [
    `${phase}: local ${number(localPerSecond)}/s, p50 ${number(localP50Us)} µs, p99 ${number(localP99Us)} µs, ${localLost} lost`,
    `elsewhere ${number(foreignAnswered)}/s answered, ${number(foreignFailed)}/s failed, ${number(foreignLost)}/s given up`,
    `upstream asked ${number(upstreamQueries)}/s`,
    `${number(skipped)}/s not sent`,
  ].join('; ')
}
