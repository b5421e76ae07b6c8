import { type ContainerDns, createContainerDns } from 'containerdns'
import { kubernetesStore } from 'containerdns/kubernetes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'
import { UdpClient } from '../support/udp-client.js'
import { answerLines, linesOf } from './answer-lines.js'
import { externalName, namespace, pod, service, slice } from './objects.js'

const HTTPS = { name: 'https', protocol: 'TCP', port: 443 }
const HTTP = { name: 'http', protocol: 'TCP', port: 80 }
const UNNAMED = { protocol: 'TCP', port: 8080 }
const ZONE = 'cluster.local'
const NIBBLES = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'

let cluster: KubeSimulator
let server: ContainerDns
let client: UdpClient

beforeAll(async () => {
  cluster = await KubeSimulator.start()
  for (const name of ['default', 'testns', 'com', 'empty']) cluster.put('namespaces', namespace(name))
  cluster.put(
    'services',
    service('default/kubernetes', ['10.3.0.1', '2001:db8::1'], [HTTPS, UNNAMED]),
    service('default/headless', ['None'], [HTTPS]),
    service('default/headless6', ['None'], [HTTPS]),
    externalName('default/foo', 'www.example.com'),
    service('testns/svc1', ['10.0.0.1'], [HTTP]),
    service('testns/svcempty', ['10.0.0.9'], [HTTP]),
    service('testns/svc6', ['1234:abcd::1'], [HTTP]),
    service('testns/hdls1', ['None'], [HTTP]),
    service('testns/hdlsempty', ['None'], [HTTP]),
    externalName('testns/external-to-service', 'svc1.testns.svc.cluster.local'),
    service('com/google', ['10.0.0.8'], [HTTP]),
  )
  cluster.put(
    'endpointslices',
    slice(
      'default/headless',
      [
        { address: '10.3.0.100', hostname: 'my-pet' },
        { address: '10.3.0.2', hostname: 'my-pet-2' },
        { address: '10.3.0.3' },
        { address: '10.3.0.4', ready: false },
      ],
      [HTTPS, UNNAMED],
    ),
    slice('default/headless6', [{ address: '2001:db8::2', hostname: 'my-pet' }], [HTTPS]),
    slice('testns/svc1', [{ address: '172.0.0.1' }], [HTTP]),
    slice(
      'testns/hdls1',
      [
        { address: '172.0.0.2' },
        { address: '172.0.0.4', hostname: 'dup-name' },
        { address: '172.0.0.5', hostname: 'dup-name' },
      ],
      [HTTP],
      'v4',
    ),
    slice('testns/hdls1', [{ address: '5678:abcd::1' }], [HTTP], 'v6'),
    slice('testns/hdlsempty', [{ address: '172.0.0.7', ready: false }], [HTTP]),
  )
  cluster.put('pods', pod('testns/p', ['10.240.0.1']))
  server = await createContainerDns({
    zones: [ZONE, 'in-addr.arpa', 'ip6.arpa'],
    listen: { port: 0 },
    workers: 1,
    store: kubernetesStore({ kubeconfig: cluster.kubeconfig, ttl: 4, pods: 'verified' }),
  })
  client = await UdpClient.open(server.addresses[0]!)
})

afterAll(async () => {
  await client?.[Symbol.asyncDispose]()
  await server?.close()
  await cluster?.[Symbol.asyncDispose]()
})

async function answerTo(name: string, type: string): Promise<string[]> {
  return answerLines(await client.ask(name, type))
}

