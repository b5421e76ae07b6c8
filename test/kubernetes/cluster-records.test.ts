import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ClusterKind,
  ClusterRecords,
  type ClusterRecordsOptions,
  keyOf,
} from '../../lib/kubernetes/cluster-records.js'
import { externalName, type KubeObject, namespace, pod, service, slice } from './objects.js'

const OPTIONS: ClusterRecordsOptions = {
  zone: 'cluster.local',
  ttl: 5,
  pods: 'verified',
  serviceAddresses: 'clusterIPs',
  endpointPodNames: false,
  originPodNames: false,
  autopath: false,
  monitor: false,
  zoneViews: new Set(),
  zoneClients: 'none',
}

/** What follows the changes of a cluster, and holds what they came to. */
class Names {
  readonly records: ClusterRecords
  readonly owners = new Map<string, string[]>()
  /** Names that the last changes told of. */
  touched: string[] = []

  constructor(options: Partial<ClusterRecordsOptions> = {}) {
    this.records = new ClusterRecords({ ...OPTIONS, ...options })
  }

  put(kind: ClusterKind, ...objects: KubeObject[]): this {
    for (const object of objects) this.records.put(kind, object)
    return this.take()
  }

  delete(kind: ClusterKind, object: KubeObject): this {
    this.records.delete(kind, keyOf(object))
    return this.take()
  }

  take(): this {
    this.touched = []
    for (const { name, rrsets } of this.records.take()) {
      this.touched.push(name)
      if (rrsets.length === 0) this.owners.delete(name)
      else {
        expect(rrsets.map((rrset) => rrset.name)).toEqual(rrsets.map(() => name))
        this.owners.set(
          name,
          rrsets.flatMap(({ type, ttl, data, view }) =>
            data.map((item) => `${view === undefined ? '' : `${view} `}${ttl} ${type} ${textOf(item)}`),
          ),
        )
      }
    }
    return this
  }

  at(name: string): string[] | undefined {
    return this.owners.get(name)
  }

  /** Without what every cluster has. */
  dump(): Record<string, string[]> {
    return Object.fromEntries([...this.owners].filter(([name]) => !/^(_exists|dns-version)\./.test(name)).sort())
  }
}

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : Object.values(data as object).join(' ')
}

const HTTPS = { name: 'https', protocol: 'TCP', port: 443 }
const UNNAMED = { protocol: 'TCP', port: 8080 }

