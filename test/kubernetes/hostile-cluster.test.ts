import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { Followed } from './followed-cluster.js'
import { externalName, type KubeObject, namespace, pod, service, slice } from './objects.js'

const HTTP = { name: 'http', protocol: 'TCP', port: 80 }
const WEB = 'web.default.svc.cluster.local'
const DB = 'db.default.svc.cluster.local'
const web = (address: string) => service('default/web', [address], [HTTP])
const db = service('default/db', ['None'], [HTTP])

/** Names below `default.svc`, without those that every cluster has. */
function namesIn({ sink }: Followed): string[] {
  return sink.names().filter((name) => name.endsWith('.default.svc.cluster.local') && !name.startsWith('_exists.'))
}

function named(name: unknown, more: object = {}): KubeObject {
  return {
    metadata: { name, namespace: 'default', ...more } as KubeObject['metadata'],
    spec: { clusterIP: '10.3.9.9' },
  }
}

describe('objects that no API server would take', () => {
  it.each([
    'a.b',
    '*',
    '_exists',
    '_tcp',
    '..',
    'a/b',
    'a\0b',
    'ä',
    '-a',
    'x'.repeat(64),
    'x'.repeat(5000),
    '__proto__.x',
  ])('are no Service by the name %j', async (name) => {
    await using followed = await Followed.start()
    const { cluster, sink, store } = followed
    cluster.put('namespaces', namespace('default'))
    cluster.put('services', named(name), web('10.3.0.1'))
    await followed.open()
    expect(namesIn(followed)).toEqual([`_http._tcp.${WEB}`, WEB])
    expect(sink.lines('_exists.default.svc.cluster.local')).toEqual(['5 TXT kubernetes'])
    expect(store.status().badRecords).toBe(1)
    cluster.delete('services', named(name))
    await eventually(() => store.status().badRecords === 0)
    expect(sink.lines('_exists.default.svc.cluster.local')).toEqual(['5 TXT kubernetes'])
  })

  it('take nothing from the others, whatever their labels, annotations and ports are', async () => {
    await using followed = await Followed.start({ endpointPodNames: true })
    const { cluster, sink } = followed
    const odd = JSON.parse('{"__proto__": {"clusterIP": "10.9.9.9"}, "constructor": 1}') as object
    cluster.put('services', web('10.3.0.1'), db)
    for (const [i, labels] of [null, [], 'text', 7, { 'kubernetes.io/service-name': ['db'] }, odd].entries()) {
      const annotations = i % 2 === 0 ? 'x'.repeat(1_000_000) : labels
      cluster.put('services', named(`odd${i}`, { labels, annotations }))
      const endpoints = slice('default/db', [{ address: `10.9.0.${i}` }], [], `odd${i}`)
      cluster.put('endpointslices', { ...endpoints, metadata: { ...endpoints.metadata, labels, annotations } as never })
    }
    const ports = [
      null,
      7,
      {},
      { port: 0 },
      { port: 70_000 },
      { port: '80' },
      { port: 80, name: 'a.b' },
      { port: 81, name: 7 },
    ]
    cluster.put('endpointslices', { ...slice('default/db', [{ address: '10.1.0.1' }]), ports: [...ports, HTTP] })
    await followed.open()
    expect(sink.lines(WEB)[0]).toBe('5 A 10.3.0.1')
    expect(sink.lines(DB)).toEqual(['5 A 10.1.0.1', `5 SRV 10 100 80 10-1-0-1.${DB}`])
    expect(sink.lines('odd5.default.svc.cluster.local')).toEqual(['5 A 10.3.9.9'])
  })
})

