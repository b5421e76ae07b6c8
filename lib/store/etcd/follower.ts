import { setTimeout as sleep } from 'node:timers/promises'
import { ContainerDnsError } from '../../errors.js'
import { runLoader } from '../loader-thread.js'
import type { StoreSink } from '../record-store.js'
import { EtcdClient } from './client.js'
import { failureReason } from './failure-reason.js'
import { Freshness } from './freshness.js'
import type { KeyLayout } from './key-layout.js'
import { LeafIndex } from './leaf-index.js'
import type { EtcdLoad } from './loader/load-image.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import { RevisionWaiters } from './revision-waiters.js'
import { IndexDiffers, WatchSession } from './watch-session.js'

/**
 * Keeps the index in line with etcd from `start` to `close`. Everything that can go wrong ends in the same way: the client is
 * thrown away, all is read anew from the next member and compared with the index, and followed from there.
 * Meanwhile the last good data stay where they are.
 */
export class Follower {
  readonly #sink: StoreSink
  readonly #options: ParsedEtcdStoreOptions
  readonly #layout: KeyLayout
  readonly #index: LeafIndex
  readonly #waiters = new RevisionWaiters()
  readonly #closing = new AbortController()
  readonly #freshness: Freshness
  readonly #onPublished: () => void
  #client: EtcdClient | undefined
  #running: Promise<void> | undefined
  #connected = false
  #isFollowing = false
  #reportedDown = false
  #clusterId = ''
  #loads = 0
  #changes = 0
  #checks = 0
  #discrepancies = 0

  /** `onPublished` is called after a load, and after each revision that changed something. */
  constructor(sink: StoreSink, options: ParsedEtcdStoreOptions, layout: KeyLayout, onPublished: () => void) {
    this.#onPublished = onPublished
    this.#sink = sink
    this.#options = options
    this.#layout = layout
    this.#index = new LeafIndex(sink)
    this.#freshness = new Freshness(sink.clock, options.staleAfterMs)
  }