describe('the names of a Service with addresses', () => {
  it('are its addresses of both families, its ports, and the way back', () => {
    const names = new Names().put(
      'services',
      service('default/kubernetes', ['10.3.0.1', '2001:DB8::1'], [HTTPS, UNNAMED]),
    )
    expect(names.dump()).toEqual({
      'kubernetes.default.svc.cluster.local': [
        '5 A 10.3.0.1',
        '5 AAAA 2001:db8::1',
        '5 SRV 10 100 443 kubernetes.default.svc.cluster.local',
        '5 SRV 10 100 8080 kubernetes.default.svc.cluster.local',
      ],
      '_https._tcp.kubernetes.default.svc.cluster.local': ['5 SRV 10 100 443 kubernetes.default.svc.cluster.local'],
      '1.0.3.10.in-addr.arpa': ['5 PTR kubernetes.default.svc.cluster.local'],
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': [
        '5 PTR kubernetes.default.svc.cluster.local',
      ],
    })
  })

  it('stay when it has no endpoint, and go with it', () => {
    const web = service('default/web', ['10.3.0.2'], [HTTPS])
    const names = new Names()
      .put('endpointslices', slice('default/web', [{ address: '10.1.0.1', ready: false }]))
      .put('services', web)
    expect(names.at('web.default.svc.cluster.local')).toContain('5 A 10.3.0.2')
    names.delete('services', web)
    expect(names.dump()).toEqual({})
  })

  it('have its endpoints below them, as CoreDNS answers, and the way back from them, but no port of theirs', () => {
    const names = new Names()
      .put('services', service('default/web', ['10.3.0.2'], [HTTPS]))
      .put(
        'endpointslices',
        slice('default/web', [{ address: '10.1.0.1' }, { address: '10.1.0.2', hostname: 'One' }], [HTTPS]),
      )
    expect(names.at('10-1-0-1.web.default.svc.cluster.local')).toEqual(['5 A 10.1.0.1'])
    expect(names.at('one.web.default.svc.cluster.local')).toEqual(['5 A 10.1.0.2'])
    expect(names.at('1.0.1.10.in-addr.arpa')).toEqual(['5 PTR 10-1-0-1.web.default.svc.cluster.local'])
    expect(names.at('_https._tcp.web.default.svc.cluster.local')).toEqual([
      '5 SRV 10 100 443 web.default.svc.cluster.local',
    ])
  })

  it('are none before it has an address', () => {
    expect(new Names().put('services', service('default/new', [''], [HTTPS])).dump()).toEqual({})
  })

  it('move with its address and its ports', () => {
    const names = new Names().put('services', service('a/web', ['10.3.0.2'], [HTTPS]))
    names.put('services', service('a/web', ['10.3.0.3'], [{ name: 'dns', protocol: 'UDP', port: 53 }]))
    expect(names.dump()).toEqual({
      'web.a.svc.cluster.local': ['5 A 10.3.0.3', '5 SRV 10 100 53 web.a.svc.cluster.local'],
      '_dns._udp.web.a.svc.cluster.local': ['5 SRV 10 100 53 web.a.svc.cluster.local'],
      '3.0.3.10.in-addr.arpa': ['5 PTR web.a.svc.cluster.local'],
    })
  })

  it('have its external addresses where those are wanted, as svc-ip-source of the origin', () => {
    const names = new Names({ serviceAddresses: 'externalIPs' })
    names.put(
      'services',
      service('a/web', ['10.3.0.2'], [], { externalIPs: ['198.51.100.1', 'no address'] }),
      service('a/inner', ['10.3.0.3']),
    )
    expect(names.dump()).toEqual({
      'web.a.svc.cluster.local': ['5 A 198.51.100.1'],
      '1.100.51.198.in-addr.arpa': ['5 PTR web.a.svc.cluster.local'],
    })
  })
})

