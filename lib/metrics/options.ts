import { describe, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'

/** What is measured that a host may not want. */
export interface MetricsOptions {
  /** Counts the names that are asked for most, for `topNames()`. Default true. */
  topNames?: boolean
  /** Counts the clients that ask most, for `topClients()`: their addresses are kept in memory. Default true. */
  topClients?: boolean
}

export interface ParsedMetrics {
  readonly topNames: boolean
  readonly topClients: boolean
}

export function parseMetrics(given: MetricsOptions = {}): ParsedMetrics {
  refuseUnknownKeys('metrics', given, ['topNames', 'topClients'])
  const { topNames = true, topClients = true } = given
  for (const [name, value] of Object.entries({ topNames, topClients })) {
    if (typeof value === 'boolean') continue
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `metrics.${name} must be true or false, got ${describe(value)}`)
  }
  return Object.freeze({ topNames, topClients })
}
