import { type ContainerDns, createContainerDns } from 'containerdns'
import { type KubernetesStoreOptions, kubernetesStore } from 'containerdns/kubernetes'
import { createTestServer, type TestServer } from 'containerdns/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { UdpClient } from '../support/udp-client.js'
import { namespace, pod, service } from './objects.js'

let cluster: KubeSimulator
let upstream: TestServer

beforeAll(async () => {
  cluster = await KubeSimulator.start()
  cluster.put('namespaces', namespace('default'), namespace('other'))
  cluster.put('services', service('default/web', ['10.3.0.1']), service('other/db', ['10.3.0.2']))
  // Where the tests' questions come from.
  cluster.put('pods', pod('default/client', ['127.0.0.1']))
  upstream = await createTestServer({
    zones: ['example.com'],
    rrsets: [{ name: 'www.example.com', type: 'A', ttl: 77, data: ['192.0.2.1'] }],
  })
})

afterAll(async () => {
  await upstream?.close()
  await cluster?.[Symbol.asyncDispose]()
})

function serve(options: KubernetesStoreOptions): Promise<ContainerDns> {
  return createContainerDns({
    zones: ['cluster.local', 'in-addr.arpa'],
    listen: { port: 0 },
    workers: 1,
    forward: { upstreams: [`${upstream.host}:${upstream.port}`] },
    store: kubernetesStore({ kubeconfig: cluster.kubeconfig, ...options }),
  })
}

async function answers(client: UdpClient, name: string, type = 'A'): Promise<string[]> {
  const { answers = [], rcode } = await client.ask(name, type)
  const lines = answers.flatMap((record) =>
    'data' in record ? [`${record.name} ${record.type} ${String(record.data)}`] : [],
  )
  return [...lines, rcode]
}

describe('a server for pods of any address', () => {
  it('answers for every address in a namespace that is there, and follows the namespaces', async () => {
    await using server = await serve({ pods: 'insecure' })
    await using client = await UdpClient.open(server.addresses[0]!)
    const name = '10-9-8-7.default.pod.cluster.local'
    expect(await answers(client, name)).toEqual([`${name} A 10.9.8.7`, 'NOERROR'])
    expect(await answers(client, '2001-db8--1.default.pod.cluster.local', 'AAAA')).toEqual([
      '2001-db8--1.default.pod.cluster.local AAAA 2001:db8::1',
      'NOERROR',
    ])
    const later = '10-9-8-7.later.pod.cluster.local'
    expect(await answers(client, later)).toEqual(['NXDOMAIN'])
    cluster.put('namespaces', namespace('later'))
    await eventually(async () => expect(await answers(client, later)).toEqual([`${later} A 10.9.8.7`, 'NOERROR']))
  })

  it('lets a name be taken not to be there for no longer than an address', async () => {
    await using server = await serve({ ttl: 3 })
    await using client = await UdpClient.open(server.addresses[0]!)
    const { authorities } = await client.ask('later.default.svc.cluster.local')
    expect(authorities).toMatchObject([{ type: 'SOA', ttl: 3, data: { minimum: 3 } }])
  })
})

describe('a server that goes through the search lists of pods', () => {
  it('finds with one question what the cluster has, and what is outside', async () => {
    await using server = await serve({ pods: 'verified', autopath: true })
    await using client = await UdpClient.open(server.addresses[0]!)
    const inside = 'db.other.default.svc.cluster.local'
    expect(await answers(client, inside)).toEqual([
      `${inside} CNAME db.other.svc.cluster.local`,
      'db.other.svc.cluster.local A 10.3.0.2',
      'NOERROR',
    ])
    const unasked = await answers(client, 'www.example.com.default.svc.cluster.local')
    // Who does not want others to be asked goes on by itself.
    expect(unasked).toEqual(['NXDOMAIN'])
    client.isRecursionDesired = true
    const outside = 'www.example.com.default.svc.cluster.local'
    const expected = [`${outside} CNAME www.example.com`, 'www.example.com A 192.0.2.1', 'NOERROR']
    expect(await answers(client, outside)).toEqual(expected)
    // From the cache of what was forwarded.
    expect(await answers(client, outside)).toEqual(expected)
    const nobody = 'nobody.example.com.default.svc.cluster.local'
    expect(await answers(client, nobody)).toEqual([`${nobody} CNAME nobody.example.com`, 'NXDOMAIN'])
  })

  it('stops doing so once the pod is gone', async () => {
    const moving = pod('other/moving', ['127.0.0.1'])
    cluster.put('pods', moving)
    await using server = await serve({ pods: 'verified', autopath: true })
    await using client = await UdpClient.open(server.addresses[0]!)
    const name = 'web.default.other.svc.cluster.local'
    expect((await answers(client, name)).at(-1)).toBe('NOERROR')
    cluster.delete('pods', moving)
    await eventually(async () => expect(await answers(client, name)).toEqual(['NXDOMAIN']))
  })
})