describe('the specification, section by section', () => {
  it.each([
    ['2.2 schema version', 'dns-version.cluster.local', 'TXT', ['dns-version.cluster.local 28800 TXT "1.1.0"']],
    ['2.3.1 A', 'kubernetes.default.svc.cluster.local', 'A', ['kubernetes.default.svc.cluster.local 4 A 10.3.0.1']],
    [
      '2.3.1 AAAA',
      'kubernetes.default.svc.cluster.local',
      'AAAA',
      ['kubernetes.default.svc.cluster.local 4 AAAA 2001:db8::1'],
    ],
    [
      '2.3.2 SRV',
      '_https._tcp.kubernetes.default.svc.cluster.local',
      'SRV',
      ['_https._tcp.kubernetes.default.svc.cluster.local 4 SRV 10 100 443 kubernetes.default.svc.cluster.local'],
    ],
    [
      '2.3.3 PTR of IPv4',
      '1.0.3.10.in-addr.arpa',
      'PTR',
      ['1.0.3.10.in-addr.arpa 4 PTR kubernetes.default.svc.cluster.local'],
    ],
    ['2.3.3 PTR of IPv6', NIBBLES, 'PTR', [`${NIBBLES} 4 PTR kubernetes.default.svc.cluster.local`]],
    [
      '2.4.1 A of all ready endpoints',
      'headless.default.svc.cluster.local',
      'A',
      ['10.3.0.100', '10.3.0.2', '10.3.0.3'].map((address) => `headless.default.svc.cluster.local 4 A ${address}`),
    ],
    [
      '2.4.1 A of a hostname',
      'my-pet.headless.default.svc.cluster.local',
      'A',
      ['my-pet.headless.default.svc.cluster.local 4 A 10.3.0.100'],
    ],
    [
      '2.4.1 A of several addresses with one hostname',
      'dup-name.hdls1.testns.svc.cluster.local',
      'A',
      [
        'dup-name.hdls1.testns.svc.cluster.local 4 A 172.0.0.4',
        'dup-name.hdls1.testns.svc.cluster.local 4 A 172.0.0.5',
      ],
    ],
    [
      '2.4.1 AAAA of all ready endpoints',
      'headless6.default.svc.cluster.local',
      'AAAA',
      ['headless6.default.svc.cluster.local 4 AAAA 2001:db8::2'],
    ],
    [
      '2.4.1 AAAA of a hostname',
      'my-pet.headless6.default.svc.cluster.local',
      'AAAA',
      ['my-pet.headless6.default.svc.cluster.local 4 AAAA 2001:db8::2'],
    ],
    ['2.4.1 without ready endpoints', 'hdlsempty.testns.svc.cluster.local', 'A', ['NXDOMAIN']],
    [
      '2.4.2 SRV',
      '_https._tcp.headless.default.svc.cluster.local',
      'SRV',
      ['10-3-0-3', 'my-pet', 'my-pet-2']
        .map(
          (label) =>
            `_https._tcp.headless.default.svc.cluster.local 4 SRV 10 33 443 ${label}.headless.default.svc.cluster.local`,
        )
        .sort(),
    ],
    [
      '2.4.3 PTR of IPv4',
      '100.0.3.10.in-addr.arpa',
      'PTR',
      ['100.0.3.10.in-addr.arpa 4 PTR my-pet.headless.default.svc.cluster.local'],
    ],
    [
      '2.4.3 PTR of IPv6',
      NIBBLES.replace(/^1/, '2'),
      'PTR',
      [`${NIBBLES.replace(/^1/, '2')} 4 PTR my-pet.headless6.default.svc.cluster.local`],
    ],
    ['2.5 CNAME', 'foo.default.svc.cluster.local', 'A', ['foo.default.svc.cluster.local 4 CNAME www.example.com']],
    [
      '2.5 CNAME for IPv6',
      'foo.default.svc.cluster.local',
      'AAAA',
      ['foo.default.svc.cluster.local 4 CNAME www.example.com'],
    ],
  ])('%s: %s %s', async (_, name, type, expected) => {
    expect(await answerTo(name, type)).toEqual(expected)
  })

  it('2.1 compares without regard to case', async () => {
    const packet = await client.ask('KuberNetes.DEFAULT.svc.Cluster.Local', 'A')
    expect(packet.answers?.map((answer) => (answer as { data?: unknown }).data)).toEqual(['10.3.0.1'])
  })

  it('2.3.2 and 2.4.2 have the addresses of the targets beside the SRV records', async () => {
    const one = await client.ask('_https._tcp.kubernetes.default.svc.cluster.local', 'SRV')
    expect(linesOf(one.additionals)).toEqual([
      'kubernetes.default.svc.cluster.local 4 A 10.3.0.1',
      'kubernetes.default.svc.cluster.local 4 AAAA 2001:db8::1',
    ])
    const many = await client.ask('_https._tcp.headless.default.svc.cluster.local', 'SRV')
    expect(linesOf(many.additionals)).toEqual([
      '10-3-0-3.headless.default.svc.cluster.local 4 A 10.3.0.3',
      'my-pet-2.headless.default.svc.cluster.local 4 A 10.3.0.2',
      'my-pet.headless.default.svc.cluster.local 4 A 10.3.0.100',
    ])
  })
})

