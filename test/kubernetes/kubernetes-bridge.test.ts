import { etcdStore as builtEtcdStore, createContainerDns } from 'containerdns'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KubernetesBridgeOptions } from '../../lib/kubernetes/bridge-options.js'
import { type KubernetesBridge, startKubernetesBridge } from '../../lib/kubernetes/kubernetes-bridge.js'
import { kubernetesStore } from '../../lib/kubernetes/kubernetes-store.js'
import { etcdStore } from '../../lib/store/etcd/etcd-store.js'
import { MapSink } from '../store/map-sink.js'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { Etcd } from '../support/start-etcd.js'
import { externalName, namespace, pod, service, slice } from './objects.js'

let etcd: Etcd
let prefix = ''
let count = 0

beforeAll(async () => {
  etcd = await Etcd.start()
}, 60_000)

afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]()
})

beforeEach(() => {
  prefix = `/test${++count}/`
})

const HTTPS = { name: 'https', protocol: 'TCP', port: 443 }

function fill(cluster: KubeSimulator): void {
  cluster.put('namespaces', namespace('default'), namespace('empty'))
  cluster.put(
    'services',
    service('default/web', ['10.3.0.1', '2001:db8::1'], [HTTPS]),
    service('default/db', ['None'], [HTTPS]),
    externalName('default/foo', 'www.example.com'),
  )
  cluster.put(
    'endpointslices',
    slice('default/db', [{ address: '10.1.0.1', hostname: 'db-0' }, { address: '10.1.0.2' }], [HTTPS]),
  )
  cluster.put('pods', pod('default/p', ['10.1.0.1']))
}

function start(cluster: KubeSimulator, more: Partial<KubernetesBridgeOptions> = {}): Promise<KubernetesBridge> {
  return startKubernetesBridge({
    kubeconfig: cluster.kubeconfig,
    etcd: { hosts: etcd.host, prefix },
    cluster: 'one',
    leaseMs: 600,
    pods: 'verified',
    ...more,
  })
}

/** All keys below the prefix and beside it, with their values. */
async function dump(): Promise<Record<string, string>> {
  const lines = (await etcd.ctl('get', '--prefix', prefix.slice(0, -1))).split('\n')
  const keys: Record<string, string> = {}
  for (let i = 0; i + 1 < lines.length; i += 2) if (!lines[i]!.includes('.kubernetes/')) keys[lines[i]!] = lines[i + 1]!
  return keys
}

async function answersFromEtcd(): Promise<Record<string, string[]>> {
  const sink = new MapSink()
  const store = etcdStore({ hosts: etcd.host, prefix })
  await store.open(sink)
  await store.close()
  expect(sink.bad).toEqual([])
  return sink.dump()
}

