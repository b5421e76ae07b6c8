import type { Stats } from '../container-dns.js'
import { COUNTER_NAMES } from '../metrics/counters.js'
import type { Distribution, FigureProtocol } from '../metrics/query-figures.js'
import { ALERT_METRICS } from './alert-metrics.js'
import { COUNTER_METRICS } from './counter-metrics.js'
import { EXPORT_METRICS } from './export-metrics.js'
import { FORWARD_METRICS } from './forward-metrics.js'
import { PROBE_METRICS } from './probe-metrics.js'
import { BUILD_INFO, PROCESS_METRICS } from './process-metrics.js'

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** `Figures` is what its values are taken from: of a server, all that `stats()` says. */
export interface PlainMetric<Figures = Stats> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: (figures: Figures) => readonly Sample[]
}

export interface HistogramMetric<Figures = Stats> {
  readonly name: string
  readonly help: string
  readonly type: 'histogram'
  readonly distributions: (
    figures: Figures,
  ) => readonly { readonly labels: Sample['labels']; readonly distribution: Distribution }[]
}

export type Metric<Figures = Stats> = PlainMetric<Figures> | HistogramMetric<Figures>

/** CoreDNS knows datagrams and streams; which of those is in the scheme of `server`. */
const PROTOS: Readonly<Record<FigureProtocol, string>> = { udp: 'udp', tcp: 'tcp', dot: 'tcp', doh: 'tcp' }
const SCHEMES: Readonly<Record<FigureProtocol, string>> = { udp: 'dns', tcp: 'dns', dot: 'tls', doh: 'https' }

/** All that is exported, in its order. */
export const METRICS: readonly Metric[] = [
  BUILD_INFO,
  {
    name: 'coredns_dns_requests_total',
    help: 'Queries by zone (a dot for names in none of ours), protocol and type.',
    type: 'counter',
    samples: (stats) =>
      stats.queries.map(({ zone = '', protocol, type, queries }) => ({
        labels: { ...serverLabels(stats, protocol), zone: `${zone}.`, type },
        value: queries,
      })),
  },
  {
    name: 'coredns_dns_request_duration_seconds',
    help: 'Seconds from receiving a query to having sent its response.',
    type: 'histogram',
    distributions: (stats) => labelled(stats, stats.durations),
  },
  {
    name: 'coredns_dns_response_size_bytes',
    help: 'Octets of responses.',
    type: 'histogram',
    distributions: (stats) => labelled(stats, stats.sizes),
  },
  ...counterMetrics(),
  gauge('coredns_panics_total', 'Threads that died or hung and were run again.', 'counter', ({ threads }) =>
    threads.reduce((sum, { restarts }) => sum + restarts, 0),
  ),
  perThread('containerdns_worker_restarts_total', 'How often each thread was run again.', ({ restarts }) => restarts),
  perThread('containerdns_worker_queries_total', 'Queries that each thread has taken.', ({ queries }) => queries),
  perThread(
    'containerdns_worker_responses_total',
    'Queries that each thread has answered.',
    ({ responses }) => responses,
  ),
  perThread('containerdns_worker_dropped_total', 'Queries that each thread gave no answer.', ({ dropped }) => dropped),
  gauge(
    'containerdns_ready',
    '1 while the first load is answered from and the server is not closing.',
    'gauge',
    (stats) => Number(stats.ready),
  ),
  gauge('containerdns_connections_open', 'Connections over TCP, DoT and DoH.', 'gauge', ({ tcp }) => tcp.open),
  gauge('containerdns_index_names', 'Names with records.', 'gauge', ({ index }) => index.names),
  {
    name: 'containerdns_index_bytes',
    help: 'Memory of the record index: used, taken from the system, and waiting to be used again.',
    type: 'gauge',
    samples: ({ index }) => [
      { labels: { state: 'used' }, value: index.usedBytes },
      { labels: { state: 'allocated' }, value: index.allocatedBytes },
      { labels: { state: 'retired' }, value: index.retiredBytes },
    ],
  },
  gauge(
    'containerdns_index_serial',
    'The SOA serial, which grows with each change.',
    'gauge',
    ({ index }) => index.serial,
  ),
  {
    name: 'containerdns_store_connected',
    help: '1 while the store is in touch with where its records come from.',
    type: 'gauge',
    samples: ({ store }) => [{ labels: { kind: store.kind }, value: Number(store.connected) }],
  },
  gauge('containerdns_store_stale', '1 while answers may be older than they may be.', 'gauge', ({ store }) =>
    Number(store.stale),
  ),
  gauge(
    'containerdns_store_lag_seconds',
    'How old what is answered may be at most.',
    'gauge',
    ({ store }) => store.lagMs / 1000,
  ),
  gauge(
    'containerdns_store_last_contact_timestamp_seconds',
    'When the source was last heard of; 0: never.',
    'gauge',
    ({ store }) => store.lastContactAt / 1000,
  ),
  gauge(
    'containerdns_store_revision',
    'The last revision of the source that is answered from.',
    'gauge',
    ({ store }) => store.revision,
  ),
  gauge('containerdns_store_loads_total', 'How often everything was read anew.', 'counter', ({ store }) => store.loads),
  gauge('containerdns_store_changes', 'Changes of names since the last load.', 'gauge', ({ store }) => store.changes),
  gauge(
    'containerdns_store_bad_records',
    'Keys or lines that could not be understood.',
    'gauge',
    ({ store }) => store.badRecords,
  ),
  gauge(
    'containerdns_store_ignored_records',
    'Records of views that are not served.',
    'gauge',
    ({ store }) => store.ignoredRecords,
  ),
  gauge(
    'containerdns_store_checks_total',
    'How often everything was compared with the source.',
    'counter',
    ({ store }) => store.checks,
  ),
  gauge(
    'containerdns_store_discrepancies_total',
    'Changes that such a comparison found lost.',
    'counter',
    ({ store }) => store.discrepancies,
  ),
  {
    name: 'containerdns_store_snapshot_age_seconds',
    help: 'Age of the newest snapshot; missing where there is none.',
    type: 'gauge',
    samples: ({ store }) => (store.snapshot === undefined ? [] : [{ labels: {}, value: store.snapshot.ageMs / 1000 }]),
  },
  ...FORWARD_METRICS,
  ...EXPORT_METRICS,
  ...ALERT_METRICS,
  ...PROBE_METRICS,
  gauge(
    'containerdns_health_unhealthy_addresses',
    'Addresses that are unhealthy.',
    'gauge',
    ({ health }) => health.unhealthy,
  ),
  gauge(
    'containerdns_health_addresses',
    'Addresses that are healthy or unhealthy.',
    'gauge',
    ({ health }) => health.addresses,
  ),
  gauge(
    'containerdns_health_bytes',
    'Memory for the health of addresses.',
    'gauge',
    ({ health }) => health.allocatedBytes,
  ),
  ...PROCESS_METRICS,
]

