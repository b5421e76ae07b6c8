import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { PROMETHEUS_CONTENT_TYPE } from 'containerdns'
import { startAgentEndpoint, startScanner, startScheduler } from 'containerdns/health'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCANNER_METRICS, SCHEDULER_METRICS } from '../../lib/prometheus/agent-metrics.js'
import { METRICS } from '../../lib/prometheus/metrics.js'
import { activeResources, expectNothingLeft } from '../support/active-resources.js'
import { eventually } from '../support/eventually.js'
import { Etcd } from '../support/start-etcd.js'

const DOC = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
const [, AGENTS_DOC] = DOC.split('\n## Scanners and schedulers\n') as [string, string]
/** A lease, what etcd adds to it, and a machine that is shared with others. */
const PATIENCE_MS = 20_000

let etcd: Etcd
let prefix: string

beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
beforeEach(() => {
  prefix = `/test/${randomUUID()}/monitor/`
})

const options = (name: string) => ({ etcd: { hosts: etcd.host }, prefix, name, leaseSeconds: 3 })
const probes = { intervalMs: 300, timeoutMs: 250, rise: 2, fall: 2 }
const webhook = { url: 'http://127.0.0.1:9/' }

async function figuresAt(url: string): Promise<Record<string, number>> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n')
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

async function statusOf(url: string, method = 'GET'): Promise<number> {
  return (await fetch(url, { method })).status
}

describe('the endpoint of a scanner and of a scheduler', () => {
  it('says what they do', async () => {
    await etcd.ctl('put', `${prefix}status/127.0.9.1`, '{"status":"UP","ports":[9]}')
    await etcd.ctl('put', `${prefix}status/nonsense`, 'nonsense')
    await using scheduler = await startScheduler({ ...options('one'), alerts: { webhook } })
    await using scanner = await startScanner({ ...options('agent'), probes })
    await using ofScheduler = await startAgentEndpoint({ agent: scheduler, port: 0 })
    await using ofScanner = await startAgentEndpoint({ agent: scanner, host: '::1', port: 0 })
    expect(ofScanner.url).toBe(`http://[::1]:${ofScanner.port}`)
    await eventually(
      async () =>
        expect(await figuresAt(ofScanner.url)).toMatchObject({
          ...{ containerdns_agent_ready: 1, containerdns_scanner_assigned: 1, containerdns_scanner_known_addresses: 1 },
          ...{
            containerdns_scanner_unreadable_keys: 1,
            containerdns_probed_addresses: 1,
            containerdns_probes_blind: 0,
          },
        }),
      PATIENCE_MS,
    )
    await eventually(async () =>
      expect((await figuresAt(ofScanner.url))['containerdns_probes_failed_total']).toBeGreaterThan(0),
    )
    expect(await figuresAt(ofScheduler.url)).toMatchObject({
      ...{ containerdns_agent_ready: 1, containerdns_scheduler_leader: 1, containerdns_scheduler_scanners: 1 },
      'containerdns_alerts_total{channel="webhook",result="refused"}': 0,
      process_resident_memory_bytes: expect.any(Number),
    })
    expect((await fetch(`${ofScanner.url}/metrics`)).headers.get('content-type')).toBe(PROMETHEUS_CONTENT_TYPE)
  })

  it('is alive at once, and ready when etcd knows of it', async () => {
    await using away = await startScanner({ ...options('agent'), etcd: { hosts: 'http://127.0.0.1:1' } })
    await using here = await startScanner(options('agent'))
    await using ofAway = await startAgentEndpoint({ agent: away, port: 0 })
    await using ofHere = await startAgentEndpoint({ agent: here, port: 0 })
    expect([await statusOf(`${ofAway.url}/health`), await statusOf(`${ofAway.url}/ready`)]).toEqual([200, 503])
    await eventually(async () => expect(await statusOf(`${ofHere.url}/ready`)).toBe(200), PATIENCE_MS)
    await using scheduler = await startScheduler(options('one'))
    await using ofScheduler = await startAgentEndpoint({ agent: scheduler, port: 0 })
    await eventually(async () => expect(await statusOf(`${ofScheduler.url}/ready`)).toBe(200), PATIENCE_MS)
  })

  it('knows three paths and two methods', async () => {
    await using agent = await startScheduler(options('one'))
    await using endpoint = await startAgentEndpoint({ agent, port: 0 })
    const { url, port } = endpoint
    expect(await statusOf(`${url}/metrics?x=1`)).toBe(200)
    expect(await statusOf(`${url}/metrics`, 'HEAD')).toBe(200)
    expect(await statusOf(`${url}/metrics`, 'POST')).toBe(405)
    expect(await statusOf(`${url}/`)).toBe(404)
    // A path that is no URL.
    const odd = await new Promise((resolve) => {
      request({ host: '127.0.0.1', port, path: '//[' }, (response) => resolve(response.resume().statusCode)).end()
    })
    expect(odd).toBe(404)
  })

  it('refuses an address that is none, and a port that is taken', async () => {
    await using agent = await startScheduler(options('one'))
    await using endpoint = await startAgentEndpoint({ agent, port: 0 })
    const { port } = endpoint
    const wrong = [{ host: 'here' }, { port: 65_536 }, { prot: 1 }, { port }, { host: '192.0.2.1', port: 0 }]
    const codes = await Promise.all(
      wrong.map((each) => startAgentEndpoint({ agent, ...each }).catch(({ code }: { code: string }) => code)),
    )
    expect(codes).toEqual([
      ...['CDNS_OPTION_INVALID', 'CDNS_OPTION_INVALID', 'CDNS_OPTION_UNKNOWN'],
      ...['CDNS_PORT_IN_USE', 'CDNS_ADDRESS_UNAVAILABLE'],
    ])
  })

  it('leaves nothing behind, also with connections that are open', async () => {
    await using agent = await startScheduler(options('one'))
    await eventually(() => expect(agent.ready).toBe(true), PATIENCE_MS)
    const before = activeResources()
    const endpoint = await startAgentEndpoint({ agent, port: 0 })
    const { port } = endpoint
    await statusOf(`${endpoint.url}/metrics`)
    await endpoint.close()
    await endpoint.close()
    await expectNothingLeft(before)
    // The port is free again.
    await using server = createServer().listen(port, '127.0.0.1')
    await eventually(() => expect(server.listening).toBe(true))
  })
})

describe('the metrics of agents', () => {
  it('stand in docs/metrics.md, those of their own with types', () => {
    const rows = [...AGENTS_DOC.matchAll(/^\| `([a-z0-9_]+)` \| (counter|gauge) \| {2}\| ([^|]*) \|/gm)]
    const all = METRICS.map(({ name }) => name)
    const own = [...SCANNER_METRICS, ...SCHEDULER_METRICS].filter(({ name }) => !all.includes(name))
    const distinct = new Map(own.map(({ name, type, help }) => [name, { name, type, help }]))
    expect(rows.map(([, name, type, help]) => ({ name, type, help }))).toEqual([...distinct.values()])
  })

  it('are there once each', () => {
    for (const metrics of [SCANNER_METRICS, SCHEDULER_METRICS]) {
      const names = metrics.map(({ name }) => name)
      expect(new Set(names).size).toBe(names.length)
    }
  })
})