describe('startKubernetesBridge', () => {
  it('writes to etcd what a kubernetesStore would answer with', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    const sink = new MapSink()
    const store = kubernetesStore({ kubeconfig: cluster.kubeconfig, pods: 'verified' })
    await store.open(sink)
    await store.close()
    await using bridge = await start(cluster)
    expect(await answersFromEtcd()).toEqual(sink.dump())
    expect(bridge.status()).toMatchObject({ isLeader: true, connected: true, conflicts: 0, badObjects: 0 })
    const values = Object.values(await dump()).map((value) => JSON.parse(value) as Record<string, unknown>)
    expect(new Set(values.map(({ source, cluster }) => `${String(source)} ${String(cluster)}`))).toEqual(
      new Set(['svc one', 'pod one']),
    )
  })

  it('follows the cluster, and leaves nothing behind of what is gone', async () => {
    await using cluster = await KubeSimulator.start()
    await using bridge = await start(cluster)
    const before = await dump()
    fill(cluster)
    await eventually(async () => expect(await answersFromEtcd()).toHaveProperty(['web.default.svc.cluster.local']))
    cluster.put('endpointslices', slice('default/db', [{ address: '10.1.0.9' }], [HTTPS]))
    await eventually(async () =>
      expect((await answersFromEtcd())['db.default.svc.cluster.local']).toEqual([
        '5 A 10.1.0.9',
        '5 SRV 10 100 443 10-1-0-9.db.default.svc.cluster.local',
      ]),
    )
    for (const kind of ['services', 'endpointslices', 'pods', 'namespaces']) cluster.deleteAll(kind)
    await eventually(async () => expect(await dump()).toEqual(before))
    expect(bridge.status().keys).toBe(Object.keys(before).length)
  })

  it('never leaves a name without records while its endpoints are exchanged, at any revision of etcd', async () => {
    const names = Array.from({ length: 70 }, (_, i) => `s${i}`)
    const endpoints = (round: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ address: `10.${round}.${i >> 8}.${i & 255}` }))
    await using cluster = await KubeSimulator.start()
    cluster.put('services', ...[...names, 'large'].map((name) => service(`default/${name}`, ['None'])))
    // Endpoints of a Service with an address are a key each, and so an odd number of changes: others meet the end of a transaction with one of their two.
    cluster.put('services', service('default/first', ['10.99.0.1']))
    const exchange = (round: number) => {
      cluster.put('endpointslices', slice('default/first', endpoints(round, round)))
      for (const name of names) cluster.put('endpointslices', slice(`default/${name}`, endpoints(round, 1)))
      cluster.put('endpointslices', slice('default/large', endpoints(round, 150)))
    }
    exchange(1)
    await using bridge = await start(cluster)
    const from = await etcd.revision()
    for (let round = 2; round < 5; round++) {
      exchange(round)
      await eventually(async () => expect(JSON.stringify(await dump())).not.toContain(`"10.${round - 1}.`))
    }
    const to = await etcd.revision()
    const folder = `${prefix}local/cluster/svc/default/`
    for (let revision = from; revision <= to; revision++) {
      const keys = await etcd.ctl('get', '--prefix', '--keys-only', '--rev', String(revision), folder)
      const there = new Set([...keys.matchAll(/default\/(\w+)\/k8s-/g)].map(([, name]) => name))
      expect([...names, 'large'].filter((name) => !there.has(name))).toEqual([])
    }
    expect(bridge.status()).toMatchObject({ conflicts: 0 })
  })

  it('writes what is for a zone to a view of its name, and leaves nothing in one that is a zone no more', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    cluster.put(
      'endpointslices',
      slice(
        'default/db',
        [
          { address: '10.1.0.1', zone: 'a' },
          { address: '10.1.0.2', zone: 'b' },
        ],
        [HTTPS],
      ),
    )
    const asked = async (client: string): Promise<unknown[]> => {
      const { answer } = await server.query('db.default.svc.cluster.local', 'A', { client })
      return answer.map(({ data }) => data).sort()
    }
    const foreign = `${prefix.slice(0, -1)}.v1/a/local/cluster/svc/default/mine/A`
    await etcd.ctl('put', foreign, '{"data":["192.0.2.9"]}')
    const first = await start(cluster, { zoneViews: ['a', 'b'] })
    await using server = await createContainerDns({
      zones: ['cluster.local'],
      views: [
        { name: 'a', clients: ['10.244.1.0/24'] },
        { name: 'b', clients: ['10.244.2.0/24'] },
      ],
      listen: { port: 0, protocols: ['udp'] },
      workers: 1,
      store: builtEtcdStore({ hosts: etcd.host, prefix }),
    })
    await eventually(async () => expect(await asked('10.244.1.7')).toEqual(['10.1.0.1']))
    expect(await asked('10.244.2.7')).toEqual(['10.1.0.2'])
    expect(await asked('192.0.2.1')).toEqual(['10.1.0.1', '10.1.0.2'])
    cluster.put('endpointslices', slice('default/db', [{ address: '10.1.0.3', zone: 'a' }], [HTTPS]))
    await eventually(async () => expect(await asked('10.244.2.7')).toEqual(['10.1.0.3']))
    await first.close()
    await using second = await start(cluster, { zoneViews: ['b'] })
    const inViews = Object.keys(await dump()).filter((key) => key.includes('.v1/a/') || key.includes('.v1/b/'))
    expect(inViews).toEqual([foreign])
    expect(second.status().isLeader).toBe(true)
  })

  it('brings etcd in line at its start with what has changed since the last', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    await (await start(cluster)).close()
    const first = await dump()
    cluster.delete('services', service('default/web', []))
    const [key, value] = Object.entries(first).find(([key]) => key.includes('/db/k8s-'))!
    await etcd.ctl('put', key, value.replace('"ttl":5', '"ttl":77'))
    await using bridge = await start(cluster)
    const answers = await answersFromEtcd()
    expect(answers).not.toHaveProperty(['web.default.svc.cluster.local'])
    expect((await dump())[key]).toBe(value)
    // Nothing is written that was right already.
    expect(bridge.status().writes).toBeLessThan(Object.keys(first).length / 2)
  })

  it('touches no record of anybody else: by hand, of another cluster, or where its own should go', async () => {
    await using cluster = await KubeSimulator.start()
    await using other = await KubeSimulator.start()
    fill(cluster)
    fill(other)
    const foreign: Record<string, string> = {
      [`${prefix}local/cluster/svc/default/web/abcd/`]:
        '{"type":"A","host":"192.0.2.1","ttl":30,"source":"containerdns"}',
      [`${prefix}local/cluster/svc/default/gone/abcd/`]:
        '{"type":"A","host":"192.0.2.2","source":"svc","cluster":"third"}',
      [`${prefix}local/cluster/svc/default/odd/abcd/`]: 'no JSON',
      [`${prefix.slice(0, -1)}.v1/default/arpa/in-addr/10/3/0/1/PTR`]: '{"data":["by.hand.example"]}',
      [`${prefix}org/example/www/abcd/`]: '{"type":"A","host":"192.0.2.3","source":"svc","cluster":"one"}',
    }
    for (const [key, value] of Object.entries(foreign)) await etcd.ctl('put', key, value)
    const one = await start(cluster)
    const two = await start(other, { cluster: 'two' })
    expect(one.status().conflicts).toBe(1)
    const all = await dump()
    expect(all).toMatchObject(foreign)
    expect(Object.values(all).filter((value) => value.includes('"cluster":"two"')).length).toBeGreaterThan(5)
    for (const kind of ['services', 'endpointslices', 'pods', 'namespaces']) other.deleteAll(kind)
    const ofTwo = async () => Object.entries(await dump()).filter(([, value]) => value.includes('"cluster":"two"'))
    // The version of the schema, and what keeps `svc` and `pod` there.
    await eventually(async () => expect(await ofTwo()).toHaveLength(3))
    await two.close()
    await one.close()
    const left = await dump()
    expect(left).toMatchObject(foreign)
    for (const [key, value] of Object.entries(all)) if (value.includes('"cluster":"one"')) expect(left[key]).toBe(value)
  })

  it('has one leader of several, and the next takes over where it stopped', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    const first = await start(cluster)
    await using second = await start(cluster)
    expect([first, second].map((bridge) => bridge.status().isLeader)).toEqual([true, false])
    await first.close()
    await eventually(() => second.status().isLeader)
    cluster.put('services', service('default/late', ['10.3.0.7']))
    await eventually(async () => expect(await answersFromEtcd()).toHaveProperty(['late.default.svc.cluster.local']))
  })

  it('writes nothing any more once another has taken the lead, however late it comes', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    await using bridge = await start(cluster, { leaseMs: 60_000 })
    const before = await dump()
    await etcd.ctl('put', `${prefix.slice(0, -1)}.kubernetes/one/leader`, 'another')
    cluster.put('services', service('default/late', ['10.3.0.7']))
    await eventually(() => !bridge.status().isLeader)
    expect(await dump()).toEqual(before)
  })

  it('goes on when etcd was away, and removes nothing while the API server is', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    await using bridge = await start(cluster)
    const before = await dump()
    await cluster.stop()
    await eventually(() => !bridge.status().connected)
    await etcd.restart()
    await cluster.restart()
    cluster.put('services', service('default/late', ['10.3.0.7']))
    await eventually(
      async () => expect(await answersFromEtcd()).toHaveProperty(['late.default.svc.cluster.local']),
      30_000,
    )
    expect(await dump()).toMatchObject(before)
  })

  it('tells scanners of the addresses it answers with, follows them, and keeps what others say there', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    const statusOf = async (address: string): Promise<unknown> => {
      const value = await etcd.ctl('get', '--print-value-only', `${prefix}monitor/status/${address}`)
      return value === '' ? undefined : JSON.parse(value)
    }
    const put = (address: string, value: object) =>
      etcd.ctl('put', `${prefix}monitor/status/${address}`, JSON.stringify(value))
    const ours = { cluster: 'one', source: 'svc' }
    const web = { ports: [443], domains: ['web.default.svc.cluster.local.'], ...ours }
    const foreign = { status: 'DOWN', ports: [22], domains: ['www.example.'], cluster: '' }
    await put('10.1.0.2', foreign)
    await put('192.0.2.7', { ...foreign, source: 'svc', cluster: 'two' })
    await using bridge = await start(cluster, { monitor: true })
    expect(await statusOf('10.3.0.1')).toEqual({ status: 'UNKNOWN', ...web })
    expect(await statusOf('2001:db8::1')).toEqual({ status: 'UNKNOWN', ...web })
    expect(await statusOf('10.1.0.1')).toEqual({
      ...web,
      status: 'UNKNOWN',
      domains: ['db.default.svc.cluster.local.'],
    })
    expect(await statusOf('10.1.0.2')).toEqual(foreign)
    // A scanner, and somebody over the API.
    await put('10.3.0.1', { status: 'DOWN', ...web, domains: [...web.domains, 'www.example.'] })
    cluster.put('services', service('default/web', ['10.3.0.1'], [HTTPS, { name: 'http', protocol: 'TCP', port: 80 }]))
    await eventually(async () =>
      expect(await statusOf('10.3.0.1')).toEqual({
        ...{ status: 'DOWN', ...web, ports: [80, 443], domains: [...web.domains, 'www.example.'] },
      }),
    )
    await eventually(async () => expect(await statusOf('2001:db8::1')).toBeUndefined())
    for (const kind of ['services', 'endpointslices', 'pods', 'namespaces']) cluster.deleteAll(kind)
    await eventually(async () => {
      expect(await statusOf('10.3.0.1')).toEqual({
        status: 'DOWN',
        ports: [80, 443],
        domains: ['www.example.'],
        cluster: '',
      })
      expect(await statusOf('10.1.0.1')).toBeUndefined()
    })
    expect(await statusOf('10.1.0.2')).toEqual(foreign)
    expect(await statusOf('192.0.2.7')).toMatchObject({ cluster: 'two' })
    expect(bridge.status().conflicts).toBe(0)
  })

  it("takes over what a ContainerDNS in Go without a cluster's name has left", async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    const left = {
      [`${prefix}local/cluster/svc/default/web/1a2b3c4d/`]: '{"type":"A","host":"10.3.0.99","ttl":30,"source":"svc"}',
      [`${prefix}local/cluster/svc/default/p/ip/`]: '{"type":"A","host":"10.1.0.99","source":"pod","cluster":""}',
    }
    const named = `${prefix}local/cluster/svc/default/web/5a6b7c8d/`
    for (const [key, value] of Object.entries(left)) await etcd.ctl('put', key, value)
    await etcd.ctl('put', named, '{"type":"A","host":"10.3.0.98","source":"svc","cluster":"two"}')
    await using bridge = await start(cluster, { cluster: '', originPodNames: true })
    const answers = await answersFromEtcd()
    expect(answers['web.default.svc.cluster.local']).toContain('5 A 10.3.0.1')
    expect(answers['web.default.svc.cluster.local']).not.toContain('30 A 10.3.0.99')
    expect(answers['p.default.svc.cluster.local']).toEqual(['5 A 10.1.0.1'])
    const keys = await dump()
    for (const key of Object.keys(left)) expect(keys).not.toHaveProperty([key])
    expect(keys).toHaveProperty([named])
    expect(bridge.status().conflicts).toBe(0)
  })

  it('carries rules as well as records', async () => {
    await using cluster = await KubeSimulator.start()
    fill(cluster)
    await using _ = await start(cluster, { pods: 'insecure' })
    expect(await answersFromEtcd()).toHaveProperty(['*.default.pod.cluster.local'])
  })

  it('can be stopped before it has begun', async () => {
    await using cluster = await KubeSimulator.start()
    await cluster.stop()
    const stopping = new AbortController()
    const starting = start(cluster, { signal: stopping.signal })
    stopping.abort()
    await expect(starting).rejects.toMatchObject({ code: 'CDNS_ABORTED' })
    await expect(start(cluster, { cluster: 'not a name' })).rejects.toMatchObject({ code: 'CDNS_OPTION_INVALID' })
  })
})
