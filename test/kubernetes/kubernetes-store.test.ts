import { describe, expect, it } from 'vitest'
import { KubernetesStore } from '../../lib/kubernetes/kubernetes-store.js'
import { parseKubernetesStoreOptions } from '../../lib/kubernetes/options.js'
import { eventually } from '../support/eventually.js'
import { Followed, TUNING } from './followed-cluster.js'
import { externalName, namespace, pod, service, slice } from './objects.js'

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  )
}

const WEB = 'web.default.svc.cluster.local'
const web = (address: string) => service('default/web', [address])

describe('kubernetesStore', () => {
  it('is open once everything has been listed and published, and follows from there', async () => {
    await using followed = await Followed.start()
    const { cluster, sink, store } = followed
    cluster.put('namespaces', namespace('default'))
    cluster.put('services', web('10.3.0.1'), service('default/db', ['None']))
    cluster.put('endpointslices', slice('default/db', [{ address: '10.1.0.1', hostname: 'db-0' }]))
    await followed.open()
    expect(sink.lines(WEB)).toEqual(['5 A 10.3.0.1'])
    expect(sink.lines('db-0.db.default.svc.cluster.local')).toEqual(['5 A 10.1.0.1'])
    expect(sink.settledWrites).toBe(sink.writes.length)
    cluster.put('services', web('10.3.0.2'))
    await followed.sees(WEB, '5 A 10.3.0.2')
    cluster.delete('services', web(''))
    await followed.sees(WEB)
    expect(store.status()).toMatchObject({ connected: true, loads: 1, stale: false, badRecords: 0 })
    expect(store.status().revision).toBeGreaterThanOrEqual(104)
  })

  it('is not ready before the last kind has been listed', async () => {
    await using followed = await Followed.start()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    followed.cluster.delay = (path) => (path.endsWith('endpointslices') ? held : undefined)
    followed.cluster.put('services', web('10.3.0.1'))
    const opening = followed.open()
    await eventually(() => followed.cluster.watchCount === 2)
    expect(followed.sink.writes).toEqual([])
    release()
    await opening
    expect(followed.sink.lines(WEB)).toEqual(['5 A 10.3.0.1'])
  })

  it('reads pages, and goes on when a page is gone before the next is asked for', async () => {
    await using followed = await Followed.start({}, { pageSize: 10 })
    const { cluster, sink } = followed
    for (let i = 0; i < 95; i++) cluster.put('services', service(`default/s${i}`, [`10.3.1.${i}`]))
    let pages = 0
    cluster.delay = (path, query) => {
      if (path.endsWith('services') && query.has('continue') && ++pages === 3) cluster.compact()
      return undefined
    }
    cluster.put('pods', pod('default/p', ['10.1.0.1']))
    await followed.open()
    expect(sink.names().filter((name) => /^s\d+\.default\.svc/.test(name))).toHaveLength(95)
    expect(pages).toBeGreaterThan(2)
  })

  it.each(['status', 'event'] as const)(
    'lists anew when its version is gone, told by %s, and finds what it has missed',
    async (by) => {
      await using followed = await Followed.start()
      const { cluster, sink } = followed
      cluster.tellsGoneBy = by
      cluster.put('services', web('10.3.0.1'), service('default/old', ['10.3.0.9']))
      await followed.open()
      cluster.failWith = (_, query) => (query.has('watch') ? 503 : undefined)
      cluster.cut()
      await eventually(() => sink.reports.includes('down'))
      cluster.put('services', web('10.3.0.2'))
      cluster.delete('services', service('default/old', []))
      cluster.compact()
      cluster.failWith = undefined
      await followed.sees(WEB, '5 A 10.3.0.2')
      await followed.sees('old.default.svc.cluster.local')
      await eventually(() => expect(sink.reports).toEqual(['down', 'up']))
    },
  )

  it('goes on from a bookmark without a list when a watch ends or is cut', async () => {
    await using followed = await Followed.start()
    const { cluster } = followed
    cluster.put('services', web('10.3.0.1'))
    await followed.open()
    cluster.bookmark()
    await eventually(() => followed.store.status().revision === cluster.version)
    cluster.compact()
    for (const lose of ['endWatches', 'cut'] as const) {
      const before = cluster.requests.length
      cluster[lose]()
      await eventually(() => cluster.watchCount === 3)
      // One object of each kind, for the version.
      const lists = cluster.requests.slice(before).filter((each) => !each.includes('watch='))
      expect(lists.filter((each) => !each.endsWith('?limit=1'))).toEqual([])
    }
    cluster.put('services', web('10.3.0.3'))
    await followed.sees(WEB, '5 A 10.3.0.3')
    expect(followed.store.status().loads).toBe(1)
    expect(followed.sink.reports).toEqual([])
  })

  it('answers on while the API server is away, says so, and converges when it is back', async () => {
    await using followed = await Followed.start({ staleAfterMs: 1000 })
    const { cluster, sink, store } = followed
    cluster.put('services', web('10.3.0.1'), service('default/old', ['10.3.0.9']))
    await followed.open()
    await cluster.stop()
    await eventually(() => expect(sink.reports).toEqual(['down']))
    cluster.put('services', web('10.3.0.2'))
    cluster.delete('services', service('default/old', []))
    await eventually(() => store.status().stale)
    expect(store.status()).toMatchObject({ connected: false })
    expect(sink.lines(WEB)).toEqual(['5 A 10.3.0.1'])
    await cluster.restart()
    await followed.sees(WEB, '5 A 10.3.0.2')
    await followed.sees('old.default.svc.cluster.local')
    await eventually(() => expect(store.status()).toMatchObject({ connected: true, stale: false, lagMs: 0 }))
    expect(sink.reports).toEqual(['down', 'up'])
  })

  it('keeps what is there, and then converges, when the cluster comes back from a backup with older versions', async () => {
    await using followed = await Followed.start()
    const { cluster, sink } = followed
    cluster.put('services', web('10.3.0.1'), service('default/old', ['10.3.0.8']))
    const backup = cluster.backup()
    cluster.put('services', web('10.3.0.2'), service('default/new', ['10.3.0.9']))
    cluster.delete('services', service('default/old', []))
    await followed.open()
    expect(sink.lines(WEB)).toEqual(['5 A 10.3.0.2'])
    const writes = sink.writes.length
    cluster.restore(backup)
    await followed.sees(WEB, '5 A 10.3.0.1')
    await followed.sees('old.default.svc.cluster.local', '5 A 10.3.0.8')
    await followed.sees('new.default.svc.cluster.local')
    // Nothing but what differs has been written: no name was gone and came back.
    expect(new Set(sink.writes.slice(writes).map(({ name }) => name)).size).toBe(sink.writes.length - writes)
    cluster.put('services', web('10.3.0.5'))
    await followed.sees(WEB, '5 A 10.3.0.5')
  })

  it('notices that a backup was restored although it was never refused: the server does not tell', async () => {
    await using followed = await Followed.start()
    const { cluster, sink } = followed
    cluster.put('services', web('10.3.0.1'))
    const backup = cluster.backup()
    for (let i = 2; i < 100; i++) cluster.put('services', web(`10.3.0.${i}`))
    await followed.open()
    cluster.restore(backup)
    await followed.sees(WEB, '5 A 10.3.0.1')
    cluster.put('services', web('10.3.0.200'))
    await followed.sees(WEB, '5 A 10.3.0.200')
    expect(sink.reports).toEqual([])
  })

  it('finds out by a list now and then what the watch has lost', async () => {
    await using followed = await Followed.start({ relistIntervalMs: 1000 })
    const { cluster } = followed
    cluster.put('services', web('10.3.0.1'))
    await followed.open()
    const { version, objects } = cluster.backup()
    // Restored to other objects behind our back, with a version that goes on as if nothing had happened.
    const lost = new Map(objects).set('services default/web', web('10.3.0.7'))
    cluster.endWatches()
    cluster.restore({ version: version + 10, objects: lost })
    await followed.sees(WEB, '5 A 10.3.0.7')
  })

  it('reads only what it is told to: namespaces, labels, and pods', async () => {
    await using followed = await Followed.start({
      namespaces: ['one', 'two'],
      labelSelector: 'dns=yes',
      pods: 'verified',
    })
    const { cluster, sink } = followed
    const labelled = (path: string, address: string) => {
      const object = service(path, [address])
      return { ...object, metadata: { ...object.metadata, labels: { dns: 'yes' } } }
    }
    cluster.put(
      'services',
      labelled('one/a', '10.3.0.1'),
      labelled('three/b', '10.3.0.2'),
      service('two/c', ['10.3.0.3']),
    )
    cluster.put('pods', pod('two/p', ['10.1.0.1']), pod('three/p', ['10.1.0.1']))
    await followed.open()
    expect(sink.names().filter((name) => !name.includes('arpa'))).toEqual([
      '10-1-0-1.two.pod.cluster.local',
      '_exists.one.pod.cluster.local',
      '_exists.one.svc.cluster.local',
      '_exists.pod.cluster.local',
      '_exists.svc.cluster.local',
      '_exists.two.pod.cluster.local',
      '_exists.two.svc.cluster.local',
      'a.one.svc.cluster.local',
      'dns-version.cluster.local',
    ])
    expect(cluster.requests.filter((each) => /v1\/(services|pods|namespaces)[?]/.test(each))).toEqual([])
  })

  it('skips an object that it cannot understand, tells of it once, and takes it when it can', async () => {
    await using followed = await Followed.start()
    const { cluster, sink, store } = followed
    const broken = { metadata: { name: 'web', namespace: 'default' }, spec: { type: 'ExternalName' } }
    cluster.put('services', service('default/other', ['10.3.0.3']), broken)
    await followed.open()
    cluster.put('services', broken)
    cluster.put('services', service('default/other', ['10.3.0.4']))
    await followed.sees('other.default.svc.cluster.local', '5 A 10.3.0.4')
    expect(sink.bad.map(({ key }) => key)).toEqual(['services default/web'])
    expect(store.status().badRecords).toBe(1)
    cluster.put('services', web('10.3.0.1'))
    await followed.sees(WEB, '5 A 10.3.0.1')
    expect(store.status().badRecords).toBe(0)
  })

  it('lists anew after a line that is no event', async () => {
    await using followed = await Followed.start()
    const { cluster } = followed
    cluster.put('services', web('10.3.0.1'))
    await followed.open()
    cluster.sendRaw('{"type":"ADDED","object":{"metadata":\n')
    cluster.put('services', web('10.3.0.2'))
    await followed.sees(WEB, '5 A 10.3.0.2')
    await eventually(() => expect(followed.store.status()).toMatchObject({ connected: true, loads: 2 }))
  })

  it('counts names that cannot be answered with all they have, and answers with what fits', async () => {
    await using followed = await Followed.start()
    const { cluster, sink, store } = followed
    const many = Array.from({ length: 5000 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}` }))
    cluster.put('services', service('default/huge', ['None']), externalName('default/odd', 'bad..name'))
    cluster.put('endpointslices', slice('default/huge', many))
    await followed.open()
    expect(sink.lines('huge.default.svc.cluster.local')).toHaveLength(2500)
    expect(sink.lines('odd.default.svc.cluster.local')).toEqual([])
    expect(sink.lines('10-1-19-135.huge.default.svc.cluster.local')).toEqual(['5 A 10.1.19.135'])
    expect(store.status().badRecords).toBe(2)
    cluster.put('endpointslices', slice('default/huge', many.slice(0, 3)))
    cluster.put('services', externalName('default/odd', 'good.example'))
    await followed.sees('odd.default.svc.cluster.local', '5 CNAME good.example')
    await eventually(() => store.status().badRecords === 0)
  })

  it('keeps trying from the start, and can be closed meanwhile', async () => {
    await using followed = await Followed.start()
    const { cluster, sink, store } = followed
    await cluster.stop()
    const opening = rejection(store.open(sink))
    await eventually(() => expect(sink.reports).toEqual(['down']))
    await store.close()
    expect(await opening).toBe('CDNS_CLOSED')
    const later = new KubernetesStore(parseKubernetesStoreOptions({ kubeconfig: cluster.kubeconfig }, TUNING))
    const second = later.open(sink)
    await cluster.restart()
    await second
    await later.close()
  })

  it('refuses edits, a second server, and a configuration that cannot work', async () => {
    await using followed = await Followed.start()
    await followed.open()
    const { store, sink, cluster } = followed
    expect(await rejection(store.put())).toBe('CDNS_STORE_UNSUPPORTED')
    expect(await rejection(store.delete())).toBe('CDNS_STORE_UNSUPPORTED')
    expect(await rejection(store.edit())).toBe('CDNS_STORE_UNSUPPORTED')
    expect(await rejection(store.open(sink))).toBe('CDNS_STORE_IN_USE')
    for (const options of [{ kubeconfig: '/nonexistent' }, { kubeconfig: cluster.kubeconfig, context: 'none' }]) {
      expect(await rejection(new KubernetesStore(parseKubernetesStoreOptions(options)).open(sink))).toBe(
        'CDNS_KUBECONFIG_INVALID',
      )
    }
  })
})
