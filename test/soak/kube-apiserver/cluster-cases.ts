import { answerLines } from '../../kubernetes/answer-lines.js'
import { externalName, namespace, type PortSpec, pod, service, slice } from '../../kubernetes/objects.js'
import { eventually } from '../../support/eventually.js'
import type { KubeApiserver } from '../../support/kube-apiserver.js'
import { UdpClient } from '../../support/udp-client.js'

/** A name, a type, and the answer's records without the owner and the TTL, or the code of a negative answer. */
export type Case = readonly [name: string, type: string, ...expected: string[]]

const HTTP = { name: 'http', protocol: 'TCP', port: 80 }
const HTTPS = { name: 'https', protocol: 'TCP', port: 443 }
const DNS_UDP = { name: 'dns', protocol: 'UDP', port: 53 }
const UNNAMED = { protocol: 'TCP', port: 8080 }
const DUAL = { ipFamilyPolicy: 'RequireDualStack' }
const TOLERATES = 'service.alpha.kubernetes.io/tolerate-unready-endpoints'

const headless = (path: string, ports: readonly PortSpec[] = [HTTP], spec: object = {}) =>
  service(path, ['None'], ports, spec)

/** One of each thing that the specification and CoreDNS have an answer for. */
export async function fillCluster(cluster: KubeApiserver): Promise<void> {
  await cluster.put('namespaces', ...['shop', 'com', 'empty'].map(namespace))
  const tolerant = headless('shop/tolerant')
  await cluster.put(
    'services',
    service('shop/kept', ['10.96.255.1'], [HTTP]),
    service('shop/web', ['10.96.0.77', 'fd00:10:96::77'], [HTTP, DNS_UDP], DUAL),
    service('shop/six', ['fd00:10:96::66'], [HTTPS], { ipFamilies: ['IPv6'] }),
    service('shop/plain', ['10.96.0.78'], [UNNAMED]),
    service('shop/outside', ['10.96.0.79'], [HTTP], { externalIPs: ['192.0.2.79'] }),
    service('com/google', ['10.96.0.80'], [HTTP]),
    headless(
      'shop/db',
      [HTTPS, UNNAMED].map((port, i) => (i === 0 ? port : { ...port, name: 'other' })),
    ),
    headless('shop/dual', [HTTP], DUAL),
    headless('shop/unready'),
    headless('shop/published', [HTTP], { publishNotReadyAddresses: true }),
    { ...tolerant, metadata: { ...tolerant.metadata, annotations: { [TOLERATES]: 'true' } } },
    externalName('shop/alias', 'www.example.com'),
    externalName('shop/inside', 'web.shop.svc.cluster.local'),
  )
  await cluster.put(
    'endpointslices',
    slice('shop/web', [{ address: '10.1.0.1' }], [HTTP]),
    slice(
      'shop/db',
      [
        { address: '10.1.1.1', hostname: 'db-0' },
        { address: '10.1.1.2', hostname: 'twins' },
        { address: '10.1.1.3', hostname: 'twins' },
        { address: '10.1.1.4' },
        { address: '10.1.1.5', ready: false },
      ],
      [HTTPS, UNNAMED],
    ),
    slice('shop/dual', [{ address: '10.1.2.1' }], [HTTP], 'v4'),
    slice('shop/dual', [{ address: '2001:db8:1::2:1' }], [HTTP], 'v6'),
    slice('shop/unready', [{ address: '10.1.3.1', ready: false }], [HTTP]),
    slice('shop/published', [{ address: '10.1.4.1', ready: false }], [HTTP]),
    slice('shop/tolerant', [{ address: '10.1.5.1', ready: false }], [HTTP]),
  )
  await cluster.putPod(pod('shop/runs', ['10.1.9.1', '2001:db8:1::9:1']))
  await cluster.putPod(pod('shop/ended', ['10.1.9.2'], 'Succeeded'))
}

const SHOP = 'shop.svc.cluster.local'
const db = (label: string) => `${label}.db.${SHOP}`

