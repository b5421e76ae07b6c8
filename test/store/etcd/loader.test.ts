import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { etcdStore } from '../../../lib/store/etcd/etcd-store.js'
import type { RecordStore } from '../../../lib/store/record-store.js'
import { TEST_WORKERS } from '../../support/build-for-tests.js'
import { eventually } from '../../support/eventually.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

let etcd: Etcd
beforeAll(async () => {
  etcd = await Etcd.start()
})
afterAll(() => etcd[Symbol.asyncDispose]())
const opened: RecordStore[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await etcd.ctl('del', '--prefix', '/containerdns/')
})

function newStore(): RecordStore {
  const store = etcdStore({ hosts: etcd.host })
  opened.push(store)
  return store
}

const folder = '/containerdns/org/example'
const a = (host: string) => JSON.stringify({ type: 'A', host, ttl: 30 })
const text = (letter: string) => JSON.stringify({ type: 'TXT', text: letter.repeat(30_000), ttl: 30 })

describe('the loader', () => {
  it('is run again when its thread dies, and until then the store says that it is down', async () => {
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    const sink = new MapSink()
    const good = sink.loaderFile
    sink.loaderFile = new URL('faulty-loader.worker.js', TEST_WORKERS).href
    const opening = newStore().open(sink)
    await eventually(() => expect(sink.reports).toEqual(['down']))
    sink.loaderFile = good
    await opening
    expect(sink.reports).toEqual(['down', 'up'])
    expect(sink.dump()).toEqual({ 'www.example.org': ['30 A 192.0.2.1'] })
  })

  it('tells what it could not understand, once each, with the number of all of them', async () => {
    for (let from = 0; from < 1100; from += 100) {
      const keys = Array.from({ length: 100 }, (_, i) => [`${folder}/bad${from + i}/1/`, '{'])
      await etcd.transaction(Object.fromEntries(keys))
    }
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    const sink = new MapSink()
    const store = newStore()
    await store.open(sink)
    expect(store.status().badRecords).toBe(1100)
    expect(sink.bad).toHaveLength(1000)
    expect(new Set(sink.bad.map(({ key }) => key)).size).toBe(1000)
    expect(sink.names()).toEqual(['www.example.org'])
  })

  it('keeps of a name that is too large what there is room for', async () => {
    for (let i = 0; i < 26; i++) {
      await etcd.pipe(`${folder}/txt/${i}/`, text(String.fromCharCode(97 + i)))
    }
    await etcd.ctl('put', `${folder}/www/1/`, a('192.0.2.1'))
    const sink = new MapSink()
    const store = newStore()
    await store.open(sink)
    expect(sink.names()).toEqual(['example.org', 'www.example.org'])
    expect(sink.lines('example.org').length).toBeGreaterThanOrEqual(1)
    expect(store.status().badRecords).toBeGreaterThan(0)
  })
})
