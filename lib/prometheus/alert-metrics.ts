import type { AlertCounts } from '../health/alerts/alert-channel.js'
import type { AlertsStatus } from '../health/alerts/alerts.js'
import type { PlainMetric, Sample } from './metrics.js'

interface Alerting {
  readonly health: { readonly alerts?: AlertsStatus | undefined }
}

/** What became of alerts by mail and webhook, of a server or of a scheduler; there is none of it where nobody is told. */
export const ALERT_METRICS: readonly PlainMetric<Alerting>[] = [
  {
    name: 'containerdns_alerts_total',
    help: 'Alerts that somebody was told, that were given up, that found no room, and that a mail server refused for some of their recipients.',
    type: 'counter',
    samples: (figures) =>
      channelsOf(figures).flatMap(([channel, { sent, failed, dropped, refused }]) =>
        Object.entries({ sent, failed, dropped, refused }).map(([result, value]) => ({
          labels: { channel, result },
          value,
        })),
      ),
  },
  {
    name: 'containerdns_alerts_waiting',
    help: 'Alerts that wait, or are on their way.',
    type: 'gauge',
    samples: (figures) =>
      channelsOf(figures).map(([channel, { waiting }]): Sample => ({ labels: { channel }, value: waiting })),
  },
]

function channelsOf({ health: { alerts } }: Alerting): [string, AlertCounts][] {
  return Object.entries(alerts ?? {}).filter((entry): entry is [string, AlertCounts] => entry[1] !== undefined)
}
