import { buildCidrTable } from '../clients/build-cidr-table.js'
import type { ParsedRateLimitOptions } from './rate-limit-options.js'
import type { RateLimitHandle } from './rate-limits.js'
import { createRateTable } from './rate-table.js'

/** Makes what the threads of a server share; undefined when nothing is limited. The main thread alone. */
export function createRateLimits(options: ParsedRateLimitOptions, seed: number): RateLimitHandle | undefined {
  const { allow, entries, ...settings } = options
  if (settings.responsesPerSecond + settings.queriesPerSecond + settings.forwardedPerSecond === 0) return undefined
  return {
    memory: createRateTable(entries),
    seed,
    settings,
    allow: allow.length === 0 ? undefined : buildCidrTable(allow.map((cidr) => ({ cidr, value: 0 }))),
  }
}
