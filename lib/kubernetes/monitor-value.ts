/** An address that is answered with, and what for: as ContainerDNS's scanner has it told below `monitor/status/`. */
export interface MonitoredAddress {
  readonly address: string
  /** TCP ports, in their order. */
  readonly ports: readonly number[]
  /** Names of Services with the last dot that they have there, in their order; none: it is answered with no more. */
  readonly domains: readonly string[]
}

interface Fields {
  readonly status?: unknown
  readonly ports?: unknown
  readonly domains?: unknown
  readonly source?: unknown
  readonly cluster?: unknown
  readonly [field: string]: unknown
}

/**
 * The value of an address' status key, made of what is there now: scanners say there whether it is UP, and the API for which names besides
 * somebody wants to know that. undefined where there is to be no key. `suffix` is what the cluster's own names end with, last dot and all.
 */
export function monitorValue(
  { ports, domains }: MonitoredAddress,
  cluster: string,
  suffix: string,
  now: string | undefined,
): string | undefined {
  const { status = 'UNKNOWN', source: _source, cluster: _cluster, ...others } = fieldsOf(now)
  const foreign = namesIn(others.domains).filter((name) => !name.endsWith(suffix))
  if (domains.length > 0)
    return JSON.stringify({ status, ...others, ports, domains: [...domains, ...foreign], cluster, source: 'svc' })
  // Whoever has added names keeps the status, and the ports as they were.
  return foreign.length === 0 ? undefined : JSON.stringify({ status, ...others, domains: foreign, cluster: '' })
}

function fieldsOf(value: string | undefined): Fields {
  if (value === undefined) return {}
  try {
    return (JSON.parse(value) ?? {}) as Fields
  } catch {
    // Nobody has made it ours.
    return {}
  }
}

function namesIn(given: unknown): string[] {
  return Array.isArray(given) ? given.filter((name) => typeof name === 'string') : []
}
