import { describe, expect, it } from 'vitest'
import type { EtcdClient } from '../../../lib/store/etcd/client.js'
import { Freshness } from '../../../lib/store/etcd/freshness.js'
import { ContainerdnsLayout } from '../../../lib/store/etcd/layout-containerdns.js'
import { LeafIndex } from '../../../lib/store/etcd/leaf-index.js'
import type { RangeResponse, WatchResponse } from '../../../lib/store/etcd/messages.js'
import { parseEtcdStoreOptions } from '../../../lib/store/etcd/options.js'
import { WatchSession } from '../../../lib/store/etcd/watch-session.js'
import { eventually } from '../../support/eventually.js'
import { MapSink } from '../map-sink.js'

const header = (revision: number) => ({ cluster_id: '7', revision: `${revision}` })

/** An etcd that says what the test wants to hear, which a real one does only when it is broken. */
class ScriptedEtcd {
  readonly sink = new MapSink()
  readonly freshness = new Freshness(this.sink.clock, 1000)
  /** What a question for the revision is answered with. */
  range = async (): Promise<Partial<RangeResponse>> => ({ header: header(10) })
  questions = 0
  answersProgress = true
  #end = (_: Error) => {}
  #say = (_: Partial<WatchResponse>) => {}

  follow(): Promise<string> {
    const pending: Partial<WatchResponse>[] = [{ header: header(10), created: true }]
    let wake = () => {}
    let ended: Error | undefined
    this.#say = (response) => {
      pending.push(response)
      wake()
    }
    this.#end = (error) => {
      ended = error
      wake()
    }
    const client = {
      range: () => this.range(),
      close: () => this.#end(new Error('closed')),
      watch: () => ({
        requestProgress: () => {
          this.questions++
          if (this.answersProgress) this.#say({ header: header(10), watch_id: '-1' })
        },
        cancel: () => this.#end(new Error('cancelled')),
        async *[Symbol.asyncIterator]() {
          for (;;) {
            for (const response of pending.splice(0)) yield { canceled: false, created: false, events: [], ...response }
            if (ended !== undefined) throw ended
            await new Promise<void>((resolve) => {
              wake = resolve
            })
          }
        },
      }),
    } as unknown as EtcdClient
    const session = new WatchSession({
      client,
      layout: new ContainerdnsLayout('/containerdns/'),
      index: new LeafIndex(this.sink),
      sink: this.sink,
      storeOptions: parseEtcdStoreOptions({ hosts: 'a', relistIntervalMs: 0 }, { progressIntervalMs: 10 }),
      freshness: this.freshness,
      slice: () => this.sink.pause(),
      load: () => Promise.reject(new Error('nothing is compared here')),
      onCreated: () => {},
      onRevision: () => {},
      onChecked: () => {},
    })
    return session.run(10, '7').catch((error: Error) => error.message)
  }

  stop(): void {
    this.#end(new Error('stopped'))
  }
}

describe('A watch that is followed', () => {
  it('is current as long as etcd and the watch say so, also when nothing changes', async () => {
    const etcd = new ScriptedEtcd()
    const ended = etcd.follow()
    await eventually(() => etcd.questions > 20)
    expect(etcd.freshness.isStale).toBe(false)
    etcd.stop()
    expect(await ended).toBe('stopped')
    const asked = etcd.questions
    await new Promise((resolve) => setImmediate(resolve))
    expect(etcd.questions).toBe(asked)
  })

  it('is given up when it is stuck on a connection that is alive', async () => {
    const etcd = new ScriptedEtcd()
    etcd.answersProgress = false
    expect(await etcd.follow()).toContain('does not answer on the watch')
  })

  it('is given up when etcd has gone back behind it', async () => {
    const etcd = new ScriptedEtcd()
    etcd.range = async () => ({ header: header(9) })
    expect(await etcd.follow()).toContain('went back from 10 to 9')
  })

  it('is given up when etcd does not let us in any more', async () => {
    const etcd = new ScriptedEtcd()
    etcd.range = () => Promise.reject(Object.assign(new Error('permission denied'), { code: 7 }))
    expect(await etcd.follow()).toBe('permission denied')
  })

  it('goes on without a majority, and says how old that is', async () => {
    const etcd = new ScriptedEtcd()
    etcd.range = () => Promise.reject(Object.assign(new Error('no leader'), { code: 14 }))
    const ended = etcd.follow()
    await eventually(() => etcd.freshness.isStale)
    expect(etcd.questions).toBeGreaterThan(10)
    etcd.range = async () => ({ header: header(10) })
    await eventually(() => !etcd.freshness.isStale)
    etcd.stop()
    expect(await ended).toBe('stopped')
  })
})
