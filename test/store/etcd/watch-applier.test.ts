import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ASKED_PROGRESS, EtcdClient } from '../../../lib/store/etcd/client.js'
import { ContainerdnsLayout } from '../../../lib/store/etcd/layout-containerdns.js'
import { LeafIndex } from '../../../lib/store/etcd/leaf-index.js'
import type { WatchResponse } from '../../../lib/store/etcd/messages.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { applyWatch, type WatchApplierOptions } from '../../../lib/store/etcd/watch-applier.js'
import { Etcd } from '../../support/start-etcd.js'
import { MapSink } from '../map-sink.js'

const CLUSTER = '7'
const CONNECTION = parseEtcdStoreOptions({ hosts: 'http://127.0.0.1' })

/** What etcd does only when it, its operator or its disk is in trouble, as a script of responses. */
class Scripted {
  readonly sink = new MapSink()
  readonly revisions: number[] = []
  cancelled = false

  async play(responses: Iterable<Partial<WatchResponse>> | AsyncIterable<Partial<WatchResponse>>): Promise<string> {
    const client = {
      watch: () => ({
        async *[Symbol.asyncIterator]() {
          for await (const response of responses)
            yield {
              header: header(10),
              watch_id: '0',
              created: false,
              canceled: false,
              compact_revision: '0',
              cancel_reason: '',
              events: [],
              ...response,
            }
        },
        cancel: () => {
          this.cancelled = true
        },
      }),
    } as unknown as EtcdClient
    return failureOf(
      { ...optionsFor(this.sink, client), onRevision: (revision) => this.revisions.push(revision) },
      10,
      CLUSTER,
    )
  }
}

function optionsFor(sink: MapSink, client: EtcdClient): WatchApplierOptions {
  return {
    client,
    layout: new ContainerdnsLayout('/containerdns/'),
    index: new LeafIndex(sink),
    createTimeoutMs: 200,
    slice: () => sink.pause(),
    onCreated: () => {},
    onContact: () => {},
    onTouched: () => {},
    onRevision: () => {},
    onProgress: () => {},
  }
}

async function failureOf(options: WatchApplierOptions, revision: number, clusterId: string): Promise<string> {
  return applyWatch(options, revision, clusterId).catch((error: Error) => error.message)
}

const header = (revision: number, cluster_id = CLUSTER) => ({ cluster_id, revision: `${revision}` })
const put = (revision: number, leaf: string, address: string) => ({
  type: 'Put' as const,
  kv: {
    key: Buffer.from(`/containerdns/org/example/${leaf}/`),
    value: Buffer.from(`{"host":"${address}"}`),
    mod_revision: `${revision}`,
  },
})

const gone = (revision: number, leaf: string) => ({
  type: 'Delete' as const,
  kv: { key: Buffer.from(`/containerdns/org/example/${leaf}/`), value: Buffer.alloc(0), mod_revision: `${revision}` },
})

