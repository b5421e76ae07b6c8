import type { HostProcessStats } from '../metrics/host-process.js'
import type { PlainMetric } from './metrics.js'

interface Program {
  readonly version: string
}

interface Process {
  readonly host: HostProcessStats
}

/** Which program this is. */
export const BUILD_INFO: PlainMetric<Program> = {
  name: 'coredns_build_info',
  help: "A constant 1: the version of containerdns, and of Node.js in the place of Go's.",
  type: 'gauge',
  samples: ({ version }) => [
    { labels: { version: `containerdns-${version}`, revision: '', goversion: process.version }, value: 1 },
  ],
}

/** What its process takes. */
export const PROCESS_METRICS: readonly PlainMetric<Process>[] = [
  metric('process_start_time_seconds', 'When the process began.', 'gauge', ({ host }) => host.startedAt / 1000),
  metric(
    'process_cpu_user_seconds_total',
    'Processor time of the process.',
    'counter',
    ({ host }) => host.cpuUserSeconds,
  ),
  metric(
    'process_cpu_system_seconds_total',
    'Processor time of the kernel for it.',
    'counter',
    ({ host }) => host.cpuSystemSeconds,
  ),
  metric(
    'process_cpu_seconds_total',
    'Both together.',
    'counter',
    ({ host }) => host.cpuUserSeconds + host.cpuSystemSeconds,
  ),
  metric('process_resident_memory_bytes', 'Memory of the process.', 'gauge', ({ host }) => host.residentBytes),
  metric(
    'nodejs_eventloop_lag_mean_seconds',
    "How late the host's event loop is, on average.",
    'gauge',
    ({ host }) => host.eventLoopDelay.meanSeconds,
  ),
  metric(
    'nodejs_eventloop_lag_p50_seconds',
    'The same by the median.',
    'gauge',
    ({ host }) => host.eventLoopDelay.p50Seconds,
  ),
  metric(
    'nodejs_eventloop_lag_p99_seconds',
    'The same of the latest hundredth.',
    'gauge',
    ({ host }) => host.eventLoopDelay.p99Seconds,
  ),
  metric(
    'nodejs_eventloop_lag_max_seconds',
    'The same at most.',
    'gauge',
    ({ host }) => host.eventLoopDelay.maxSeconds,
  ),
]

function metric(
  name: string,
  help: string,
  type: PlainMetric['type'],
  read: (process: Process) => number,
): PlainMetric<Process> {
  return { name, help, type, samples: (figures) => [{ labels: {}, value: read(figures) }] }
}
