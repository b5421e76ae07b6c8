import type { Stats } from '../container-dns.js'
import type { PlainMetric } from './metrics.js'

type Probes = NonNullable<Stats['health']['probes']>

/** What the probes of a server's own records do; there is none of it without probes. Those of scanners are their own. */
export const PROBE_METRICS: readonly PlainMetric[] = [
  {
    name: 'containerdns_probes_total',
    help: 'Probes: failed, without a verdict because of this side, late by half an interval or more, and all of them.',
    type: 'counter',
    samples: ({ health: { probes } }) => {
      if (probes === undefined) return []
      const { probes: all, failed, unsure, late } = probes
      return Object.entries({ all, failed, unsure, late }).map(([result, value]) => ({ labels: { result }, value }))
    },
  },
  gauge('containerdns_probed_addresses', 'Addresses that are probed.', ({ targets }) => targets),
  gauge(
    'containerdns_probes_doubted',
    'Addresses that are said to be down, and are probed once more before that is believed.',
    ({ doubted }) => doubted,
  ),
  gauge(
    'containerdns_probes_blind',
    '1 while less than half of the references can be reached, and nothing is called unhealthy.',
    ({ blind }) => Number(blind),
  ),
  gauge('containerdns_probes_panic', '1 while so few addresses are healthy that none is left out.', ({ panic }) =>
    Number(panic),
  ),
]

function gauge(name: string, help: string, read: (probes: Probes) => number): PlainMetric {
  const samples = ({ health: { probes } }: Stats) => (probes === undefined ? [] : [{ labels: {}, value: read(probes) }])
  return { name, help, type: 'gauge', samples }
}
