import { type MessagePort, threadId } from 'node:worker_threads'
import { systemClock } from '../../clock.js'
import { toPlainError } from '../../threads/messages.js'
import type { OnOutcome, ProbeProfile, ProbeTarget, RunningProbe, TcpCheck } from './check.js'
import { probeDns } from './dns-probe.js'
import { type CheckHealth, callCheckHealth, importCheckHealth, outcomeOfWord } from './health-hook.js'
import { probeHttp } from './http-probe.js'
import { IcmpProber } from './icmp-probe.js'
import { type MessageFromProbes, type MessageToProbes, ProbeCounters } from './messages.js'
import type { ProbeSettings } from './options.js'
import { ProbeLoop } from './probe-loop.js'
import { socketsOf } from './socket-budget.js'
import { probeTcp } from './tcp-probe.js'

/** What the probe thread is given. */
export interface ProbeThreadTask {
  readonly port: MessagePort
  readonly settings: ProbeSettings
  readonly counters: SharedArrayBuffer
  /** How many sockets probes may have open at a time. */
  readonly mostSockets: number
  /** The URL of a module that exports `checkHealth`; undefined where the host's function is asked, if any. */
  readonly hookModule: string | undefined
}

/** How long a reference may take: it is near, or it is no reference. */
const REFERENCE_TIMEOUT_MS = 1_000
/** How often the thread says that its event loop turns. */
const BEAT_MS = 250

/** Probe thread: probes until it is told to stop. Has an event loop. */
export async function runProbeThread(task: ProbeThreadTask): Promise<void> {
  const { port } = task
  const post = (message: MessageFromProbes) => port.postMessage(message)
  try {
    const probes = new ThreadProbes(task, post, await importHook(task))
    post({ type: 'serving', threadId })
    await new Promise<void>((resolve) => probes.serve(resolve))
  } catch (error) {
    post({ type: 'failed', error: toPlainError(error) })
    throw error
  } finally {
    port.close()
  }
}

function importHook({ hookModule }: ProbeThreadTask): Promise<CheckHealth | undefined> {
  return hookModule === undefined ? Promise.resolve(undefined) : importCheckHealth(hookModule)
}

class ThreadProbes {
  readonly #task: ProbeThreadTask
  readonly #post: (message: MessageFromProbes) => void
  readonly #hook: CheckHealth | undefined
  readonly #loop: ProbeLoop
  readonly #icmp: IcmpProber | undefined
  readonly #beat: NodeJS.Timeout
  /** Calls of the host's function that have no answer yet. */
  readonly #calls = new Map<number, OnOutcome>()
  #nextCall = 0

  constructor(task: ProbeThreadTask, post: (message: MessageFromProbes) => void, hook: CheckHealth | undefined) {
    const { settings } = task
    const counters = new ProbeCounters(task.counters)
    this.#task = task
    this.#post = post
    this.#hook = hook
    if (settings.profiles.some(({ check }) => check?.type === 'icmp')) this.#icmp = new IcmpProber()
    this.#loop = new ProbeLoop({
      settings,
      clock: systemClock,
      counters,
      sockets: { most: task.mostSockets, of: socketsOf },
      probe: (target, profile, onOutcome) => this.#probe(target, profile, onOutcome),
      askReferences:
        settings.references.length === 0 ? undefined : (onAnswer) => askReferences(settings.references, onAnswer),
      onVerdicts: (verdicts) => post({ type: 'verdicts', verdicts }),
      onBlind: (isBlind) => post({ type: 'blind', isBlind }),
    })
    this.#beat = setInterval(() => counters.add('beats'), BEAT_MS)
  }

  serve(onStop: () => void): void {
    this.#task.port.on('message', (message: MessageToProbes) => {
      switch (message.type) {
        case 'add':
          return this.#loop.add(message.targets)
        case 'remove':
          return this.#loop.remove(message.ids)
        case 'confirm':
          return this.#loop.confirm(message.ids)
        case 'called':
          return this.#onCalled(message.call, message.state, message.reason)
        case 'stop':
          this.#stop()
          return onStop()
        default:
          message satisfies never
      }
    })
  }

  #stop(): void {
    clearInterval(this.#beat)
    this.#loop.stop()
    this.#icmp?.close()
  }

  #probe(target: ProbeTarget, profile: ProbeProfile, onOutcome: OnOutcome): RunningProbe {
    const check = profile.check!
    switch (check.type) {
      case 'tcp':
        return probeTcp(target.address, portsOf(target, check), check.require, onOutcome)
      case 'http':
        return probeHttp(target.address, check, onOutcome)
      case 'dns':
        return probeDns(target.address, check, onOutcome)
      case 'icmp':
        return this.#icmp!.probe(target.address, onOutcome)
      case 'hook':
        return this.#hook === undefined
          ? this.#callHost(target, profile.timeoutMs, onOutcome)
          : callModule(this.#hook, target, profile.timeoutMs, onOutcome)
      default:
        return check satisfies never
    }
  }

  #callHost({ address, ports }: ProbeTarget, timeoutMs: number, onOutcome: OnOutcome): RunningProbe {
    const call = this.#nextCall++
    this.#calls.set(call, onOutcome)
    this.#post({ type: 'call', call, address, ports, timeoutMs })
    return { cancel: () => void this.#calls.delete(call) }
  }

  #onCalled(call: number, state: unknown, reason: string): void {
    const onOutcome = this.#calls.get(call)
    this.#calls.delete(call)
    onOutcome?.(outcomeOfWord(state), reason)
  }
}

/** The ports of a TCP check of a target; without one, it is not probed. */
export function portsOf(target: Pick<ProbeTarget, 'ports'>, check: TcpCheck): readonly number[] {
  return target.ports.length > 0 ? target.ports : check.ports
}

function callModule(hook: CheckHealth, target: ProbeTarget, timeoutMs: number, onOutcome: OnOutcome): RunningProbe {
  const { address, ports } = target
  let isCancelled = false
  void callCheckHealth(hook, { address, ports }, timeoutMs).then(({ state, reason }) => {
    if (!isCancelled) onOutcome(outcomeOfWord(state), reason)
  })
  return {
    cancel: () => {
      isCancelled = true
    },
  }
}

/** Whether at least half of the references take a connection. */
function askReferences(references: ProbeSettings['references'], onAnswer: (isReachable: boolean) => void): void {
  let pending = references.length
  let reached = 0
  const answer = (isThere: boolean) => {
    if (isThere) reached++
    if (--pending === 0) onAnswer(2 * reached >= references.length)
  }
  for (const { address, port } of references) askReference(address, port, answer)
}

function askReference(address: string, port: number, answer: (isThere: boolean) => void): void {
  const probe = probeTcp(address, [port], 'any', (outcome) => {
    clearTimeout(timer)
    answer(outcome === 'alive')
  })
  const timer = setTimeout(() => {
    probe.cancel()
    answer(false)
  }, REFERENCE_TIMEOUT_MS)
}