describe("what CoreDNS's kubernetes plugin answers beyond it", () => {
  it.each([
    ['svcempty.testns.svc.cluster.local', 'A', ['svcempty.testns.svc.cluster.local 4 A 10.0.0.9']],
    [
      'svc1.testns.svc.cluster.local',
      'SRV',
      ['svc1.testns.svc.cluster.local 4 SRV 10 100 80 svc1.testns.svc.cluster.local'],
    ],
    [
      'svc6.testns.svc.cluster.local',
      'SRV',
      ['svc6.testns.svc.cluster.local 4 SRV 10 100 80 svc6.testns.svc.cluster.local'],
    ],
    [
      '_http._tcp.svcempty.testns.svc.cluster.local',
      'SRV',
      ['_http._tcp.svcempty.testns.svc.cluster.local 4 SRV 10 100 80 svcempty.testns.svc.cluster.local'],
    ],
    ['172-0-0-2.hdls1.testns.svc.cluster.local', 'A', ['172-0-0-2.hdls1.testns.svc.cluster.local 4 A 172.0.0.2']],
    ['172-0-0-1.svc1.testns.svc.cluster.local', 'A', ['172-0-0-1.svc1.testns.svc.cluster.local 4 A 172.0.0.1']],
    [
      '5678-abcd--1.hdls1.testns.svc.cluster.local',
      'AAAA',
      ['5678-abcd--1.hdls1.testns.svc.cluster.local 4 AAAA 5678:abcd::1'],
    ],
    ['hdls1.testns.svc.cluster.local', 'AAAA', ['hdls1.testns.svc.cluster.local 4 AAAA 5678:abcd::1']],
    ['1.0.0.172.in-addr.arpa', 'PTR', ['1.0.0.172.in-addr.arpa 4 PTR 172-0-0-1.svc1.testns.svc.cluster.local']],
    ['foo.default.svc.cluster.local', 'CNAME', ['foo.default.svc.cluster.local 4 CNAME www.example.com']],
    [
      'external-to-service.testns.svc.cluster.local',
      'A',
      [
        'external-to-service.testns.svc.cluster.local 4 CNAME svc1.testns.svc.cluster.local',
        'svc1.testns.svc.cluster.local 4 A 10.0.0.1',
      ],
    ],
    ['10-240-0-1.testns.pod.cluster.local', 'A', ['10-240-0-1.testns.pod.cluster.local 4 A 10.240.0.1']],
    ['svc1.testns.svc.cluster.local', 'AAAA', ['NODATA']],
    ['svc1.testns.svc.cluster.local', 'TXT', ['NODATA']],
    ['svc.cluster.local', 'A', ['NODATA']],
    ['svc.cluster.local', 'NS', ['NODATA']],
    ['pod.cluster.local', 'A', ['NODATA']],
    ['testns.svc.cluster.local', 'A', ['NODATA']],
    ['empty.svc.cluster.local', 'A', ['NODATA']],
    ['empty.pod.cluster.local', 'A', ['NODATA']],
    ['10-240-0-1.testns.pod.cluster.local', 'AAAA', ['NODATA']],
    ['svc0.testns.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['svc0.svc-nons.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['nons.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['foo.cluster.local', 'NS', ['NXDOMAIN']],
    ['foo.svc.cluster.local', 'NS', ['NXDOMAIN']],
    ['bogusendpoint.hdls1.testns.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['172-0-0-7.hdlsempty.testns.svc.cluster.local', 'A', ['NXDOMAIN']],
    ['_http._tcp.hdlsempty.testns.svc.cluster.local', 'SRV', ['NXDOMAIN']],
    ['_bogus._tcp.svc1.testns.svc.cluster.local', 'SRV', ['NXDOMAIN']],
    ['_http._udp.svc1.testns.svc.cluster.local', 'SRV', ['NXDOMAIN']],
    ['endpoint.foo.default.svc.cluster.local', 'CNAME', ['NXDOMAIN']],
    ['10-240-0-2.testns.pod.cluster.local', 'A', ['NXDOMAIN']],
    ['10-240-0-1.empty.pod.cluster.local', 'A', ['NXDOMAIN']],
    ['9.9.3.10.in-addr.arpa', 'PTR', ['NXDOMAIN']],
    // Deviations, with their reasons in docs/kubernetes.md: CoreDNS says NXDOMAIN and an SRV record for the unnamed port's names.
    ['_tcp.svc1.testns.svc.cluster.local', 'A', ['NODATA']],
  ])('%s %s', async (name, type, expected) => {
    expect(await answerTo(name, type)).toEqual(expected)
  })
})

describe('names that look like those of others', () => {
  it('answers for service google in namespace com below our zone only', async () => {
    expect(await answerTo('google.com.svc.cluster.local', 'A')).toEqual(['google.com.svc.cluster.local 4 A 10.0.0.8'])
    for (const name of ['google.com', 'google.com.svc', 'google.com.cluster.local']) {
      const packet = await client.ask(name, 'A')
      expect(packet.answers, name).toEqual([])
      expect(['REFUSED', 'NXDOMAIN'], name).toContain(packet.rcode)
    }
  })
})

describe('changes in the cluster', () => {
  it('are answered by the server as they come, and gone names are gone', async () => {
    const name = 'late.testns.svc.cluster.local'
    expect(await answerTo(name, 'A')).toEqual(['NXDOMAIN'])
    cluster.put('services', service('testns/late', ['10.0.0.77']))
    await eventually(async () => expect(await answerTo(name, 'A')).toEqual([`${name} 4 A 10.0.0.77`]))
    cluster.delete('services', service('testns/late', []))
    await eventually(async () => expect(await answerTo(name, 'A')).toEqual(['NXDOMAIN']))
  })
})