describe('slices', () => {
  it('with a thousand endpoints each, many of them in several, are each endpoint once', async () => {
    await using followed = await Followed.start()
    const { cluster, sink } = followed
    const endpoints = Array.from({ length: 1000 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}` }))
    cluster.put('services', service('default/db', ['None']))
    for (const suffix of ['a', 'b', 'c']) cluster.put('endpointslices', slice('default/db', endpoints, [], suffix))
    await followed.open()
    expect(sink.lines(DB)).toHaveLength(1000)
    cluster.delete('endpointslices', slice('default/db', [], [], 'b'))
    cluster.put('endpointslices', slice('default/db', endpoints.slice(0, 10), [], 'a'))
    cluster.put('endpointslices', slice('default/db', endpoints.slice(5, 20), [], 'c'))
    await eventually(() => expect(namesIn(followed)).toHaveLength(21))
    expect(sink.lines(DB)).toHaveLength(20)
    cluster.deleteAll('endpointslices')
    await eventually(() => expect(sink.names().filter((name) => name.endsWith('arpa'))).toEqual([]))
    expect(namesIn(followed)).toEqual([])
  })

  it('have endpoints at what is an address only, and belong to nobody without their label', async () => {
    await using followed = await Followed.start()
    const { cluster, sink } = followed
    const addresses = ['10.1.0.1/24', 'fe80::1%eth0', '1.2.3', '', null, 42, '010.1.1.1', 'db', {}, '10.1.0.7']
    const odd = { ...slice('default/db', []), endpoints: [null, 7, {}, { addresses: 'x' }, { addresses }] }
    const unlabelled = slice('default/db', [{ address: '10.1.0.8' }], [], 'x2')
    cluster.put('services', service('default/db', ['None']))
    cluster.put('endpointslices', odd, { ...unlabelled, metadata: { ...unlabelled.metadata, labels: {} } })
    await followed.open()
    expect(sink.lines(DB)).toEqual(['5 A 10.1.0.7'])
    cluster.put('endpointslices', unlabelled)
    await followed.sees(DB, '5 A 10.1.0.7', '5 A 10.1.0.8')
    cluster.put('endpointslices', { ...unlabelled, metadata: { ...unlabelled.metadata, labels: {} } })
    await followed.sees(DB, '5 A 10.1.0.7')
  })
})

describe('a cluster that changes its mind', () => {
  it('has a Service that is an alias, headless, and one with an address again', async () => {
    await using followed = await Followed.start()
    const { cluster, sink } = followed
    cluster.put('services', web('10.3.0.1'))
    cluster.put('endpointslices', slice('default/web', [{ address: '10.1.0.1' }], [HTTP]))
    await followed.open()
    const first = sink.dump()
    cluster.put('services', externalName('default/web', 'www.example.com'))
    await followed.sees(WEB, '5 CNAME www.example.com')
    expect(namesIn(followed)).toEqual([WEB])
    expect(sink.lines('1.0.3.10.in-addr.arpa')).toEqual([])
    cluster.put('services', service('default/web', ['None'], [HTTP]))
    await followed.sees(WEB, '5 A 10.1.0.1', `5 SRV 10 100 80 10-1-0-1.${WEB}`)
    expect(sink.lines('1.0.1.10.in-addr.arpa')).toEqual([`5 PTR 10-1-0-1.${WEB}`])
    cluster.put('services', web('10.3.0.1'))
    await eventually(() => expect(sink.dump()).toEqual(first))
  })

  it.each(['namespaces', 'services'])('loses a namespace with all that is in it, the %s first', async (first) => {
    await using followed = await Followed.start({ pods: 'verified' })
    const { cluster, sink } = followed
    await followed.open()
    const before = sink.dump()
    const fill = () => {
      cluster.put('namespaces', namespace('default'))
      cluster.put('services', web('10.3.0.1'), db)
      cluster.put('endpointslices', slice('default/db', [{ address: '10.1.0.1' }], [HTTP]))
      cluster.put('pods', pod('default/p', ['10.1.0.1']))
    }
    fill()
    await eventually(() => expect(sink.lines(DB)).toHaveLength(2))
    await eventually(() => expect(sink.lines('10-1-0-1.default.pod.cluster.local')).toHaveLength(1))
    const kinds = ['services', 'endpointslices', 'pods', 'namespaces']
    for (const kind of first === 'services' ? kinds : kinds.reverse()) cluster.deleteAll(kind)
    await eventually(() => expect(sink.dump()).toEqual(before))
    fill()
    await eventually(() => expect(sink.lines(DB)).toHaveLength(2))
  })

  it('has a pod that is ending, whose address another has at once', async () => {
    await using followed = await Followed.start({ pods: 'verified', originPodNames: true })
    const { cluster } = followed
    cluster.put('pods', pod('default/old', ['10.1.0.1']))
    await followed.open()
    cluster.put('pods', pod('default/old', ['10.1.0.1'], 'Running', { deletionTimestamp: '2026-01-01T00:00:00Z' }))
    await followed.sees('old.default.svc.cluster.local')
    await followed.sees('10-1-0-1.default.pod.cluster.local')
    cluster.put('pods', pod('default/new', ['10.1.0.1']))
    await followed.sees('10-1-0-1.default.pod.cluster.local', '5 A 10.1.0.1')
    cluster.deleteAll('pods')
    await followed.sees('10-1-0-1.default.pod.cluster.local')
  })
})

describe('an API server that is out of its mind', () => {
  it.each([
    'not JSON',
    '<html><body>Bad Gateway</body></html>',
    'null',
    '[]',
    '"text"',
    '{"type":"ADDED"}',
    '{"type":"ADDED","object":null}',
    '{"type":"WHAT","object":{"metadata":{"resourceVersion":"1"}}}',
    '{"type":"DELETED","object":{"metadata":{"resourceVersion":"1"}}}',
    '{"type":"BOOKMARK","object":{"metadata":{}}}',
    '{"type":"ERROR","object":{"code":500,"message":"etcdserver: no leader"}}',
    '{"type":"ERROR"}',
    '\u0000\u0001\ufffd',
    '{"type":"ADDED","object":{"metadata":{"name":"web"',
  ])('is listed anew when its watch says %s', async (line) => {
    await using followed = await Followed.start()
    const { cluster, store } = followed
    cluster.put('services', web('10.3.0.1'))
    await followed.open()
    cluster.sendRaw(`${line}\n`)
    cluster.put('services', service('default/web', ['10.3.0.2']))
    await followed.sees(WEB, '5 A 10.3.0.2')
    await eventually(() => expect(store.status()).toMatchObject({ connected: true, loads: 2, badRecords: 0 }))
  })

  it('may let the second half of a hundred pages expire', async () => {
    await using followed = await Followed.start({}, { pageSize: 10 })
    const { cluster, sink } = followed
    for (let i = 0; i < 1000; i++) cluster.put('services', service(`default/s${i}`, [`10.3.${i >> 8}.${i & 255}`]))
    let pages = 0
    cluster.delay = (path, query) => {
      if (!path.endsWith('services') || query.has('watch') || ++pages !== 50) return undefined
      cluster.delete('services', service('default/s7', []))
      cluster.put('services', service('default/s8', ['10.3.9.9']))
      cluster.compact()
      return undefined
    }
    await followed.open()
    expect(namesIn(followed)).toHaveLength(999)
    expect(sink.lines('s7.default.svc.cluster.local')).toEqual([])
    expect(sink.lines('s8.default.svc.cluster.local')).toEqual(['5 A 10.3.9.9'])
    // The second time everything comes at once.
    expect(pages).toBe(51)
  })
})
