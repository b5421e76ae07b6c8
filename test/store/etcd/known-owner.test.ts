import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyLayoutFor } from '../../../lib/store/etcd/choose-layout.js'
import { EtcdClient } from '../../../lib/store/etcd/client.js'
import { EtcdStore } from '../../../lib/store/etcd/etcd-store.js'
import type { WritableLayout } from '../../../lib/store/etcd/key-layout.js'
import { knownOwner } from '../../../lib/store/etcd/known-owner.js'
import { LeafIndex } from '../../../lib/store/etcd/leaf-index.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import type { OwnerState } from '../../../lib/store/etcd/owner-changes.js'
import { readOwner } from '../../../lib/store/etcd/read-owner.js'
import { nameFromText } from '../../../lib/wire/name.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
let prefixes = 0
beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())

const a = (host: string, more: object = {}) => JSON.stringify({ type: 'A', host, ttl: 30, ...more })
const ORG = 'org/example'

/** An owner as the index has it, and as etcd does. */
async function both(
  keys: Readonly<Record<string, string>>,
  name: string,
  view = 'default',
): Promise<{ known: OwnerState | undefined; read: OwnerState; layout: WritableLayout }> {
  const prefix = `/test${prefixes++}/`
  await etcd.transaction(Object.fromEntries(Object.entries(keys).map(([key, value]) => [prefix + key, value])))
  const options = parseEtcdStoreOptions({ hosts: etcd.host, prefix })
  const sink = new MapSink()
  const store = new EtcdStore(options)
  await store.open(sink)
  const client = await EtcdClient.connect(options.hosts[0]!, options)
  try {
    const layout = keyLayoutFor(options, sink.views).writable!.inView(view)
    const index = new LeafIndex(sink)
    const owner = nameFromText(name)
    const { revision } = store.status()
    const read = await readOwner(client, owner, () => [], layout, { index, revision }, 5000)
    if ('awaited' in read) throw new Error('nobody else edits here')
    return { known: knownOwner(owner, layout, index, sink, revision), read, layout }
  } finally {
    client.close()
    await store.close()
  }
}

function shown({ keys, wholeRanges }: OwnerState): object {
  const records = [...keys].map(([key, { modRevision, record }]) => [key, { ...record, modRevision }] as const)
  return { records: records.sort(([x], [y]) => (x < y ? -1 : 1)), wholeRanges }
}

describe('knownOwner', () => {
  it('has of an owner what etcd holds, at the revision of the index', async () => {
    const { known, read } = await both(
      {
        [`${ORG}/www/1/`]: a('192.0.2.1', { user: 'alice' }),
        [`${ORG}/www/2/`]: a('192.0.2.2', { ttl: 60 }),
        [`${ORG}/other/2/`]: a('192.0.2.2'),
      },
      'www.example.org',
    )
    expect(known!.keys.size).toBe(2)
    expect(shown(known!)).toEqual(shown(read))
    expect(known!.revision).toBe(read.revision)
  })

  it('has a name that etcd knows nothing of, with the ranges in which nothing may be newer', async () => {
    const { known, read } = await both({ [`${ORG}/other/2/`]: a('192.0.2.2') }, 'www.example.org')
    expect(known!.keys.size).toBe(0)
    expect(known!.wholeRanges).toEqual(read.wholeRanges)
  })

  it('does not give away values, which it has not', async () => {
    const { known } = await both({ [`${ORG}/www/1/`]: a('192.0.2.1') }, 'www.example.org')
    expect(() => [...known!.keys.values()][0]!.value).toThrow()
  })

  it.each<[string, Record<string, string>, string]>([
    ['a name with names below it', { [`${ORG}/a/www/1/`]: a('192.0.2.1') }, 'a.example.org'],
    ['the target of an SRV, whose key is another name’s', { [`${ORG}/www/1/`]: SRV }, '1.www.example.org'],
    ['a name with keys in capitals', { [`${ORG}/WWW/1/`]: a('192.0.2.1') }, 'www.example.org'],
    ['a name whose key has no slash at its end', { [`${ORG}/www/1`]: a('192.0.2.1') }, 'www.example.org'],
    ['a zone with name servers of their own', { [`${ORG}/dns/ns/n1/`]: NS }, 'n1.example.org'],
  ])('leaves to a reader %s', async (_, keys, name) => {
    const { known, read } = await both({ ...keys }, name)
    expect(read.keys.size).toBeGreaterThan(0)
    expect(known).toBeUndefined()
  })
})

const SRV = JSON.stringify({ type: 'SRV', host: '192.0.2.7', port: 80 })
const NS = JSON.stringify({ type: 'NS', host: '192.0.2.8' })
