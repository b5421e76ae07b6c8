import { setTimeout as sleep } from 'node:timers/promises'
import { ASKED_PROGRESS, type EtcdClient, type Watch } from './client.js'
import { HEALTH_PLACE } from './health-words.js'
import type { KeyLayout } from './key-layout.js'
import { ChangeSet, type LeafIndex } from './leaf-index.js'
import type { WatchEvent, WatchResponse } from './messages.js'
import { ResponseQueue } from './response-queue.js'

export interface WatchApplierOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  /** How long etcd may take to say that it has set up the watch. */
  readonly createTimeoutMs: number
  readonly slice: () => Promise<void> | undefined
  readonly onCreated: (watch: Watch) => void
  /** As each response comes in, whatever waits before it. */
  readonly onContact: () => void
  /** Before the place of a key is written. */
  readonly onTouched: (owner: Uint8Array, path: string) => void
  /** After all up to a revision has been written. */
  readonly onRevision: (revision: number, changed: number) => void
  /** All up to a revision has come and been written, says etcd. Its own events aside, this may come late or not at all. */
  readonly onProgress: (revision: number) => void
}

/**
 * Follows all changes after `revision`. Never resolves: whatever ends the watch, and whatever in it
 * cannot be right, is thrown, and then everything is to be read anew.
 *
 * What has come in while we were writing is taken together and written owner by owner, each as the last of these
 * revisions has it: a state that etcd has had. An owner with thousands of leaves is so written as often as there is time for it, not
 * once for each leaf. etcd never sends part of a transaction (`fragment` is off), so no owner is seen between two.
 */
export async function applyWatch(options: WatchApplierOptions, revision: number, clusterId: string): Promise<never> {
  const { client, layout } = options
  const { rangeStart, rangeEnd } = layout
  const watch = client.watch({ key: rangeStart, range_end: rangeEnd, start_revision: revision + 1 })
  const queue = new ResponseQueue(watch, options.onContact)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    watch.cancel()
  }, options.createTimeoutMs)
  let applied = revision
  try {
    for (;;) {
      const batch = new Batch(applied, clusterId)
      for (const response of await queue.take()) {
        batch.add(response)
        if (!response.created) continue
        clearTimeout(timer)
        options.onCreated(watch)
      }
      const work = new Work(options.slice)
      if (batch.revision > applied) {
        const changed = await writeEvents(options, batch.newest, work)
        applied = batch.revision
        options.onRevision(applied, changed)
      }
      if (batch.progress > 0) options.onProgress(batch.progress)
      await rest(work.elapsedMs)
    }
  } catch (error) {
    if (!isLate) throw error
    throw new Error(`etcd did not set up the watch within ${options.createTimeoutMs} ms`)
  } finally {
    clearTimeout(timer)
    queue.close()
    watch.cancel()
  }
}

/** As long as was worked, so that half of the event loop is the host's; more comes in meanwhile, and is written together. */
async function rest(workedMs: number): Promise<void> {
  if (workedMs >= 1) await sleep(Math.min(workedMs, LONGEST_REST_MS))
}

const LONGEST_REST_MS = 20

/** How long we have worked. What others do with the event loop between two slices is no work of ours: they have had it. */
class Work {
  readonly #slice: () => Promise<void> | undefined
  readonly #startedAt = performance.now()
  #waitedMs = 0

  constructor(slice: () => Promise<void> | undefined) {
    this.#slice = slice
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt - this.#waitedMs
  }

  /** undefined while this slice has time left, else a promise to wait for before going on. */
  pause(): Promise<void> | undefined {
    return this.#slice()?.then(this.#resumed(performance.now()))
  }

  #resumed(pausedAt: number): () => void {
    return () => {
      this.#waitedMs += performance.now() - pausedAt
    }
  }
}

/** Responses that are written together. */
class Batch {
  readonly #clusterId: string
  readonly #newest = new Map<string, WatchEvent>()
  /** The last revision with events. */
  revision: number
  /** The last revision that a response without events came with; 0: none did. */
  progress = 0

  constructor(applied: number, clusterId: string) {
    this.revision = applied
    this.#clusterId = clusterId
  }

  /** The last event of each key, in the order of their revisions: a name that others lead to comes before what leads there. */
  get newest(): Iterable<WatchEvent> {
    return this.#newest.values()
  }

  /** Throws what cannot be right. */
  add(response: WatchResponse): void {
    refuseIfWrong(response, this.revision, this.#clusterId)
    const { events, created, header } = response
    if (events.length === 0 && !created) this.progress = Number(header.revision)
    const before = this.revision
    for (const event of events) {
      const revision = Number(event.kv.mod_revision)
      // Those of one transaction come in one response.
      if (revision <= before || revision < this.revision)
        throw new Error(`etcd sent revision ${revision} after ${this.revision}`)
      this.revision = revision
      const key = event.kv.key.toString('latin1')
      this.#newest.delete(key)
      this.#newest.set(key, event)
    }
  }
}

function refuseIfWrong(
  { header, canceled, compact_revision, cancel_reason, watch_id }: WatchResponse,
  applied: number,
  clusterId: string,
): void {
  if (canceled) {
    const reason =
      cancel_reason || (compact_revision === '0' ? 'no reason given' : `compacted up to revision ${compact_revision}`)
    throw new Error(`etcd cancelled the watch: ${reason}`)
  }
  if (header.cluster_id !== clusterId)
    throw new Error(`another etcd cluster answers, ${header.cluster_id} for ${clusterId}`)
  // Up to 3.4.24 and 3.5.7 an answer to a question for progress may overtake events, or be overtaken (etcd's issue 15220).
  if (Number(header.revision) < applied && watch_id !== ASKED_PROGRESS) {
    throw new Error(`the revision of etcd went back from ${applied} to ${header.revision}`)
  }
}

/** Writes each owner once. Returns how many changed. */
async function writeEvents(
  { layout, index, onTouched }: WatchApplierOptions,
  events: Iterable<WatchEvent>,
  work: Work,
): Promise<number> {
  const set = new ChangeSet()
  for (const { type, kv } of events) {
    const wait = work.pause()
    if (wait !== undefined) await wait
    // Whatever the key said of anyone goes: it is deleted, or says something new, or nothing that can be understood.
    for (const { owner, path } of layout.spots(kv.key)) {
      onTouched(owner, path)
      set.add(owner, { path })
    }
    const address = layout.healthAddress(kv.key)
    if (address !== undefined) onTouched(HEALTH_PLACE, address)
    if (address !== undefined && type === 'Delete') index.health.set(address, 'unknown')
    index.keyChanged(kv.key)
    if (type !== 'Put') continue
    const decoded = layout.decode(kv.key, kv.value)
    if (address !== undefined) index.health.set(address, decoded.kind === 'health' ? decoded.state : 'unknown')
    if (decoded.kind === 'otherView') index.ignoredKey(kv.key)
    if (decoded.kind === 'bad') index.badKey(kv.key, decoded.reason)
    if (decoded.kind !== 'records') continue
    const modRevision = Number(kv.mod_revision)
    for (const { owner, ...record } of decoded.records) {
      set.add(owner, { path: record.path, leaf: { ...record, modRevision } })
    }
  }
  let changed = 0
  for (const { owner, changes } of set.values()) {
    const wait = work.pause()
    if (wait !== undefined) await wait
    if (index.apply(owner, changes)) changed++
  }
  return changed
}
