import type { Stats } from '../container-dns.js'
import type { AlertCounts } from '../health/alerts/alert-channel.js'
import type { PlainMetric, Sample } from './metrics.js'

/** What became of alerts by mail and webhook; there is none of it where nobody is told. Those of a scheduler are its own. */
export const ALERT_METRICS: readonly PlainMetric[] = [
  {
    name: 'containerdns_alerts_total',
    help: 'Alerts that somebody was told, that were given up, and that found no room.',
    type: 'counter',
    samples: (stats) =>
      channelsOf(stats).flatMap(([channel, { sent, failed, dropped }]) =>
        Object.entries({ sent, failed, dropped }).map(([result, value]) => ({ labels: { channel, result }, value })),
      ),
  },
  {
    name: 'containerdns_alerts_waiting',
    help: 'Alerts that wait, or are on their way.',
    type: 'gauge',
    samples: (stats) =>
      channelsOf(stats).map(([channel, { waiting }]): Sample => ({ labels: { channel }, value: waiting })),
  },
]

function channelsOf({ health: { alerts } }: Stats): [string, AlertCounts][] {
  return Object.entries(alerts ?? {}).filter((entry): entry is [string, AlertCounts] => entry[1] !== undefined)
}
