import type { AlertsStatus } from '../health/alerts/alerts.js'
import type { ScannerStatus } from '../health/monitor/scanner.js'
import type { HostProcessStats } from '../metrics/host-process.js'
import { ALERT_METRICS } from './alert-metrics.js'
import type { PlainMetric } from './metrics.js'
import { PROBE_METRICS } from './probe-metrics.js'
import { BUILD_INFO, PROCESS_METRICS } from './process-metrics.js'

/** What every program for the health of addresses has to say. */
interface AgentFigures {
  readonly version: string
  /** Whether it is known to the others by its key in etcd. */
  readonly ready: boolean
  readonly host: HostProcessStats
}

export interface ScannerFigures extends AgentFigures {
  readonly scanner: ScannerStatus
  readonly health: { readonly probes: ScannerStatus }
}

export interface SchedulerFigures extends AgentFigures {
  readonly scheduler: { readonly isLeader: boolean; readonly agents: readonly string[] }
  readonly health: { readonly alerts: AlertsStatus | undefined }
}

const READY = gauge<AgentFigures>(
  'containerdns_agent_ready',
  '1 while a scanner has its key in etcd, or a scheduler knows what etcd has.',
  ({ ready }) => Number(ready),
)

export const SCANNER_METRICS: readonly PlainMetric<ScannerFigures>[] = [
  BUILD_INFO,
  READY,
  gauge('containerdns_scanner_assigned', '1 while the scheduler counts on it.', ({ scanner }) =>
    Number(scanner.assigned),
  ),
  gauge(
    'containerdns_scanner_known_addresses',
    'Addresses of which etcd has a status, whoever probes them.',
    ({ scanner }) => scanner.known,
  ),
  gauge(
    'containerdns_scanner_unreadable_keys',
    'Keys of a status that make no sense.',
    ({ scanner }) => scanner.unreadable,
  ),
  ...PROBE_METRICS,
  ...PROCESS_METRICS,
]

export const SCHEDULER_METRICS: readonly PlainMetric<SchedulerFigures>[] = [
  BUILD_INFO,
  READY,
  gauge('containerdns_scheduler_leader', '1 while it is the one that acts.', ({ scheduler }) =>
    Number(scheduler.isLeader),
  ),
  gauge('containerdns_scheduler_scanners', 'Scanners that are alive.', ({ scheduler }) => scheduler.agents.length),
  ...ALERT_METRICS,
  ...PROCESS_METRICS,
]

function gauge<Figures>(name: string, help: string, read: (figures: Figures) => number): PlainMetric<Figures> {
  return { name, help, type: 'gauge', samples: (figures) => [{ labels: {}, value: read(figures) }] }
}
