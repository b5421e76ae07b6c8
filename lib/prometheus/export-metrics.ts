import type { SinkStats } from '../export/query-export.js'
import type { PlainMetric, Sample } from './metrics.js'

/** What became of exported queries; there is none of it where nothing is exported. */
export const EXPORT_METRICS: readonly PlainMetric[] = [
  {
    name: 'containerdns_export_queries_total',
    help: 'Queries for the query log, dnstap and the host: written, or lost for want of room.',
    type: 'counter',
    samples: ({ export: queries }) =>
      queries === undefined
        ? []
        : [
            ...sinkSamples('query_log', queries.queryLog),
            ...sinkSamples('dnstap', queries.dnstap),
            { labels: { sink: 'host', result: 'lost' }, value: queries.hostLost },
          ],
  },
  {
    name: 'containerdns_export_ring_lost_total',
    help: 'Queries that found no room on their way to the export thread.',
    type: 'counter',
    samples: ({ export: queries }) => (queries === undefined ? [] : [{ labels: {}, value: queries.ringLost }]),
  },
  {
    name: 'containerdns_dnstap_connected',
    help: '1 while the reader of dnstap is there; missing where none is told of.',
    type: 'gauge',
    samples: ({ export: queries }) =>
      queries?.dnstap === undefined ? [] : [{ labels: {}, value: Number(queries.dnstap.connected) }],
  },
]

function sinkSamples(sink: string, stats: SinkStats | undefined): Sample[] {
  if (stats === undefined) return []
  return [
    { labels: { sink, result: 'written' }, value: stats.written },
    { labels: { sink, result: 'lost' }, value: stats.lost },
  ]
}
