import type { EtcdClient, WatchEvent, WatchResponse } from './client.js'
import type { KeyLayout } from './key-layout.js'
import { ChangeSet, type LeafIndex } from './leaf-index.js'

export interface WatchApplierOptions {
  readonly client: EtcdClient
  readonly layout: KeyLayout
  readonly index: LeafIndex
  /** How long etcd may take to say that it has set up the watch. */
  readonly createTimeoutMs: number
  readonly slice: () => Promise<void> | undefined
  readonly onCreated: () => void
  /** After all of a revision has been written. */
  readonly onRevision: (revision: number, changed: number) => void
}

/**
 * Follows all changes after `revision`, one revision at a time. Never resolves: whatever ends the watch, and whatever in it
 * cannot be right, is thrown, and then everything is to be read anew.
 */
export async function applyWatch(options: WatchApplierOptions, revision: number, clusterId: string): Promise<never> {
  const { client, layout } = options
  const { rangeStart, rangeEnd } = layout
  const watch = client.watch({ key: rangeStart, range_end: rangeEnd, start_revision: revision + 1 })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    watch.cancel()
  }, options.createTimeoutMs)
  let applied = revision
  try {
    for await (const response of watch) {
      refuseIfWrong(response, applied, clusterId)
      if (response.created) {
        clearTimeout(timer)
        options.onCreated()
      }
      for (const events of byRevision(response.events)) {
        const wait = options.slice()
        if (wait !== undefined) await wait
        applied = revisionAfter(applied, events)
        options.onRevision(applied, applyEvents(options, events))
      }
    }
  } catch (error) {
    if (!isLate) throw error
    throw new Error(`etcd did not set up the watch within ${options.createTimeoutMs} ms`)
  } finally {
    clearTimeout(timer)
    watch.cancel()
  }
  throw new Error('etcd ended the watch')
}

function refuseIfWrong(
  { header, canceled, compact_revision, cancel_reason }: WatchResponse,
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
  if (Number(header.revision) < applied) {
    throw new Error(`the revision of etcd went back from ${applied} to ${header.revision}`)
  }
}

function revisionAfter(applied: number, events: readonly WatchEvent[]): number {
  const revision = Number(events[0]!.kv.mod_revision)
  if (revision > applied) return revision
  throw new Error(`etcd sent revision ${revision} after ${applied}`)
}

/** Events come in the order of their revisions; those of one were one transaction. */
function* byRevision(events: readonly WatchEvent[]): Generator<readonly WatchEvent[]> {
  for (let first = 0; first < events.length; ) {
    const revision = events[first]!.kv.mod_revision
    let end = first + 1
    while (end < events.length && events[end]!.kv.mod_revision === revision) end++
    yield events.slice(first, end)
    first = end
  }
}

/** Writes each owner of a transaction once. Returns how many changed. */
function applyEvents({ layout, index }: WatchApplierOptions, events: readonly WatchEvent[]): number {
  const set = new ChangeSet()
  for (const { type, kv } of events) {
    // Whatever the key said of anyone goes: it is deleted, or says something new, or nothing that can be understood.
    for (const { owner, path } of layout.spots(kv.key)) set.add(owner, { path })
    const address = layout.healthAddress(kv.key)
    if (address !== undefined && type === 'Delete') index.health.set(address, 'unknown')
    if (type !== 'Put') continue
    const decoded = layout.decode(kv.key, kv.value)
    if (address !== undefined) index.health.set(address, decoded.kind === 'health' ? decoded.state : 'unknown')
    if (decoded.kind === 'otherView') index.ignoredRecords++
    if (decoded.kind === 'bad') index.badKey(kv.key, decoded.reason)
    if (decoded.kind !== 'records') continue
    const modRevision = Number(kv.mod_revision)
    for (const { owner, path, type, ttl, rdata } of decoded.records) {
      set.add(owner, { path, leaf: { path, type, ttl, modRevision, rdata } })
    }
  }
  let changed = 0
  for (const { owner, changes } of set.values()) if (index.apply(owner, changes)) changed++
  return changed
}
