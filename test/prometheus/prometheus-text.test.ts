import { readFileSync } from 'node:fs'
import { createContainerDns, memoryStore, PROMETHEUS_CONTENT_TYPE, prometheusText, type Stats } from 'containerdns'
import { Registry, register } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { COUNTER_NAMES } from '../../lib/metrics/counters.js'
import { COUNTER_METRICS } from '../../lib/prometheus/counter-metrics.js'
import { METRICS } from '../../lib/prometheus/metrics.js'
import { eventually } from '../support/eventually.js'
import { UdpClient } from '../support/udp-client.js'

/** What is said of servers; the rest is about agents. */
const [DOC] = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8').split(
  '\n## Scanners and schedulers\n',
) as [string]
const ROWS = /^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \| ([^|]*) \|/gm
const DOCUMENTED_LABELS = new Map([...DOC.matchAll(ROWS)].map(([, name, , labels]) => [name!, labels!.trim()]))

interface Line {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}

/** The samples of a text in Prometheus' format; throws for a line that is none. */
function parse(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
      if (match === null) throw new Error(`no sample: ${line}`)
      const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value])
      return { name: match[1]!, labels: Object.fromEntries(labels), value: Number(match[3]) }
    })
}

async function scraped(asked: (client: UdpClient) => Promise<unknown>): Promise<{ lines: Line[]; stats: Stats }> {
  const rrsets = [{ name: 'www.example', type: 'A' as const, data: ['192.0.2.1'] }]
  await using server = await createContainerDns({
    zones: ['example'],
    listen: { port: 0 },
    workers: 1,
    store: memoryStore({ rrsets }),
  })
  await using client = await UdpClient.open(server.addresses[0]!)
  await asked(client)
  const stats = await eventually(() => {
    const stats = server.stats()
    expect(stats.counters.responses).toBe(3)
    expect(stats.durations.udp!.count).toBe(3)
    return stats
  })
  return { lines: parse(await prometheusText(stats)), stats }
}

