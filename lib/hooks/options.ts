import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bounds, describe, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import type { CheckHealth } from '../health/probe/health-hook.js'
import { type HookOptions, type Hooks, QUERY_HOOKS, type QueryHook } from './hooks.js'

/** How long a query waits for a function: clients ask again after a second or more, and a host's loop is seldom blocked for longer. */
export const HOOK_TIMEOUT_MS: Bounds = { default: 50, min: 1, max: 5_000, unit: 'milliseconds' }

export const HOOK_NAMES = [...QUERY_HOOKS, 'onHealthChange', 'checkHealth'] as const

export type HookModules = Readonly<Partial<Record<QueryHook, string>>>

export interface ParsedHooks {
  readonly functions: Readonly<Hooks>
  /** As URLs. */
  readonly modules: HookModules
  /** A function, or the URL of a module. It is called by probes, and by no query. */
  readonly checkHealth: CheckHealth | string | undefined
}

/** Throws CDNS_OPTION_UNKNOWN or CDNS_OPTION_INVALID. Modules are not looked for yet. */
export function parseHooks(given: HookOptions = {}): ParsedHooks {
  refuseUnknownKeys('hooks', given, HOOK_NAMES)
  const functions: Partial<Record<keyof Hooks, unknown>> = {}
  const modules: Partial<Record<QueryHook, string>> = {}
  for (const name of [...QUERY_HOOKS, 'onHealthChange'] as const) {
    const hook = given[name] as unknown
    if (hook === undefined) continue
    if (typeof hook === 'function') functions[name] = hook
    else if (name === 'onHealthChange') throw invalid(name, 'a function', hook)
    else modules[name] = moduleUrl(name, hook)
  }
  return Object.freeze({
    functions: Object.freeze(functions) as Hooks,
    modules: Object.freeze(modules),
    checkHealth: parseCheckHealth(given.checkHealth),
  })
}

function parseCheckHealth(given: HookOptions['checkHealth']): CheckHealth | string | undefined {
  return given === undefined || typeof given === 'function' ? given : moduleUrl('checkHealth', given)
}

function moduleUrl(name: QueryHook | 'checkHealth', given: unknown): string {
  if (given instanceof URL) return given.href
  if (typeof given !== 'string' || given === '') throw invalid(name, "a function, or a module's URL or path", given)
  return /^(?:file|data):/.test(given) ? given : pathToFileURL(resolve(given)).href
}

function invalid(name: string, wanted: string, given: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', `hooks.${name} must be ${wanted}, got ${describe(given)}`)
}