function gauge(name: string, help: string, type: PlainMetric['type'], value: (stats: Stats) => number): PlainMetric {
  return { name, help, type, samples: (stats) => [{ labels: {}, value: value(stats) }] }
}

function perThread(name: string, help: string, value: (thread: Stats['threads'][number]) => number): PlainMetric {
  const samples = ({ threads }: Stats) =>
    threads.map((each, thread) => ({ labels: { thread, role: each.role }, value: value(each) }))
  return { name, help, type: 'counter', samples }
}

/** Counters of one name are one metric. */
function counterMetrics(): PlainMetric[] {
  const names = [...new Set(COUNTER_NAMES.map((counter) => COUNTER_METRICS[counter].name))]
  return names.map((name) => {
    const counters = COUNTER_NAMES.filter((counter) => COUNTER_METRICS[counter].name === name)
    return {
      name,
      help: COUNTER_METRICS[counters[0]!].help,
      type: 'counter',
      samples: (stats) =>
        counters.map((counter) => ({ labels: COUNTER_METRICS[counter].labels ?? {}, value: stats.counters[counter] })),
    }
  })
}

function labelled(stats: Stats, byProtocol: Stats['durations']): ReturnType<HistogramMetric['distributions']> {
  return (Object.entries(byProtocol) as [FigureProtocol, Distribution][]).map(([protocol, distribution]) => ({
    labels: serverLabels(stats, protocol),
    distribution,
  }))
}

/** The first address of a protocol stands for all of them: counters do not tell them apart. */
function serverLabels({ addresses }: Stats, protocol: FigureProtocol): { server: string; proto: string } {
  const address = addresses.find((each) => each.protocol === protocol)
  const host = address?.host.includes(':') ? `[${address.host}]` : (address?.host ?? '')
  return { server: `${SCHEMES[protocol]}://${host}:${address?.port ?? ''}`, proto: PROTOS[protocol] }
}
