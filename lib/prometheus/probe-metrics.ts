import type { ProbesStatus } from '../server-probes.js'
import type { PlainMetric } from './metrics.js'

interface Probing {
  readonly health: { readonly probes?: ProbesStatus }
}

/** What the probes of a server's own records do, or those of a scanner; there is none of it without probes. */
export const PROBE_METRICS: readonly PlainMetric<Probing>[] = [
  metric('containerdns_probes_total', 'Probes that were started.', 'counter', ({ probes }) => probes),
  metric('containerdns_probes_failed_total', 'Probes that failed.', 'counter', ({ failed }) => failed),
  metric(
    'containerdns_probes_unsure_total',
    'Probes without a verdict, because of this side.',
    'counter',
    ({ unsure }) => unsure,
  ),
  metric(
    'containerdns_probes_late_total',
    'Probes that began more than half an interval late.',
    'counter',
    ({ late }) => late,
  ),
  metric('containerdns_probed_addresses', 'Addresses that are probed.', 'gauge', ({ targets }) => targets),
  metric(
    'containerdns_probes_doubted',
    'Addresses that are said to be down, and are probed once more before that is believed.',
    'gauge',
    ({ doubted }) => doubted,
  ),
  metric(
    'containerdns_probes_blind',
    '1 while less than half of the references can be reached, and nothing is called unhealthy.',
    'gauge',
    ({ blind }) => Number(blind),
  ),
  metric(
    'containerdns_probes_panic',
    '1 while so few addresses are healthy that none is left out.',
    'gauge',
    ({ panic }) => Number(panic),
  ),
]

function metric(
  name: string,
  help: string,
  type: PlainMetric['type'],
  read: (probes: ProbesStatus) => number,
): PlainMetric<Probing> {
  const samples = ({ health: { probes } }: Probing) =>
    probes === undefined ? [] : [{ labels: {}, value: read(probes) }]
  return { name, help, type, samples }
}
