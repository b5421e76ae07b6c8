import type { Metric as ClientMetric } from 'prom-client'
import type { Stats } from '../container-dns.js'
import type { Distribution } from '../metrics/query-figures.js'
import { METRICS, type Metric, type Sample } from './metrics.js'

/** What a scrape is answered with: see `PROMETHEUS_CONTENT_TYPE` for its type. Main thread. */
export async function prometheusText(stats: Stats): Promise<string> {
  // Loading it takes longer than importing all the rest of us.
  const { Registry } = await import('prom-client')
  const registry = new Registry()
  for (const metric of METRICS) {
    const { name, help, type } = metric
    // The values are counted already, so that there is no use for metrics which count.
    const counted = { name, help, type, get: async () => ({ name, help, type, values: valuesOf(metric, stats) }) }
    registry.registerMetric(counted as unknown as ClientMetric)
  }
  return registry.metrics()
}

/** The text format 0.0.4, which every Prometheus reads. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

interface NamedSample extends Sample {
  /** Default: the metric's own. */
  readonly metricName?: string
}

function valuesOf(metric: Metric, stats: Stats): readonly NamedSample[] {
  if (metric.type !== 'histogram') return metric.samples(stats)
  return metric
    .distributions(stats)
    .flatMap(({ labels, distribution }) => histogramValues(metric.name, labels, distribution))
}

function histogramValues(
  name: string,
  labels: Sample['labels'],
  { buckets, count, sum }: Distribution,
): readonly NamedSample[] {
  const bucket = (le: number | string, value: number) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  })
  return [
    ...buckets.map(({ upTo, count }) => bucket(upTo, count)),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