/** For a cluster that `fillCluster` has made, with `pods: 'verified'`. */
export const CASES: readonly Case[] = [
  ['dns-version.cluster.local', 'TXT', '"1.1.0"'],
  // The API server makes its own Service.
  ['kubernetes.default.svc.cluster.local', 'A', '10.96.0.1'],
  ['_https._tcp.kubernetes.default.svc.cluster.local', 'SRV', '10 100 443 kubernetes.default.svc.cluster.local'],
  ['1.0.96.10.in-addr.arpa', 'PTR', 'kubernetes.default.svc.cluster.local'],
  [`web.${SHOP}`, 'A', '10.96.0.77'],
  [`web.${SHOP}`, 'AAAA', 'fd00:10:96::77'],
  [`WEB.Shop.SVC.cluster.LOCAL`, 'A', '10.96.0.77'],
  [`_http._tcp.web.${SHOP}`, 'SRV', `10 100 80 web.${SHOP}`],
  [`_dns._udp.web.${SHOP}`, 'SRV', `10 100 53 web.${SHOP}`],
  [`_dns._tcp.web.${SHOP}`, 'SRV', 'NXDOMAIN'],
  ['77.0.96.10.in-addr.arpa', 'PTR', `web.${SHOP}`],
  ['7.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa', 'PTR', `web.${SHOP}`],
  [`10-1-0-1.web.${SHOP}`, 'A', '10.1.0.1'],
  ['1.0.1.10.in-addr.arpa', 'PTR', `10-1-0-1.web.${SHOP}`],
  [`six.${SHOP}`, 'AAAA', 'fd00:10:96::66'],
  [`six.${SHOP}`, 'A', 'NODATA'],
  [`plain.${SHOP}`, 'A', '10.96.0.78'],
  [`plain.${SHOP}`, 'SRV', `10 100 8080 plain.${SHOP}`],
  [`_http._tcp.plain.${SHOP}`, 'SRV', 'NXDOMAIN'],
  [`outside.${SHOP}`, 'A', '10.96.0.79'],
  ['google.com.svc.cluster.local', 'A', '10.96.0.80'],
  [`db.${SHOP}`, 'A', '10.1.1.1', '10.1.1.2', '10.1.1.3', '10.1.1.4'],
  [db('db-0'), 'A', '10.1.1.1'],
  [db('twins'), 'A', '10.1.1.2', '10.1.1.3'],
  [db('10-1-1-4'), 'A', '10.1.1.4'],
  [db('10-1-1-5'), 'A', 'NXDOMAIN'],
  [`_https._tcp.db.${SHOP}`, 'SRV', ...['10-1-1-4', 'db-0', 'twins'].map((label) => `10 33 443 ${db(label)}`)],
  ['1.1.1.10.in-addr.arpa', 'PTR', db('db-0')],
  ['5.1.1.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
  [`dual.${SHOP}`, 'A', '10.1.2.1'],
  [`dual.${SHOP}`, 'AAAA', '2001:db8:1::2:1'],
  [`2001-db8-1--2-1.dual.${SHOP}`, 'AAAA', '2001:db8:1::2:1'],
  [`unready.${SHOP}`, 'A', 'NXDOMAIN'],
  [`published.${SHOP}`, 'A', '10.1.4.1'],
  [`tolerant.${SHOP}`, 'A', '10.1.5.1'],
  [`alias.${SHOP}`, 'CNAME', 'www.example.com'],
  [`inside.${SHOP}`, 'A', `web.${SHOP}`, '10.96.0.77'],
  ['10-1-9-1.shop.pod.cluster.local', 'A', '10.1.9.1'],
  ['2001-db8-1--9-1.shop.pod.cluster.local', 'AAAA', '2001:db8:1::9:1'],
  ['10-1-9-2.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['empty.svc.cluster.local', 'A', 'NODATA'],
  ['svc.cluster.local', 'A', 'NODATA'],
  ['pod.cluster.local', 'A', 'NODATA'],
  ['nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
  [`nothing.${SHOP}`, 'A', 'NXDOMAIN'],
]

/** Changes that a cluster's life brings, one after the other, and what is answered after each. */
export const CHANGES: readonly {
  readonly what: string
  make(cluster: KubeApiserver): Promise<void>
  readonly cases: readonly Case[]
}[] = [
  {
    what: 'a Service becomes an alias',
    make: (cluster) =>
      patch(cluster, 'services/web', { spec: { type: 'ExternalName', externalName: 'www.example.org' } }),
    cases: [
      [`web.${SHOP}`, 'CNAME', 'www.example.org'],
      [`_http._tcp.web.${SHOP}`, 'SRV', 'NXDOMAIN'],
      ['77.0.96.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
      [`10-1-0-1.web.${SHOP}`, 'A', 'NXDOMAIN'],
    ],
  },
  {
    what: 'and then headless',
    make: (cluster) =>
      patch(cluster, 'services/web', {
        spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], externalName: null },
      }),
    cases: [
      [`web.${SHOP}`, 'A', '10.1.0.1'],
      [`_http._tcp.web.${SHOP}`, 'SRV', `10 100 80 10-1-0-1.web.${SHOP}`],
    ],
  },
  {
    what: 'an endpoint becomes ready, another is not any more',
    make: (cluster) =>
      cluster.put(
        'endpointslices',
        slice('shop/unready', [{ address: '10.1.3.1', ready: true }], [HTTP]),
        slice('shop/dual', [{ address: '10.1.2.1', ready: false }], [HTTP], 'v4'),
      ),
    cases: [
      [`unready.${SHOP}`, 'A', '10.1.3.1'],
      [`dual.${SHOP}`, 'A', 'NODATA'],
      [`10-1-2-1.dual.${SHOP}`, 'A', 'NXDOMAIN'],
    ],
  },
  {
    what: 'a slice loses the label of its Service',
    make: (cluster) => patch(cluster, 'endpointslices/published-x1', { metadata: { labels: null } }, DISCOVERY),
    cases: [
      [`published.${SHOP}`, 'A', 'NXDOMAIN'],
      ['1.4.1.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    ],
  },
  {
    what: 'a Service of another name takes over an address',
    make: async (cluster) => {
      await cluster.delete('services', service('shop/plain', []))
      await cluster.put('services', service('shop/renamed', ['10.96.0.78'], [HTTP]))
    },
    cases: [
      [`plain.${SHOP}`, 'A', 'NXDOMAIN'],
      [`renamed.${SHOP}`, 'A', '10.96.0.78'],
      ['78.0.96.10.in-addr.arpa', 'PTR', `renamed.${SHOP}`],
    ],
  },
  {
    what: 'a pod ends',
    make: (cluster) => cluster.delete('pods', pod('shop/runs', [])),
    cases: [['10-1-9-1.shop.pod.cluster.local', 'A', 'NXDOMAIN']],
  },
  {
    what: 'a namespace goes, and later what was in it',
    make: async (cluster) => {
      await cluster.delete('services', service('com/google', []))
      await cluster.endNamespace('com')
    },
    cases: [
      ['com.svc.cluster.local', 'A', 'NXDOMAIN'],
      ['google.com.svc.cluster.local', 'A', 'NXDOMAIN'],
    ],
  },
]

const DISCOVERY = '/apis/discovery.k8s.io/v1'

async function patch(cluster: KubeApiserver, object: string, change: object, group = '/api/v1'): Promise<void> {
  await cluster.must('PATCH', `${group}/namespaces/shop/${object}`, change, 'application/merge-patch+json')
}

/** Resolves once all are answered so over UDP. Rejects with the first that is not. */
export async function answersAll(address: { host: string; port: number }, cases: readonly Case[]): Promise<void> {
  await using client = await UdpClient.open(address)
  for (const [name, type, ...expected] of cases) {
    await eventually(async () => {
      const lines = answerLines(await client.ask(name, type))
      const found = lines.map((line) => line.split(' ').slice(3).join(' ') || line).sort()
      if (found.join('; ') !== [...expected].sort().join('; ')) {
        throw new Error(`${name} ${type} was answered with ${found.join('; ')} in place of ${expected.join('; ')}`)
      }
    }, 20_000)
  }
}
