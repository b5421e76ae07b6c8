import { setTimeout as sleep } from 'node:timers/promises'
import { KeySet } from '../key-set.js'
import type { StoreSink } from '../record-store.js'
import type { EtcdClient, Watch } from './client.js'
import type { Freshness } from './freshness.js'
import { findDiscrepancies } from './index-check.js'
import type { KeyLayout } from './key-layout.js'
import type { LeafIndex } from './leaf-index.js'
import type { EtcdLoad } from './loader/load-image.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import { isRefusal } from './refusal.js'
import { applyWatch } from './watch-applier.js'

export interface WatchSessionOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  readonly sink: StoreSink
  readonly storeOptions: ParsedEtcdStoreOptions
  readonly freshness: Freshness
  readonly slice: () => Promise<void> | undefined
  /** Reads everything that etcd held at a revision, in a thread of its own. */
  readonly load: (revision: number, signal: AbortSignal) => Promise<EtcdLoad>
  readonly onCreated: () => void
  readonly onRevision: (revision: number, changed: number) => void
  readonly onChecked: (discrepancies: number) => void
}

/** Questions for progress in a row that a watch may leave unanswered, on a connection that is alive, before we believe that it is stuck. */
const MAX_UNANSWERED = 5
/** Keys named in the log when some have got lost. */
const SHOWN_KEYS = 10

/** The index says something else than etcd, though the watch has caught up. */
export class IndexDiffers extends Error {}

/**
 * One client's watch. While it is followed, etcd is asked every few seconds for its revision, by a majority, and the watch for how far
 * it is, so that a lag, a loss of rights and a watch that is stuck are known also when nothing changes; and now and then
 * everything is compared.
 */
export class WatchSession {
  readonly #options: WatchSessionOptions
  readonly #over = new AbortController()
  readonly #parts: Promise<void>[] = []
  #fail: (cause: Error) => void = () => {}
  #applied = 0
  /** How far the watch says it has brought us. */
  #progress = 0
  #unanswered = 0
  /** During a comparison: what the watch has written since that began. */
  #touched: KeySet | undefined

  constructor(options: WatchSessionOptions) {
    this.#options = options
  }

  /** Never resolves; throws what ended it, and leaves nothing behind that goes on. */
  async run(revision: number, clusterId: string): Promise<never> {
    const { client, storeOptions, freshness } = this.#options
    this.#applied = revision
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    const applying = applyWatch(
      {
        ...this.#options,
        createTimeoutMs: storeOptions.requestTimeoutMs,
        onCreated: (watch) => {
          this.#start(this.#keepInTouch(watch))
          if (storeOptions.relistIntervalMs > 0) this.#start(this.#checkNowAndThen())
          this.#options.onCreated()
        },
        onContact: () => {
          this.#unanswered = 0
          freshness.contact()
        },
        onTouched: (owner, path) => this.#touched?.add(owner, path),
        onRevision: (applied, changed) => {
          this.#applied = applied
          this.#advance(applied)
          this.#options.onRevision(applied, changed)
        },
        onProgress: (reached) => this.#advance(reached),
      },
      revision,
      clusterId,
    )
    try {
      return await Promise.race([applying, failed])
    } finally {
      this.#over.abort()
      client.close()
      await Promise.allSettled([applying, ...this.#parts])
    }
  }

  #start(part: Promise<void>): void {
    this.#parts.push(
      part.catch((error: Error) => {
        this.#fail(error)
      }),
    )
  }

  #advance(revision: number): void {
    this.#progress = Math.max(this.#progress, revision)
    this.#options.freshness.reached(revision)
  }

  async #keepInTouch(watch: Watch): Promise<void> {
    const { storeOptions, sink } = this.#options
    for (;;) {
      await this.#sleep(storeOptions.tuning.progressIntervalMs * (0.5 + Math.random() / 2))
      const atMs = sink.clock.monotonicMs()
      try {
        await this.#askRevision(atMs)
      } catch (error) {
        if (error instanceof WentBack || isRefusal(error)) throw error
        // Without a majority nobody knows better than we do. The lag says for how long.
        sink.logger.debug({ err: error }, 'etcd does not say how far it is')
      }
      if (this.#over.signal.aborted) return
      if (this.#unanswered === MAX_UNANSWERED) throw new Error('etcd does not answer on the watch')
      this.#unanswered++
      watch.requestProgress()
    }
  }

  /** A single key, which costs etcd a look-up and its rights, and a round through a majority. */
  async #askRevision(atMs: number): Promise<void> {
    const { client, layout, storeOptions, freshness } = this.#options
    const applied = this.#applied
    const { header } = await client.range({ key: layout.rangeStart, keys_only: true }, storeOptions.requestTimeoutMs)
    const revision = Number(header.revision)
    if (revision < applied) throw new WentBack(`the revision of etcd went back from ${applied} to ${revision}`)
    freshness.contact()
    freshness.asked(atMs, revision)
  }

  async #checkNowAndThen(): Promise<void> {
    const { storeOptions, sink } = this.#options
    for (;;) {
      await this.#sleep(storeOptions.relistIntervalMs * (0.9 + Math.random() / 5))
      this.#touched = new KeySet()
      try {
        await this.#check(this.#touched)
      } catch (error) {
        if (error instanceof IndexDiffers || isRefusal(error) || this.#over.signal.aborted) throw error
        // Compacted before we were through, for one. The watch knows better than this whether etcd is there.
        sink.logger.warn({ err: error }, 'what is answered could not be compared with etcd')
      } finally {
        this.#touched = undefined
      }
    }
  }

  async #check(touched: KeySet): Promise<void> {
    const { sink, storeOptions } = this.#options
    const keys = await findDiscrepancies({
      ...this.#options,
      load: (revision) => this.#options.load(revision, this.#over.signal),
      requestTimeoutMs: storeOptions.requestTimeoutMs,
      touched,
      caughtUp: (revision) => this.#caughtUp(revision),
      signal: this.#over.signal,
    })
    this.#options.onChecked(keys.length)
    if (keys.length === 0) return
    sink.logger.warn({ keys: keys.slice(0, SHOWN_KEYS), count: keys.length }, 'changes in etcd did not get here')
    throw new IndexDiffers(`${keys.length} keys of etcd were not as in the index`)
  }

  async #caughtUp(revision: number): Promise<void> {
    while (this.#progress < revision) await this.#sleep(this.#options.storeOptions.tuning.progressIntervalMs / 4)
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal })
  }
}

class WentBack extends Error {}