  get index(): LeafIndex {
    return this.#index
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Whether the index has all up to `revision`, and may be believed: not while it is loaded. */
  get isFollowing(): boolean {
    return this.#isFollowing
  }

  get revision(): number {
    return this.#waiters.reached
  }

  /** Of the last load; empty before the first. */
  get clusterId(): string {
    return this.#clusterId
  }

  get loads(): number {
    return this.#loads
  }

  get changes(): number {
    return this.#changes
  }

  get checks(): number {
    return this.#checks
  }

  get discrepancies(): number {
    return this.#discrepancies
  }

  get freshness(): Freshness {
    return this.#freshness
  }

  /** Resolves when everything has been published and changes are followed; keeps trying until then. Rejects with CDNS_CLOSED. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve).then(() => reject(closedError()), reject)
    })
  }

  /** Resolves once the index holds what etcd had at that revision. Throws CDNS_STORE_UNAVAILABLE, CDNS_CLOSED. */
  waitFor(revision: number, timeoutMs: number): Promise<void> {
    if (this.closed) throw closedError()
    return this.#waiters.wait(revision, timeoutMs)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#client?.close()
    this.#waiters.fail(closedError())
    await this.#running
  }

  async #run(onFollowing: () => void): Promise<void> {
    const { tuning, hosts } = this.#options
    let retryMs = tuning.firstRetryMs
    // Any member to begin with, so that the nodes of a cluster spread over those of etcd.
    for (let attempt = Math.floor(Math.random() * hosts.length); !this.closed; attempt++) {
      const startedAt = this.#sink.clock.monotonicMs()
      try {
        await this.#follow(attempt, onFollowing)
      } catch (error) {
        if (this.closed) return
        // etcd is there; it is the index that is not to be trusted.
        if (error instanceof IndexDiffers) continue
        this.#reportDown(error as Error)
      }
      // One that held for a while was no part of a series of failures.
      if (this.#sink.clock.monotonicMs() - startedAt > tuning.longestRetryMs) retryMs = tuning.firstRetryMs
      await this.#wait(retryMs)
      retryMs = Math.min(2 * retryMs, tuning.longestRetryMs)
    }
  }

  /** One client's life. Never resolves; throws what ended it. */
  async #follow(attempt: number, onFollowing: () => void): Promise<never> {
    const { hosts, auth, requestTimeoutMs } = this.#options
    const host = hosts[attempt % hosts.length]!
    const client = await EtcdClient.connect(host, this.#options)
    this.#client = client
    try {
      this.#throwIfClosed()
      const start = await this.#load(client, host)
      // Reading it all may take longer than a token lives, and a watch does not log in.
      if (auth !== undefined) await client.range({ key: this.#layout.rangeStart, keys_only: true }, requestTimeoutMs)
      return await this.#watch(client, host, start, onFollowing)
    } finally {
      this.#isFollowing = false
      this.#client = undefined
      client.close()
    }
  }

  /** Brings the index in line with all that etcd holds at a revision. */
  async #load(client: EtcdClient, host: string): Promise<LoadedState> {
    const { requestTimeoutMs } = this.#options
    const startedAt = this.#sink.clock.monotonicMs()
    // The revision to read everything at. With a time-out, unlike the pages, so that a silent member is found out.
    const { header } = await client.range({ key: this.#layout.rangeStart, limit: 1, keys_only: true }, requestTimeoutMs)
    this.#freshness.contact()
    const revision = Number(header.revision)
    await this.#replaceAll(host, revision)
    this.#loads++
    this.#changes = 0
    this.#clusterId = header.cluster_id
    this.#waiters.reach(revision)
    this.#freshness.loaded(startedAt)
    this.#onPublished()
    return { revision, clusterId: header.cluster_id }
  }

  async #replaceAll(host: string, revision: number): Promise<void> {
    const load = await this.#read(host, revision, this.#closing.signal)
    await this.#sink.replaceAll(load.image, this.#closing.signal)
    this.#throwIfClosed()
    this.#index.loaded(load)
    for (const each of load.bad) {
      const wait = this.#slice()
      if (wait !== undefined) await wait
      this.#sink.reportBadRecord(each)
    }
  }

  /** In a thread of its own: everything that etcd held at a revision. */
  #read(host: string, revision: number, signal: AbortSignal): Promise<EtcdLoad> {
    const { seed, defaultTtl, views, loaderFile } = this.#sink
    const task = { kind: 'etcd', options: this.#options, host, revision, seed, defaultTtl, views } as const
    return runLoader<'etcd'>(loaderFile, task, signal)
  }

  async #watch(client: EtcdClient, host: string, start: LoadedState, onFollowing: () => void): Promise<never> {
    const session = new WatchSession({
      client,
      layout: this.#layout,
      index: this.#index,
      slice: () => this.#slice(),
      load: (revision, signal) => this.#read(host, revision, signal),
      sink: this.#sink,
      storeOptions: this.#options,
      freshness: this.#freshness,
      onCreated: () => {
        this.#isFollowing = true
        this.#reportUp()
        onFollowing()
      },
      onRevision: (applied, changed) => {
        this.#changes += changed
        this.#waiters.reach(applied)
        if (changed > 0) this.#onPublished()
      },
      onChecked: (discrepancies) => {
        this.#checks++
        this.#discrepancies += discrepancies
      },
    })
    return session.run(start.revision, start.clusterId)
  }

  /** Half of the time for sure, the other half by chance, so that a cluster that comes back is not met by all at once. */
  async #wait(ms: number): Promise<void> {
    try {
      await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal })
    } catch (error) {
      if (!this.closed) throw error
    }
  }

  #slice(): Promise<void> | undefined {
    this.#throwIfClosed()
    return this.#sink.pause()
  }

  #throwIfClosed(): void {
    if (this.closed) throw closedError()
  }

  #reportDown(cause: Error): void {
    this.#connected = false
    if (this.#reportedDown) return
    this.#reportedDown = true
    this.#sink.reportDown(
      new ContainerDnsError('CDNS_STORE_UNAVAILABLE', `etcd cannot be followed: ${failureReason(cause)}`, { cause }),
    )
  }

  #reportUp(): void {
    this.#connected = true
    if (!this.#reportedDown) return
    this.#reportedDown = false
    this.#sink.reportUp()
  }
}

/** Where a load has brought us. */
interface LoadedState {
  readonly revision: number
  readonly clusterId: string
}

export function closedError(): ContainerDnsError {
  return new ContainerDnsError('CDNS_CLOSED', 'the etcdStore has been closed')
}
