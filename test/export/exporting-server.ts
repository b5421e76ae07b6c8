import { type ContainerDns, type ContainerDnsOptions, createContainerDns, memoryStore } from 'containerdns'

/** A server of `example` with one name, www, that exports. */
export function startExporting(options: ContainerDnsOptions): Promise<ContainerDns> {
  const rrsets = [{ name: 'www.example', type: 'A' as const, data: ['192.0.2.1'] }]
  return createContainerDns({
    zones: ['example'],
    listen: { port: 0 },
    workers: 1,
    store: memoryStore({ rrsets }),
    ...options,
  })
}

/** Everything that is exported, and lost, by now. */
export function exported(server: ContainerDns): number {
  const { queryLog, dnstap, ringLost } = server.stats().export!
  return ringLost + [queryLog, dnstap].reduce((sum, sink) => sum + (sink?.written ?? 0) + (sink?.lost ?? 0), 0)
}
