import type { Metric as ClientMetric } from 'prom-client'
import type { Stats } from '../container-dns.js'
import type { Distribution } from '../metrics/query-figures.js'
import { METRICS, type Metric, type Sample } from './metrics.js'

/** What a scrape is answered with: see `PROMETHEUS_CONTENT_TYPE` for its type. Main thread. */
export function prometheusText(stats: Stats): Promise<string> {
  return metricsText(METRICS, stats)
}

/** The same for other metrics, and what their values are taken from. */
export async function metricsText<Figures>(metrics: readonly Metric<Figures>[], figures: Figures): Promise<string> {
  // Loading it takes longer than importing all the rest of us.
  const { Registry } = await import('prom-client')
  const registry = new Registry()
  for (const metric of metrics) {
    const { name, help, type } = metric
    // The values are counted already, so that there is no use for metrics which count.
    const counted = { name, help, type, get: async () => ({ name, help, type, values: valuesOf(metric, figures) }) }
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

function valuesOf<Figures>(metric: Metric<Figures>, figures: Figures): readonly NamedSample[] {
  if (metric.type !== 'histogram') return metric.samples(figures)
  return metric
    .distributions(figures)
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
