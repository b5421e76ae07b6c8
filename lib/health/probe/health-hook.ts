import { describe } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { HEALTH_STATES, type HealthState } from '../layout.js'
import type { ProbeOutcome } from './check.js'

/** What `hooks.checkHealth` is asked about. */
export interface HealthTarget {
  readonly address: string
  /** Those that SRV records give the address. */
  readonly ports: readonly number[]
}

/** The hook `checkHealth`. The signal is aborted when the probe's time is over; what comes after that is not heard. */
export type CheckHealth = (target: HealthTarget, signal: AbortSignal) => Promise<HealthState> | HealthState

/** What a hook has said, or why it failed, as plain data. */
export interface HookWord {
  readonly state: unknown
  readonly reason: string
}

/** Calls the hook. Never rejects. */
export async function callCheckHealth(hook: CheckHealth, target: HealthTarget, timeoutMs: number): Promise<HookWord> {
  // Not AbortSignal.timeout: a signal that nobody holds any more may be collected before it fires.
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), timeoutMs)
  try {
    const state: unknown = await hook(target, controller.signal)
    if (HEALTH_STATES.includes(state as HealthState)) return { state, reason: `checkHealth says ${state as string}` }
    return { state: 'unknown', reason: `checkHealth must give a health state, got ${describe(state)}` }
  } catch (error) {
    // A check that throws is mostly one that could not connect.
    return { state: 'unhealthy', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}

export function outcomeOfWord(state: unknown): ProbeOutcome {
  if (state === 'healthy') return 'alive'
  return state === 'unhealthy' ? 'dead' : 'unsure'
}

/** The function that a module exports. Rejects with CDNS_HOOK_MODULE_FAILED. */
export async function importCheckHealth(url: string): Promise<CheckHealth> {
  const failed = (what: string, options?: ErrorOptions) =>
    new ContainerDnsError('CDNS_HOOK_MODULE_FAILED', `hooks.checkHealth: ${url} ${what}`, options)
  let exported: Record<string, unknown>
  try {
    exported = (await import(url)) as Record<string, unknown>
  } catch (cause) {
    throw failed(`cannot be imported: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  const hook = exported['checkHealth'] ?? exported['default']
  if (typeof hook === 'function') return hook as CheckHealth
  throw failed('exports neither checkHealth nor a default function')
}