describe('the names of a headless Service', () => {
  const headless = service('default/headless', ['None'], [HTTPS])
  const pets = [
    { address: '10.3.0.100', hostname: 'my-pet' },
    { address: '10.3.0.101', hostname: 'my-pet-2' },
    { address: '10.3.0.102' },
  ]

  it('are its ready endpoints, each with a name of its own, its ports, and the way back', () => {
    const names = new Names()
      .put('services', headless)
      .put('endpointslices', slice('default/headless', pets, [HTTPS, UNNAMED]))
    const srv = (port: number) =>
      ['10-3-0-102', 'my-pet-2', 'my-pet'].map(
        (label) => `5 SRV 10 100 ${port} ${label}.headless.default.svc.cluster.local`,
      )
    expect(names.dump()).toEqual({
      'headless.default.svc.cluster.local': [
        ...['5 A 10.3.0.100', '5 A 10.3.0.101', '5 A 10.3.0.102'],
        ...srv(443).flatMap((line, i) => [line, srv(8080)[i]!]),
      ],
      'my-pet.headless.default.svc.cluster.local': ['5 A 10.3.0.100'],
      'my-pet-2.headless.default.svc.cluster.local': ['5 A 10.3.0.101'],
      '10-3-0-102.headless.default.svc.cluster.local': ['5 A 10.3.0.102'],
      '_https._tcp.headless.default.svc.cluster.local': srv(443),
      '100.0.3.10.in-addr.arpa': ['5 PTR my-pet.headless.default.svc.cluster.local'],
      '101.0.3.10.in-addr.arpa': ['5 PTR my-pet-2.headless.default.svc.cluster.local'],
      '102.0.3.10.in-addr.arpa': ['5 PTR 10-3-0-102.headless.default.svc.cluster.local'],
    })
  })

  it('are of both families, from a slice of each', () => {
    const names = new Names()
      .put('services', headless)
      .put(
        'endpointslices',
        slice('default/headless', [{ address: '10.3.0.100', hostname: 'my-pet' }], [HTTPS], 'v4'),
        slice(
          'default/headless',
          [{ address: '2001:db8::1', hostname: 'my-pet' }, { address: '5678:abcd::2' }],
          [HTTPS],
          'v6',
        ),
      )
    expect(names.at('headless.default.svc.cluster.local')!.slice(0, 3)).toEqual([
      '5 A 10.3.0.100',
      '5 AAAA 2001:db8::1',
      '5 AAAA 5678:abcd::2',
    ])
    expect(names.at('my-pet.headless.default.svc.cluster.local')).toEqual(['5 A 10.3.0.100', '5 AAAA 2001:db8::1'])
    expect(names.at('5678-abcd--2.headless.default.svc.cluster.local')).toEqual(['5 AAAA 5678:abcd::2'])
  })

  it('hold all addresses of one hostname', () => {
    const twins = [
      { address: '172.0.0.4', hostname: 'dup-name' },
      { address: '172.0.0.5', hostname: 'dup-name' },
    ]
    const names = new Names().put('services', headless).put('endpointslices', slice('default/headless', twins))
    expect(names.at('dup-name.headless.default.svc.cluster.local')).toEqual(['5 A 172.0.0.4', '5 A 172.0.0.5'])
  })

  it('are none when no endpoint is ready, and the ready ones as that changes', () => {
    const names = new Names().put('services', headless)
    names.put(
      'endpointslices',
      slice(
        'default/headless',
        pets.map((each) => ({ ...each, ready: false })),
        [HTTPS],
      ),
    )
    expect(names.dump()).toEqual({})
    names.put(
      'endpointslices',
      slice(
        'default/headless',
        pets.map((each, i) => ({ ...each, ready: i === 1 })),
        [HTTPS],
      ),
    )
    expect(Object.keys(names.dump())).toEqual([
      '101.0.3.10.in-addr.arpa',
      '_https._tcp.headless.default.svc.cluster.local',
      'headless.default.svc.cluster.local',
      'my-pet-2.headless.default.svc.cluster.local',
    ])
  })

  it.each([
    [
      'publishNotReadyAddresses',
      { ...headless, spec: { ...(headless['spec'] as object), publishNotReadyAddresses: true } },
    ],
    [
      'the annotation before it',
      {
        ...headless,
        metadata: {
          ...headless.metadata,
          annotations: { 'service.alpha.kubernetes.io/tolerate-unready-endpoints': 'true' },
        },
      },
    ],
  ])('are all endpoints with %s', (_, object) => {
    const names = new Names().put('services', headless).put(
      'endpointslices',
      slice(
        'default/headless',
        pets.map((each) => ({ ...each, ready: false })),
      ),
    )
    names.put('services', object)
    expect(names.at('headless.default.svc.cluster.local')).toHaveLength(3)
    names.put('services', headless)
    expect(names.dump()).toEqual({})
  })

  it('need no port', () => {
    const names = new Names()
      .put('services', service('a/portless', ['None']))
      .put('endpointslices', slice('a/portless', [{ address: '172.0.0.20' }]))
    expect(names.at('portless.a.svc.cluster.local')).toEqual(['5 A 172.0.0.20'])
    expect(names.at('172-0-0-20.portless.a.svc.cluster.local')).toEqual(['5 A 172.0.0.20'])
  })

  it('are those of the pods, where that is wanted and there is no hostname', () => {
    const names = new Names({ endpointPodNames: true }).put('services', headless)
    names.put(
      'endpointslices',
      slice('default/headless', [
        { address: '10.1.0.1', pod: 'web-7f9' },
        { address: '10.1.0.2', pod: 'db-0', hostname: 'db' },
      ]),
    )
    expect(names.at('web-7f9.headless.default.svc.cluster.local')).toEqual(['5 A 10.1.0.1'])
    expect(names.at('db.headless.default.svc.cluster.local')).toEqual(['5 A 10.1.0.2'])
  })

  it('have no SRV records at their own name once those would crowd out the addresses', () => {
    const endpoints = Array.from({ length: 300 }, (_, i) => ({ address: `10.9.${i >> 8}.${i & 255}` }))
    const names = new Names()
      .put('services', headless)
      .put('endpointslices', slice('default/headless', endpoints, [HTTPS]))
    expect(names.at('headless.default.svc.cluster.local')).toHaveLength(300)
    expect(names.at('_https._tcp.headless.default.svc.cluster.local')).toHaveLength(300)
  })

  it('change with an address even when there are as many as before (fault 31 of the origin)', () => {
    const names = new Names()
      .put('services', headless)
      .put('endpointslices', slice('default/headless', [{ address: '10.1.0.1' }]))
    names.put('endpointslices', slice('default/headless', [{ address: '10.1.0.9' }]))
    expect(names.dump()).toEqual({
      'headless.default.svc.cluster.local': ['5 A 10.1.0.9'],
      '10-1-0-9.headless.default.svc.cluster.local': ['5 A 10.1.0.9'],
      '9.0.1.10.in-addr.arpa': ['5 PTR 10-1-0-9.headless.default.svc.cluster.local'],
    })
  })

  it('go with it, and with its slices (fault 32 of the origin)', () => {
    const endpoints = slice('default/headless', pets, [HTTPS])
    const names = new Names()
      .put('services', headless)
      .put('endpointslices', endpoints)
      .delete('endpointslices', endpoints)
    expect(names.dump()).toEqual({})
    names.put('endpointslices', endpoints).delete('services', headless)
    expect(names.dump()).toEqual({})
    names.delete('endpointslices', endpoints).put('services', headless)
    expect(names.dump()).toEqual({})
  })

  it('survive an endpoint that two slices have while it moves between them', () => {
    const names = new Names().put('services', headless)
    const [one, two] = ['a', 'b'].map((suffix) => slice('default/headless', [pets[0]!], [HTTPS], suffix))
    names.put('endpointslices', one!, two!).delete('endpointslices', one!)
    expect(names.at('my-pet.headless.default.svc.cluster.local')).toEqual(['5 A 10.3.0.100'])
    expect(names.at('100.0.3.10.in-addr.arpa')).toEqual(['5 PTR my-pet.headless.default.svc.cluster.local'])
  })
})