describe('a watch', () => {
  it('writes each owner as the last revision that has come has it', async () => {
    const script = new Scripted()
    const failure = await script.play([
      { created: true },
      {
        header: header(13),
        events: [
          put(11, 'a/1', '192.0.2.1'),
          put(11, 'a/2', '192.0.2.2'),
          put(12, 'b/1', '192.0.2.4'),
          put(13, 'a/1', '192.0.2.3'),
          gone(13, 'a/2'),
        ],
      },
      { header: header(20) },
    ])
    expect(failure).toBe('etcd ended the watch')
    expect(script.revisions.at(-1)).toBe(13)
    expect(script.sink.writes.map(({ name, rrsets }) => [name, rrsets[0]!.data])).toEqual([
      ['b.example.org', ['192.0.2.4']],
      ['a.example.org', ['192.0.2.3']],
    ])
    expect(script.cancelled).toBe(true)
  })

  it('passes on the last word of each health key, and forgets what is gone', async () => {
    const script = new Scripted()
    const word = (revision: number, address: string, status: string | undefined) => ({
      type: status === undefined ? ('Delete' as const) : ('Put' as const),
      kv: {
        key: Buffer.from(`/containerdns/monitor/status/${address}`),
        value: Buffer.from(JSON.stringify({ status })),
        mod_revision: `${revision}`,
      },
    })
    await script.play([
      { created: true },
      { header: header(11), events: [word(11, '192.0.2.1', 'DOWN'), word(11, '192.0.2.2', 'DOWN')] },
      { header: header(13), events: [word(12, '192.0.2.1', 'UP'), word(13, '192.0.2.2', undefined)] },
    ])
    expect(script.sink.health).toEqual({ '192.0.2.1': 'healthy' })
  })

  it('takes no offence at an answer to a question for progress that an event has overtaken', async () => {
    const script = new Scripted()
    const failure = await script.play([
      { created: true },
      { header: header(12), events: [put(12, 'a/1', '192.0.2.1')] },
      { header: header(11), watch_id: ASKED_PROGRESS },
      { header: header(13), events: [put(13, 'a/1', '192.0.2.2')] },
    ])
    expect(failure).toBe('etcd ended the watch')
    expect(script.revisions.at(-1)).toBe(13)
  })

  it('writes an owner of thousands of leaves once for all that has come meanwhile', async () => {
    const script = new Scripted()
    const leaves = 3000
    await script.play([
      { created: true },
      ...Array.from({ length: leaves }, (_, i) => ({
        header: header(11 + i),
        events: [put(11 + i, `a/${i}`, `192.0.${i >> 8}.${i & 255}`)],
      })),
    ])
    expect(script.revisions.at(-1)).toBe(10 + leaves)
    expect(script.sink.lines('a.example.org')).toHaveLength(leaves)
    expect(script.sink.writes.length).toBeLessThan(leaves / 10)
  })

  it('keeps no more in memory than it can write soon', async () => {
    const script = new Scripted()
    let made = 0
    let furthest = 0
    const responses = function* () {
      yield { created: true }
      for (; made < 30_000; made++) {
        furthest = Math.max(furthest, made - (script.revisions.at(-1) ?? 10) + 10)
        yield { header: header(11 + made), events: [put(11 + made, `n${made % 100}/1`, '192.0.2.1')] }
      }
    }
    await script.play(responses())
    expect(script.revisions.at(-1)).toBe(30_010)
    expect(furthest).toBeLessThan(25_000)
  })

  it.each<[name: string, response: Partial<WatchResponse>, failure: string]>([
    [
      'is cancelled as it is made',
      { created: true, canceled: true, cancel_reason: 'permission denied' },
      'permission denied',
    ],
    ['is cancelled for what was compacted', { canceled: true, compact_revision: '12' }, 'compacted up to revision 12'],
    ['goes back', { header: header(9) }, 'went back from 10 to 9'],
    ['brings a revision twice', { header: header(11), events: [put(10, 'a/1', '192.0.2.1')] }, 'revision 10 after 10'],
    ['comes from another cluster', { header: header(11, '8') }, 'another etcd cluster'],
  ])('ends when it %s', async (_, response, failure) => {
    const script = new Scripted()
    expect(await script.play([{ created: true }, response])).toContain(failure)
    expect(script.sink.writes).toEqual([])
  })

  it('ends when etcd does not set it up', async () => {
    let cancel = () => {}
    const silent = new Promise<void>((_, reject) => {
      cancel = () => reject(new Error('1 CANCELLED'))
    })
    const client = {
      watch: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => silent }),
        cancel: () => cancel(),
      }),
    } as unknown as EtcdClient
    expect(await failureOf(optionsFor(new MapSink(), client), 10, CLUSTER)).toContain(
      'did not set up the watch within 200 ms',
    )
  })
})

describe('a watch of a real etcd', () => {
  let etcd: Etcd
  let client: EtcdClient
  beforeAll(async () => {
    etcd = await Etcd.start()
    client = await EtcdClient.connect(etcd.host.replace('http://', ''), CONNECTION)
  })
  afterAll(async () => {
    client.close()
    await etcd[Symbol.asyncDispose]()
  })

  it('ends when it should begin with what has been compacted', async () => {
    for (let i = 0; i < 5; i++) await etcd.ctl('put', '/containerdns/org/example/a/1/', `{"host":"192.0.2.${i}"}`)
    await etcd.compact()
    const { header } = await client.range({ key: Buffer.from('/started') }, 1000)
    expect(await failureOf(optionsFor(new MapSink(), client), 1, header.cluster_id)).toContain('compacted')
  })

  it('ends when its client is closed', async () => {
    const own = await EtcdClient.connect(etcd.host.replace('http://', ''), CONNECTION)
    const { header } = await own.range({ key: Buffer.from('/started') }, 1000)
    const options = { ...optionsFor(new MapSink(), own), onCreated: () => own.close() }
    expect(await failureOf(options, Number(header.revision), header.cluster_id)).toContain('CANCELLED')
    await expect(own.range({ key: Buffer.from('/started') }, 1000)).rejects.toThrow()
  })
})
