import { type ContainerDns, createContainerDns } from 'containerdns'
import { kubernetesStore } from 'containerdns/kubernetes'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { namespace, node, podOn, service, slice } from './objects.js'

const HTTP = { name: 'http', protocol: 'TCP', port: 80 }
const DB = 'db.default.svc.cluster.local'
const IN_A = '10.244.1.7'
const IN_B = '2001:db8:b::7'
const ELSEWHERE = '192.0.2.1'

async function serve(
  zoneClients: 'nodes' | 'pods' = 'nodes',
): Promise<{ cluster: KubeSimulator; server: ContainerDns } & AsyncDisposable> {
  const cluster = await KubeSimulator.start()
  cluster.put('namespaces', namespace('default'))
  cluster.put(
    'nodes',
    node('n1', 'a', ['10.244.1.0/24'], '10.0.0.1'),
    node('n2', 'b', ['2001:db8:b::/64', '10.244.2.0/24']),
  )
  cluster.put('services', service('default/db', ['None'], [HTTP]), service('default/web', ['10.3.0.1']))
  cluster.put(
    'endpointslices',
    slice(
      'default/db',
      [
        { address: '10.1.0.1', zone: 'a' },
        { address: '10.1.0.2', zone: 'b' },
        { address: '10.1.0.3', zone: 'c', forZones: ['b', 'c'] },
      ],
      [HTTP],
    ),
  )
  const server = await createContainerDns({
    zones: ['cluster.local', 'in-addr.arpa'],
    views: [
      { name: 'a', clients: [] },
      { name: 'b', clients: [] },
    ],
    listen: { port: 0 },
    workers: 1,
    store: kubernetesStore({ kubeconfig: cluster.kubeconfig, zoneViews: ['a', 'b'], zoneClients }),
  })
  const close = async () => {
    await server.close()
    await cluster[Symbol.asyncDispose]()
  }
  return { cluster, server, [Symbol.asyncDispose]: close }
}

async function ask(server: ContainerDns, client: string, name: string, type: 'A' | 'SRV' = 'A'): Promise<string[]> {
  const { answer } = await server.query(name, type, { client })
  return answer.map(({ data }) => (typeof data === 'string' ? data : (data as { target: string }).target)).sort()
}

describe('a server with a view for each zone of its cluster', () => {
  it('answers with the endpoints for the zone of the client, which its node tells', async () => {
    await using serving = await serve()
    const { server } = serving
    expect(await ask(server, IN_A, DB)).toEqual(['10.1.0.1'])
    expect(await ask(server, '10.0.0.1', DB)).toEqual(['10.1.0.1'])
    // Hints say more than where an endpoint stands.
    expect(await ask(server, IN_B, DB)).toEqual(['10.1.0.2', '10.1.0.3'])
    expect(await ask(server, ELSEWHERE, DB)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3'])
    expect(await ask(server, IN_A, `_http._tcp.${DB}`, 'SRV')).toEqual([`10-1-0-1.${DB}`])
    expect(await ask(server, ELSEWHERE, `_http._tcp.${DB}`, 'SRV')).toHaveLength(3)
    // All else is everybody's.
    expect(await ask(server, IN_A, `10-1-0-2.${DB}`)).toEqual(['10.1.0.2'])
    expect(await ask(server, IN_A, 'web.default.svc.cluster.local')).toEqual(['10.3.0.1'])
  })

  it('follows endpoints: a zone that has none left is answered with all of them', async () => {
    await using serving = await serve()
    const { cluster, server } = serving
    const left = (ready: boolean) =>
      slice(
        'default/db',
        [
          { address: '10.1.0.1', zone: 'a', ready },
          { address: '10.1.0.2', zone: 'b' },
        ],
        [HTTP],
      )
    cluster.put('endpointslices', left(false))
    await eventually(async () => expect(await ask(server, IN_A, DB)).toEqual(['10.1.0.2']))
    cluster.put('endpointslices', left(true))
    await eventually(async () => expect(await ask(server, IN_A, DB)).toEqual(['10.1.0.1']))
    cluster.put('endpointslices', slice('default/db', [{ address: '10.1.0.1' }, { address: '10.1.0.9' }], [HTTP]))
    await eventually(async () => expect(await ask(server, IN_A, DB)).toEqual(['10.1.0.1', '10.1.0.9']))
    cluster.deleteAll('endpointslices')
    await eventually(async () => expect(await ask(server, IN_A, DB)).toEqual([]))
  })

  it('follows nodes, and passes over what they cannot mean', async () => {
    await using serving = await serve()
    const { cluster, server } = serving
    cluster.put('nodes', node('n3', 'a', ['10.244.3.0/24', '10.244.3.7/24', 'nonsense'], 'fe80::1%eth0'))
    await eventually(async () => expect(await ask(server, '10.244.3.9', DB)).toEqual(['10.1.0.1']))
    cluster.put('nodes', node('n1', 'b', ['10.244.1.0/24']), node('n4', undefined, ['10.244.4.0/24']))
    await eventually(async () => expect(await ask(server, IN_A, DB)).toEqual(['10.1.0.2', '10.1.0.3']))
    cluster.deleteAll('nodes')
    await eventually(async () => expect(await ask(server, IN_A, DB)).toHaveLength(3))
  })

  it('finds clients by the nodes of their pods, where those have no networks of their own', async () => {
    await using serving = await serve('pods')
    const { cluster, server } = serving
    const [FIRST, SECOND] = ['192.0.2.77', '2001:db8:77::1']
    expect(await ask(server, FIRST, DB)).toHaveLength(3)
    // The pod may be told of before its node.
    cluster.put('pods', podOn('n9', 'default/p', [FIRST, SECOND]), podOn('n1', 'default/covered', [IN_A]))
    cluster.put('nodes', node('n9', 'a', []))
    for (const client of [FIRST, SECOND]) {
      await eventually(async () => expect(await ask(server, client, DB)).toEqual(['10.1.0.1']))
    }
    cluster.put('nodes', node('n9', 'b', []))
    await eventually(async () => expect(await ask(server, FIRST, DB)).toEqual(['10.1.0.2', '10.1.0.3']))
    // Tells of a node, so that pods need not wait for one another.
    cluster.deleteAll('pods')
    await eventually(async () => {
      cluster.put('nodes', node(`n${cluster.version}`, 'b', []))
      expect(await ask(server, FIRST, DB)).toHaveLength(3)
    })
  })

  it('needs a view for each zone that it is to know', async () => {
    await using cluster = await KubeSimulator.start()
    const store = kubernetesStore({ kubeconfig: cluster.kubeconfig, zoneViews: ['a'] })
    const zones = ['cluster.local', 'in-addr.arpa']
    await expect(createContainerDns({ zones, listen: { port: 0 }, workers: 1, store })).rejects.toMatchObject({
      code: 'CDNS_VIEW_UNKNOWN',
    })
  })
})