describe('the names of an external Service', () => {
  it('are an alias and nothing below it', () => {
    const names = new Names()
      .put('services', externalName('default/foo', 'www.example.com'))
      .put('endpointslices', slice('default/foo', [{ address: '10.1.0.1' }]))
    expect(names.dump()).toEqual({ 'foo.default.svc.cluster.local': ['5 CNAME www.example.com'] })
  })

  it('are none for an address, which is no name', () => {
    expect(new Names().put('services', externalName('default/foo', '192.0.2.1')).dump()).toEqual({})
  })

  it('give way when the Service gets an address', () => {
    const names = new Names().put('services', externalName('default/foo', 'www.example.com'))
    names.put('services', service('default/foo', ['10.3.0.7']))
    expect(names.at('foo.default.svc.cluster.local')).toEqual(['5 A 10.3.0.7'])
  })
})

describe('the names of pods', () => {
  it('are their addresses, by namespace', () => {
    const names = new Names().put('pods', pod('ns1/a', ['10.1.0.1', '2001:db8::7']), pod('ns2/b', ['10.1.0.1']))
    expect(names.dump()).toEqual({
      '10-1-0-1.ns1.pod.cluster.local': ['5 A 10.1.0.1'],
      '10-1-0-1.ns2.pod.cluster.local': ['5 A 10.1.0.1'],
      '2001-db8--7.ns1.pod.cluster.local': ['5 AAAA 2001:db8::7'],
    })
  })

  it('stay as long as one pod of the namespace has the address', () => {
    const names = new Names().put('pods', pod('ns1/a', ['10.1.0.1']), pod('ns1/b', ['10.1.0.1']))
    names.delete('pods', pod('ns1/a', []))
    expect(names.at('10-1-0-1.ns1.pod.cluster.local')).toBeDefined()
    names.put('pods', pod('ns1/b', ['10.1.0.1'], 'Succeeded'))
    expect(names.dump()).toEqual({})
  })

  it('go when a pod is to end', () => {
    const names = new Names().put('pods', pod('ns1/a', ['10.1.0.1']))
    names.put('pods', pod('ns1/a', ['10.1.0.1'], 'Running', { deletionTimestamp: '2026-11-23T10:00:00Z' }))
    expect(names.dump()).toEqual({})
  })

  it('are none when they are disabled', () => {
    const names = new Names({ pods: 'disabled' })
      .put('namespaces', namespace('ns1'))
      .put('pods', pod('ns1/a', ['10.1.0.1']))
    expect(names.dump()).toEqual({})
    expect(names.at('_exists.ns1.pod.cluster.local')).toBeUndefined()
  })

  it('are one rule for each namespace when any address will do, and no pod is looked at', () => {
    const names = new Names({ pods: 'insecure' })
      .put('namespaces', namespace('ns1'))
      .put('pods', pod('ns1/a', ['10.1.0.1']))
    expect(names.dump()).toEqual({ '*.ns1.pod.cluster.local': ['5 TYPE65401 \\# 0'] })
    names.delete('namespaces', namespace('ns1'))
    expect(names.dump()).toEqual({})
  })

  it('stand beside those of Services where they are to be as ContainerDNS had them, and give way to these', () => {
    const names = new Names({ pods: 'disabled', originPodNames: true }).put(
      'pods',
      pod('ns1/a', ['10.1.0.1', '2001:db8::7']),
      pod('ns1/static.node.example', ['10.1.0.2']),
    )
    const own = { 'a.ns1.svc.cluster.local': ['5 A 10.1.0.1', '5 AAAA 2001:db8::7'] }
    expect(names.dump()).toEqual(own)
    names.put('services', service('ns1/a', ['10.3.0.1']))
    expect(names.at('a.ns1.svc.cluster.local')).toEqual(['5 A 10.3.0.1'])
    names.put('pods', pod('ns1/a', ['10.1.0.9']))
    expect(names.at('a.ns1.svc.cluster.local')).toEqual(['5 A 10.3.0.1'])
    names.put('services', service('ns1/a', ['None']))
    expect(names.at('a.ns1.svc.cluster.local')).toBeUndefined()
    names.delete('services', service('ns1/a', []))
    expect(names.dump()).toEqual({ 'a.ns1.svc.cluster.local': ['5 A 10.1.0.9'] })
    names.delete('pods', pod('ns1/a', []))
    expect(names.dump()).toEqual({})
  })
})

