import type { Stats } from '../container-dns.js'
import { PACKAGE_VERSION } from '../package-version.js'
import type { ServerParts } from './server-parts.js'

/** As `ContainerDns.stats`. */
export function serverStats(parts: ServerParts, ready: boolean): Stats {
  const { sockets, store, index, healthTable, probes, alerts, measurements, supervisor } = parts
  const { kind, reason } = sockets.datagrams
  const xdp = sockets.datagrams.stats?.()
  const counters = parts.counters.read()
  const figures = measurements.read()
  return {
    version: PACKAGE_VERSION,
    ready,
    addresses: sockets.addresses,
    transport: { kind, reason, ...(xdp && { xdp }) },
    counters,
    ...figures,
    tcp: { open: counters.tcpAccepted - counters.tcpClosed },
    threads: supervisor.threads.map((status, thread) => ({
      ...status,
      ...parts.counters.ofThread(thread),
      durations: measurements.durationsOf(thread),
    })),
    index: { ...index.size, serial: index.reader.serial },
    store: { kind: store.kind, ...store.status() },
    ...(parts.export === undefined ? {} : { export: parts.export.stats() }),
    health: {
      unhealthy: healthTable.unhealthyCount,
      ...healthTable.size,
      ...(probes && { probes: probes.status }),
      ...(alerts && { alerts: alerts.status }),
    },
    forward: parts.forwarding?.stats(),
    host: parts.host.read(),
  }
}
