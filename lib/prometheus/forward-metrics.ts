import type { Stats } from '../container-dns.js'
import type { UpstreamStats } from '../forward/upstream/upstream.js'
import type { PlainMetric, Sample } from './metrics.js'

/** The answer cache and the upstreams; there is none of it where nothing is forwarded. */
export const FORWARD_METRICS: readonly PlainMetric[] = [
  forwarded(
    'coredns_cache_requests_total',
    'Queries that the answer cache was asked for.',
    'counter',
    ({ counters }) => [{ labels: {}, value: counters.cacheHits + counters.cacheMisses }],
  ),
  forwarded('coredns_cache_entries', 'Answers in the cache.', 'gauge', ({ forward }) => [
    { labels: {}, value: forward!.cache.entries },
  ]),
  forwarded('coredns_cache_evictions_total', 'Answers that made room for others.', 'counter', ({ forward }) => [
    { labels: {}, value: forward!.cache.evicted },
  ]),
  forwarded(
    'containerdns_forward_in_flight',
    'Questions that upstreams have not answered yet.',
    'gauge',
    ({ forward }) => [{ labels: {}, value: forward!.inFlight.questions }],
  ),
  forwarded('containerdns_upstream_up', '1 while an upstream answers, and not with errors only.', 'gauge', (stats) =>
    eachUpstream(stats, ({ state }) => Number(state === 'up')),
  ),
  forwarded(
    'containerdns_upstream_rtt_seconds',
    'How long an upstream takes, smoothed; missing before its first answer.',
    'gauge',
    (stats) => eachUpstream(stats, ({ rttMs }) => (rttMs === undefined ? undefined : rttMs / 1000)),
  ),
  forwarded(
    'containerdns_upstream_sent_total',
    'Questions sent to an upstream, those that were sent again among them.',
    'counter',
    (stats) => eachUpstream(stats, ({ sent }) => sent),
  ),
  forwarded('containerdns_upstream_failed_total', 'Those of them that came to nothing.', 'counter', (stats) =>
    eachUpstream(stats, ({ failed }) => failed),
  ),
]

function forwarded(
  name: string,
  help: string,
  type: PlainMetric['type'],
  samples: (stats: Stats) => readonly Sample[],
): PlainMetric {
  return { name, help, type, samples: (stats) => (stats.forward === undefined ? [] : samples(stats)) }
}

/** Prometheus takes no label twice: of an upstream that is listed twice, the last one stands. */
function eachUpstream(stats: Stats, measure: (upstream: UpstreamStats) => number | undefined): Sample[] {
  const samples = new Map<string, Sample>()
  for (const upstream of stats.forward!.upstreams) {
    const value = measure(upstream)
    if (value !== undefined) samples.set(upstream.address, { labels: { to: upstream.address }, value })
  }
  return [...samples.values()]
}
