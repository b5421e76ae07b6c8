import type { Distribution } from '../metrics/query-figures.js'
import type { PageStats } from './api-data.js'

/** What one thread did between two looks. Latencies are in seconds, null where nothing was answered. */
export interface ThreadRates {
  readonly queries: number
  readonly median: number | null
  readonly p99: number | null
}

/** What the server did between two looks, a second. */
export interface Rates extends ThreadRates {
  readonly dropped: number
  readonly cacheHits: number
  readonly cacheMisses: number
  readonly rcodes: Readonly<Record<string, number>>
  readonly threads: readonly ThreadRates[]
  /** Questions to upstreams, by their addresses. */
  readonly upstreams: Readonly<Record<string, number>>
}

export const RCODES = [
  'NOERROR',
  'NXDOMAIN',
  'SERVFAIL',
  'REFUSED',
  'FORMERR',
  'NOTIMP',
  'BADVERS',
  'BADCOOKIE',
] as const

/** Undefined where one cannot be set against the other: there is no server, or it has been started anew between. */
export function ratesBetween(before: PageStats, after: PageStats, seconds: number): Rates | undefined {
  const { counters: from, threads: fromThreads } = before
  const { counters: to, threads: toThreads } = after
  if (from === undefined || to === undefined || fromThreads === undefined || toThreads === undefined) return undefined
  if (seconds <= 0 || to.queries < from.queries || toThreads.length !== fromThreads.length) return undefined
  const rate = (name: keyof typeof to) => (to[name] - from[name]) / seconds
  const durations = toThreads.map((thread, i) => durationsBetween(fromThreads[i]!.durations, thread.durations))
  return {
    queries: rate('queries'),
    ...latencies(durations.reduce(added)),
    dropped: rate('dropped'),
    cacheHits: rate('cacheHits'),
    cacheMisses: rate('cacheMisses'),
    rcodes: Object.fromEntries(RCODES.map((rcode) => [rcode, rate(rcode)])),
    threads: toThreads.map((thread, i) => ({
      queries: (thread.queries - fromThreads[i]!.queries) / seconds,
      ...latencies(durations[i]!),
    })),
    upstreams: upstreamRates(before, after, seconds),
  }
}

function upstreamRates(before: PageStats, after: PageStats, seconds: number): Record<string, number> {
  const known = new Map(before.forward?.upstreams.map(({ address, sent }) => [address, sent]))
  const rates = (after.forward?.upstreams ?? []).map(({ address, sent }) => {
    const grown = sent - (known.get(address) ?? sent)
    return [address, Math.max(grown, 0) / seconds] as const
  })
  return Object.fromEntries(rates)
}

type Buckets = Distribution['buckets']
type Counted = Pick<Distribution, 'buckets' | 'count'>

function durationsBetween(from: Counted, to: Counted): Counted {
  const buckets = to.buckets.map(({ upTo, count }, i) => ({ upTo, count: count - (from.buckets[i]?.count ?? 0) }))
  return { buckets, count: to.count - from.count }
}

function added(a: Counted, b: Counted): Counted {
  const buckets: Buckets = a.buckets.map(({ upTo, count }, i) => ({ upTo, count: count + (b.buckets[i]?.count ?? 0) }))
  return { buckets, count: a.count + b.count }
}

function latencies(distribution: Counted): { median: number | null; p99: number | null } {
  return { median: quantile(distribution, 0.5), p99: quantile(distribution, 0.99) }
}

/**
 * The value that so large a part does not exceed, as if values lay evenly between two bounds; null without any. What is above all
 * bounds counts as the last of them.
 */
export function quantile({ buckets, count }: Counted, part: number): number | null {
  if (count <= 0) return null
  const wanted = part * count
  let [lower, below] = [0, 0]
  for (const { upTo, count: within } of buckets) {
    if (within > below && within >= wanted) return lower + ((upTo - lower) * (wanted - below)) / (within - below)
    ;[lower, below] = [upTo, within]
  }
  return lower
}
