import type { IndexImage } from '../../../record-index/index-image.js'
import { ownerKey } from '../../owner-groups.js'
import type { BadRecord, HealthState } from '../../record-store.js'
import { keyLayoutFor } from '../choose-layout.js'
import { EtcdClient } from '../client.js'
import type { KeyLayout } from '../key-layout.js'
import { type LeafChange, LeafIndex, type LoadFindings } from '../leaf-index.js'
import type { KeyValue } from '../messages.js'
import type { ParsedEtcdStoreOptions } from '../options.js'
import { ImageSink } from './image-sink.js'
import { pages } from './pages.js'

/** What the loader thread is given to read etcd. A plain object: it is posted. */
export interface EtcdLoadTask {
  readonly kind: 'etcd'
  readonly options: ParsedEtcdStoreOptions
  /** The member to ask, one of `options.hosts`. */
  readonly host: string
  readonly revision: number
  readonly seed: number
  readonly defaultTtl: number
  /** Those of the server, by their numbers. */
  readonly views: readonly string[]
}

export interface EtcdLoad extends LoadFindings {
  readonly image: IndexImage
  /** The first bad records. */
  readonly bad: readonly BadRecord[]
}

/** Loader thread: everything that etcd held at a revision, as an index. Throws what etcd says, a compaction among it. */
export async function loadImage(task: EtcdLoadTask): Promise<EtcdLoad> {
  const { options, host, revision } = task
  const client = await EtcdClient.connect(host, options)
  try {
    const sink = new ImageSink(task.seed, task.defaultTtl, task.views)
    const load = new Load(sink, keyLayoutFor(options, task.views))
    const { pageSize } = options.tuning
    for (const { start, end } of load.layout.ranges) {
      for await (const page of pages(client, { rangeStart: start, rangeEnd: end, pageSize, revision }))
        load.add(page.kvs)
    }
    load.flush()
    const { health, index, refused } = load
    return { image: sink.image(), bad: sink.bad, ...index.keysPassedOver, health, refused }
  } finally {
    client.close()
  }
}

/**
 * Leaves of an owner that are written together. One that has more than the index takes keeps those that came first: with all of them
 * refused at once, a name that had grown too large would be gone after a relist.
 */
const MAX_LEAVES_AT_ONCE = 500
const MAX_BYTES_AT_ONCE = 64 * 1024

/**
 * Puts keys together to owners. The leaves of an owner stand beside each other in etcd, but for a few, so that
 * each owner is written once, and where more of it comes later is written again with all its leaves.
 */
class Load {
  readonly layout: KeyLayout
  readonly index: LeafIndex
  readonly health: [address: string, state: HealthState][] = []
  readonly refused = new Set<string>()
  #owner: Uint8Array = new Uint8Array(0)
  #changes: LeafChange[] = []
  #bytes = 0

  constructor(sink: ImageSink, layout: KeyLayout) {
    this.layout = layout
    this.index = new LeafIndex(sink)
  }

  add(kvs: readonly KeyValue[]): void {
    for (const { key, value, mod_revision } of kvs) {
      const decoded = this.layout.decode(key, value)
      if (decoded.kind === 'health') this.health.push([decoded.address, decoded.state])
      if (decoded.kind === 'otherView') this.index.ignoredKey(key)
      if (decoded.kind === 'bad') this.index.badKey(key, decoded.reason)
      if (decoded.kind !== 'records') continue
      const modRevision = Number(mod_revision)
      for (const { owner, ...record } of decoded.records) {
        const { path, rdata } = record
        if (Buffer.compare(owner, this.#owner) !== 0) this.#begin(owner)
        this.#changes.push({ path, leaf: { ...record, modRevision } })
        this.#bytes += rdata.length + path.length
        if (this.#bytes > MAX_BYTES_AT_ONCE || this.#changes.length === MAX_LEAVES_AT_ONCE) this.flush()
      }
    }
  }

  flush(): void {
    if (this.#changes.length > 0) this.index.apply(this.#owner, this.#changes)
    // A later, smaller write of the same owner may succeed; that one is missing leaves all the same.
    if (this.index.isRefused(this.#owner)) this.refused.add(ownerKey(this.#owner))
    this.#changes = []
    this.#bytes = 0
  }

  #begin(owner: Uint8Array): void {
    this.flush()
    this.#owner = owner
  }
}