describe('prometheusText', () => {
  it('says what a server has done, by the names of CoreDNS', async () => {
    const { lines, stats } = await scraped(async (client) => {
      await client.ask('www.example')
      await client.ask('absent.example', 'AAAA')
      await client.ask('elsewhere.test')
    })
    const server = `dns://127.0.0.1:${stats.addresses[0]!.port}`
    const of = (name: string) => lines.filter((line) => line.name === name)
    expect(of('coredns_dns_requests_total').map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { server, proto: 'udp', zone: 'example.', type: 'A', value: 1 },
      { server, proto: 'udp', zone: 'example.', type: 'AAAA', value: 1 },
      { server, proto: 'udp', zone: '.', type: 'A', value: 1 },
    ])
    const rcodes = of('coredns_dns_responses_total').filter(({ value }) => value > 0)
    expect(rcodes.map(({ labels, value }) => [labels['rcode'], value])).toEqual([
      ['NOERROR', 1],
      ['NXDOMAIN', 1],
      ['REFUSED', 1],
    ])
    expect(of('coredns_dns_request_duration_seconds_count')).toMatchObject([{ labels: { server }, value: 3 }])
    const buckets = of('coredns_dns_response_size_bytes_bucket')
    expect(buckets.map(({ value }) => value)).toEqual(buckets.map(() => 3))
    expect(buckets.at(-1)!.labels['le']).toBe('+Inf')
    expect(of('containerdns_index_names')).toMatchObject([{ value: 1 }])
    expect(of('process_resident_memory_bytes')[0]!.value).toBeGreaterThan(1e7)
    expect(of('coredns_build_info')[0]!.labels['version']).toBe(`containerdns-${stats.version}`)
  })

  it('has each counter of stats() once', async () => {
    const { lines, stats } = await scraped(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask('www.example')
    })
    const distinct = {
      ...stats,
      counters: Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, 1000 + i])),
    } as Stats
    const counted = parse(await prometheusText(distinct))
    for (const [i, counter] of COUNTER_NAMES.entries()) {
      const { name, labels = {} } = COUNTER_METRICS[counter]
      expect(counted.filter(({ value }) => value === 1000 + i)).toEqual([{ name, labels, value: 1000 + i }])
    }
    expect(lines.length).toBe(counted.length)
  })

  it('gives each metric the labels that the document says', async () => {
    const { lines } = await scraped(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask('www.example')
    })
    for (const { name, labels } of lines) {
      const metric = name.replace(/_(bucket|sum|count)$/, '')
      const keys = Object.keys(labels).filter((key) => key !== 'le')
      const documented = (DOCUMENTED_LABELS.get(metric) ?? DOCUMENTED_LABELS.get(name))!
      expect({ name, labels: keys.sort() }).toEqual({ name, labels: documented.split(', ').filter(Boolean).sort() })
    }
  })

  it('says what upstreams, the cache, exports and alerts are up to, where there are any', async () => {
    const { lines, stats } = await scraped(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask('www.example')
    })
    const upstream = { address: '192.0.2.1:53', state: 'up' as const, rttMs: 12, sent: 5, failed: 1 }
    const silent = { ...upstream, address: '192.0.2.2:53', state: 'down' as const, rttMs: undefined }
    const size = { usedBytes: 0, allocatedBytes: 0, stored: 9, expired: 0, refused: 0 }
    const busy: Stats = {
      ...stats,
      counters: { ...stats.counters, cacheHits: 30, cacheMisses: 12 },
      // One is listed for two zones.
      forward: {
        upstreams: [upstream, silent, upstream],
        inFlight: { questions: 4, queries: 6 },
        cache: { ...size, entries: 7, evicted: 2 },
      },
      export: {
        queryLog: { written: 10, lost: 1 },
        dnstap: { written: 20, lost: 2, connected: true },
        hostLost: 3,
        ringLost: 4,
      },
      health: {
        ...stats.health,
        probes: { probes: 50, failed: 4, unsure: 3, late: 2, blind: true, targets: 9, doubted: 1, panic: false },
        alerts: { webhook: { sent: 5, failed: 6, dropped: 7, waiting: 8, refused: 9 }, mail: undefined },
      },
    }
    const told = new Set(lines.map(({ name }) => name))
    const more = parse(await prometheusText(busy)).filter(({ name }) => !told.has(name))
    expect(more.map(({ name, labels, value }) => [name, ...Object.values(labels), value])).toEqual([
      ['coredns_cache_requests_total', 42],
      ['coredns_cache_entries', 7],
      ['coredns_cache_evictions_total', 2],
      ['containerdns_forward_in_flight', 4],
      ['containerdns_upstream_up', '192.0.2.1:53', 1],
      ['containerdns_upstream_up', '192.0.2.2:53', 0],
      ['containerdns_upstream_rtt_seconds', '192.0.2.1:53', 0.012],
      ['containerdns_upstream_sent_total', '192.0.2.1:53', 5],
      ['containerdns_upstream_sent_total', '192.0.2.2:53', 5],
      ['containerdns_upstream_failed_total', '192.0.2.1:53', 1],
      ['containerdns_upstream_failed_total', '192.0.2.2:53', 1],
      ['containerdns_export_queries_total', 'query_log', 'written', 10],
      ['containerdns_export_queries_total', 'query_log', 'lost', 1],
      ['containerdns_export_queries_total', 'dnstap', 'written', 20],
      ['containerdns_export_queries_total', 'dnstap', 'lost', 2],
      ['containerdns_export_queries_total', 'host', 'lost', 3],
      ['containerdns_export_ring_lost_total', 4],
      ['containerdns_dnstap_connected', 1],
      ['containerdns_alerts_total', 'webhook', 'sent', 5],
      ['containerdns_alerts_total', 'webhook', 'failed', 6],
      ['containerdns_alerts_total', 'webhook', 'dropped', 7],
      ['containerdns_alerts_total', 'webhook', 'refused', 9],
      ['containerdns_alerts_waiting', 'webhook', 8],
      ['containerdns_probes_total', 50],
      ['containerdns_probes_failed_total', 4],
      ['containerdns_probes_unsure_total', 3],
      ['containerdns_probes_late_total', 2],
      ['containerdns_probed_addresses', 9],
      ['containerdns_probes_doubted', 1],
      ['containerdns_probes_blind', 1],
      ['containerdns_probes_panic', 0],
    ])
    for (const { name, labels } of more) {
      expect(Object.keys(labels).sort().join(', ')).toBe(DOCUMENTED_LABELS.get(name)!.split(', ').sort().join(', '))
    }
  })

  it('leaves the global registry of the host alone', async () => {
    await scraped(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask('www.example')
    })
    expect(register.getMetricsAsArray()).toEqual([])
    expect(PROMETHEUS_CONTENT_TYPE).toBe(Registry.PROMETHEUS_CONTENT_TYPE)
  })
})

describe('the metrics', () => {
  it('have names and help that Prometheus takes, each once', () => {
    const names = METRICS.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, type, help } of METRICS) {
      expect(name).toMatch(/^(coredns|containerdns|process|nodejs)_[a-z0-9_]+$/)
      expect(help).toMatch(/\.$/)
      if (type === 'counter') expect(name).toMatch(/_total$/)
    }
  })

  it('that are called as CoreDNS’s, or are to be asked for in their place, stand in the table of those', () => {
    const known = METRICS.map(({ name }) => name)
    const rows = [...DOC.matchAll(/^\| `(coredns_[a-z0-9_]+)` \| (?!counter|gauge|histogram)([^|]*) \|$/gm)]
    const same = rows.filter(([, , instead]) => instead === 'the same').map(([, name]) => name!)
    expect(same.sort()).toEqual(known.filter((name) => name.startsWith('coredns_')).sort())
    for (const [, name, instead] of rows) {
      const asked = [...instead!.matchAll(/`([a-z0-9_]+)`/g)].map(([, each]) => each!)
      expect(
        asked.filter((each) => !known.includes(each)),
        name,
      ).toEqual([])
      expect(asked.length > 0 || ['the same', 'none'].includes(instead!), name).toBe(true)
    }
  })

  it('stand in docs/metrics.md with their types', () => {
    const rows = [...DOC.matchAll(ROWS)]
    expect(rows.map(([, name, type]) => ({ name, type }))).toEqual(METRICS.map(({ name, type }) => ({ name, type })))
  })
})