describe('the search list', () => {
  it('is said once for each namespace, in the order in which a pod has it', () => {
    const names = new Names({ autopath: true }).put('namespaces', namespace('ns1'))
    const domains = ['\x03svc\x07cluster\x05local\0', '\x07cluster\x05local\0', '\0'].join('')
    expect(names.dump()).toEqual({
      '*.ns1.svc.cluster.local': [`5 TYPE65402 \\# ${domains.length} ${Buffer.from(domains).toString('hex')}`],
    })
    names.delete('namespaces', namespace('ns1'))
    expect(names.dump()).toEqual({})
  })
})

describe('the names that every cluster has', () => {
  it('tell the version of the schema, and keep empty names there', () => {
    const names = new Names().put('namespaces', namespace('empty'))
    expect(Object.fromEntries(names.owners)).toEqual({
      'dns-version.cluster.local': ['28800 TXT 1.1.0'],
      '_exists.svc.cluster.local': ['5 TXT kubernetes'],
      '_exists.pod.cluster.local': ['5 TXT kubernetes'],
      '_exists.empty.svc.cluster.local': ['5 TXT kubernetes'],
      '_exists.empty.pod.cluster.local': ['5 TXT kubernetes'],
    })
    names.delete('namespaces', namespace('empty'))
    expect([...names.owners.keys()].filter((name) => name.includes('empty'))).toEqual([])
  })
})

