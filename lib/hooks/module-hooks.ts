import { ContainerDnsError } from '../errors.js'
import { type Hooks, QUERY_HOOKS } from './hooks.js'
import type { HookModules } from './options.js'

/** The functions that modules export. Rejects with CDNS_HOOK_MODULE_FAILED. */
export async function importHooks(modules: HookModules): Promise<Hooks> {
  const hooks: Partial<Record<keyof Hooks, unknown>> = {}
  for (const name of QUERY_HOOKS) {
    const url = modules[name]
    if (url !== undefined) hooks[name] = await importHook(name, url)
  }
  return hooks as Hooks
}

async function importHook(name: string, url: string): Promise<unknown> {
  const exported = await importModule(name, url)
  const hook = exported[name] ?? exported['default']
  if (typeof hook === 'function') return hook
  throw new ContainerDnsError(
    'CDNS_HOOK_MODULE_FAILED',
    `hooks.${name}: ${url} exports neither ${name} nor a default function`,
  )
}

async function importModule(name: string, url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ContainerDnsError('CDNS_HOOK_MODULE_FAILED', `hooks.${name}: ${url} cannot be imported: ${reason}`, {
      cause,
    })
  }
}