describe('the way back from an address', () => {
  it("leads to all Services that have it, and to endpoints only where it is no Service's", () => {
    const names = new Names().put('services', service('a/one', ['None']), service('b/two', ['None']))
    names.put(
      'endpointslices',
      slice('a/one', [{ address: '10.1.0.1' }]),
      slice('b/two', [{ address: '10.1.0.1', hostname: 'h' }]),
    )
    expect(names.at('1.0.1.10.in-addr.arpa')).toEqual([
      '5 PTR 10-1-0-1.one.a.svc.cluster.local',
      '5 PTR h.two.b.svc.cluster.local',
    ])
    names.put('services', service('c/taker', ['10.1.0.1']))
    expect(names.at('1.0.1.10.in-addr.arpa')).toEqual(['5 PTR taker.c.svc.cluster.local'])
    names.delete('services', service('c/taker', []))
    expect(names.at('1.0.1.10.in-addr.arpa')).toHaveLength(2)
  })
})

describe('what is no object of Kubernetes', () => {
  it.each([
    ['services', null],
    ['services', {}],
    ['services', { metadata: { name: 'a.b', namespace: 'c' } }],
    ['services', { metadata: { name: 'a', namespace: 'com.google' } }],
    ['services', { metadata: { name: 'x'.repeat(64), namespace: 'c' } }],
    ['services', { metadata: { name: 'a', namespace: 'c' }, spec: { type: 'ExternalName' } }],
    ['endpointslices', { metadata: { name: 'a', namespace: 'c.d', labels: { 'kubernetes.io/service-name': 'a' } } }],
    ['endpointslices', { metadata: { name: 'a', namespace: 'c', labels: { 'kubernetes.io/service-name': 'a.b' } } }],
    ['pods', { metadata: { name: 'a', namespace: '*' } }],
    ['namespaces', { metadata: { name: '' } }],
  ] as const)('is refused, and changes nothing: %s %j', (kind, object) => {
    const names = new Names().take()
    expect(() => names.records.put(kind, object)).toThrow()
    expect(names.records.hasChanges).toBe(false)
  })

  it('never breaks anything else, whatever is in it', () => {
    const anything = fc.anything({ maxDepth: 4, withNullPrototype: true })
    const shaped = fc.record(
      {
        metadata: fc.record({
          name: fc.constantFrom('a', 'b'),
          namespace: fc.constantFrom('c', 'd'),
          labels: fc.oneof(anything, fc.constant({ 'kubernetes.io/service-name': 'a' })),
        }),
        spec: fc.oneof(
          anything,
          fc.record(
            { clusterIPs: anything, externalIPs: anything, ports: fc.array(anything), type: anything },
            { requiredKeys: [] },
          ),
        ),
        endpoints: fc.oneof(
          anything,
          fc.array(
            fc.record(
              { addresses: fc.array(anything), conditions: anything, hostname: anything },
              { requiredKeys: [] },
            ),
          ),
        ),
        ports: fc.oneof(anything, fc.array(anything)),
        status: anything,
      },
      { requiredKeys: ['metadata'] },
    )
    const kinds = fc.constantFrom<ClusterKind>('namespaces', 'services', 'endpointslices', 'pods')
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, fc.oneof(anything, shaped)), { maxLength: 10 }), (objects) => {
        const names = new Names()
        for (const [kind, object] of objects) {
          try {
            names.records.put(kind, object)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
        names.take()
      }),
      { numRuns: 300 },
    )
  })
})

describe('changes', () => {
  it('touch the names of one endpoint only, and those that all endpoints are behind', () => {
    const endpoints = Array.from({ length: 50 }, (_, i) => ({ address: `10.1.0.${i + 1}`, hostname: `h${i}` }))
    const names = new Names()
      .put('services', service('a/big', ['None']), service('a/other', ['10.3.0.1']))
      .put('endpointslices', slice('a/big', endpoints, [HTTPS]))
    names.put(
      'endpointslices',
      slice(
        'a/big',
        endpoints.map((each, i) => ({ ...each, ready: i !== 7 })),
        [HTTPS],
      ),
    )
    expect(names.touched.sort()).toEqual([
      '8.0.1.10.in-addr.arpa',
      '_https._tcp.big.a.svc.cluster.local',
      'big.a.svc.cluster.local',
      'h7.big.a.svc.cluster.local',
    ])
  })

  it('are none when an object comes again with nothing new that names depend on', () => {
    const objects = [
      service('a/big', ['None'], [HTTPS]),
      slice('a/big', [{ address: '10.1.0.1' }], [HTTPS]),
      pod('a/p', ['10.1.0.1']),
    ] as const
    const kinds = ['services', 'endpointslices', 'pods'] as const
    const names = new Names()
    for (const round of [1, 2]) {
      for (const [i, object] of objects.entries()) {
        names.records.put(kinds[i]!, { ...object, metadata: { ...object.metadata, resourceVersion: String(round) } })
      }
      expect(names.records.hasChanges).toBe(round === 1)
      names.take()
    }
  })

  it('one by one come to what all at once come to', () => {
    const ports = fc.subarray([HTTPS, UNNAMED, { name: 'dns', protocol: 'UDP', port: 53 }])
    const paths = fc.constantFrom('a/x', 'a/y', 'b/x')
    const addresses = fc.constantFrom('10.1.0.1', '10.1.0.2', '10.3.0.1', '2001:db8::1')
    const endpoint = fc.record(
      {
        address: addresses,
        hostname: fc.constantFrom('h', 'i'),
        ready: fc.boolean(),
        zone: fc.constantFrom('a', 'b'),
      },
      { requiredKeys: ['address'] },
    )
    const step = fc.oneof(
      fc.tuple(
        fc.constant<ClusterKind>('services'),
        fc.oneof(
          fc
            .tuple(paths, fc.uniqueArray(addresses, { minLength: 1, maxLength: 2 }), ports)
            .map((given) => service(...given)),
          fc
            .tuple(paths, ports, fc.boolean())
            .map(([path, given, publishNotReadyAddresses]) =>
              service(path, ['None'], given, { publishNotReadyAddresses }),
            ),
          paths.map((path) => externalName(path, 'www.example.com')),
        ),
        fc.boolean(),
      ),
      fc.tuple(
        fc.constant<ClusterKind>('endpointslices'),
        fc
          .tuple(paths, fc.array(endpoint, { maxLength: 4 }), ports, fc.constantFrom('s', 't'))
          .map((given) => slice(...given)),
        fc.boolean(),
      ),
      fc.tuple(
        fc.constant<ClusterKind>('pods'),
        fc
          .tuple(fc.constantFrom('a/p', 'a/x'), fc.uniqueArray(addresses, { maxLength: 2 }))
          .map((given) => pod(...given)),
        fc.boolean(),
      ),
      fc.tuple(fc.constant<ClusterKind>('namespaces'), fc.constantFrom('a', 'b').map(namespace), fc.boolean()),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, isMore) => {
        const options = { originPodNames: isMore, zoneViews: new Set(isMore ? ['a', 'b'] : []) }
        const stepwise = new Names(options)
        const last = new Map<string, [ClusterKind, KubeObject]>()
        for (const [kind, object, isThere] of steps) {
          const key = `${kind} ${keyOf(object)}`
          if (isThere) {
            stepwise.put(kind, object)
            last.set(key, [kind, object])
          } else {
            stepwise.delete(kind, object)
            last.delete(key)
          }
        }
        const atOnce = new Names(options)
        for (const [kind, object] of last.values()) atOnce.records.put(kind, object)
        expect(Object.fromEntries([...stepwise.take().owners].sort())).toEqual(
          Object.fromEntries([...atOnce.take().owners].sort()),
        )
        stepwise.owners.clear()
        stepwise.records.touchAll()
        expect(stepwise.take().owners.size).toBe(atOnce.owners.size)
      }),
    )
  })
})
