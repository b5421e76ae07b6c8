import type { EtcdClient } from '../store/etcd/client.js'
import type { KeyRange } from '../store/etcd/key-layout.js'
import { pages } from '../store/etcd/loader/pages.js'
import type { Compare, RequestOp } from '../store/etcd/messages.js'
import type { BridgeKeys, NewValue } from './bridge-keys.js'
import type { ClusterRecords, OwnerRecords } from './cluster-records.js'
import { type LeaderElection, LostLeadership } from './leader-election.js'

export interface EtcdReconcilerOptions {
  readonly keys: BridgeKeys
  readonly election: LeaderElection
  readonly requestTimeoutMs: number
  /** Keys a page. */
  readonly pageSize: number
  /** A key that we want is somebody else's, and stays so. */
  readonly onConflict: (key: string) => void
  /** undefined while this slice of the event loop has time left. */
  readonly pause: () => Promise<void> | undefined
}

/** What we know of a key of ours. */
interface Known {
  readonly value: string
  readonly modRevision: number
}

type Change = readonly [key: string, value: NewValue]
/** undefined as the value: it is to be removed. */
type Written = readonly [key: string, value: string | undefined]

/** etcd takes 128 conditions in one transaction, `--max-txn-ops`; the fence is one. */
const CHANGES_PER_TXN = 100

/** Brings etcd in line with a cluster's records: of keys that carry our source and cluster, and of no others. */
export class EtcdReconciler {
  readonly #options: EtcdReconcilerOptions
  readonly #known = new Map<string, Known>()
  /** The keys that an owner is to have. */
  readonly #wanted = new Map<string, readonly string[]>()
  readonly #conflicts = new Set<string>()
  #writes = 0

  constructor(options: EtcdReconcilerOptions) {
    this.#options = options
  }

  /** Keys of ours in etcd. */
  get keyCount(): number {
    return this.#known.size
  }

  /** Keys that we would write, if they were not somebody else's. */
  get conflicts(): number {
    return this.#conflicts.size
  }

  get writes(): number {
    return this.#writes
  }

  /** Reads what etcd has of ours, and writes whatever differs. Throws LostLeadership and etcd's errors; then it has to be done anew. */
  async reconcile(client: EtcdClient, records: ClusterRecords, signal: AbortSignal): Promise<void> {
    await this.#read(client, signal)
    this.#wanted.clear()
    this.#conflicts.clear()
    records.touchAll()
    const wanted = new Set<string>()
    await this.#write(client, records, signal, (keys) => {
      for (const key of keys) wanted.add(key)
    })
    const orphans = [...this.#known.keys()].filter((key) => !wanted.has(key))
    for (let from = 0; from < orphans.length; from += CHANGES_PER_TXN) {
      signal.throwIfAborted()
      const some = orphans.slice(from, from + CHANGES_PER_TXN)
      await this.#commit(
        client,
        some.map((key) => [key, this.#options.keys.removal(key)]),
      )
    }
  }

  /** Writes what has changed since. The same throws. */
  async follow(client: EtcdClient, records: ClusterRecords, signal: AbortSignal): Promise<void> {
    await this.#write(client, records, signal, () => {})
  }

  async #read(client: EtcdClient, signal: AbortSignal): Promise<void> {
    const { keys, pageSize, pause, requestTimeoutMs } = this.#options
    this.#known.clear()
    for (const { start, end } of [...keys.ranges, ...(await this.#rangesInViews(client))]) {
      const { header } = await client.range({ key: start, keys_only: true }, requestTimeoutMs)
      const range = { rangeStart: start, rangeEnd: end, pageSize, revision: Number(header.revision) }
      for await (const page of pages(client, range)) {
        for (const { key, value, mod_revision } of page.kvs) {
          const wait = pause()
          if (wait !== undefined) await wait
          signal.throwIfAborted()
          if (!keys.isOwn(value)) continue
          this.#known.set(key.toString('latin1'), { value: value.toString('utf8'), modRevision: Number(mod_revision) })
        }
      }
    }
  }

  /** Of all views that anything is in: also of zones that have had one until now. One question for each. */
  async #rangesInViews(client: EtcdClient): Promise<KeyRange[]> {
    const { keys, requestTimeoutMs } = this.#options
    const ranges: KeyRange[] = []
    let { start: key } = keys.views
    for (;;) {
      const query = { key, range_end: keys.views.end, limit: 1, keys_only: true }
      const found = (await client.range(query, requestTimeoutMs)).kvs[0]?.key
      if (found === undefined) return ranges
      const range = keys.rangeInView(found)
      if (range !== undefined) ranges.push(range)
      key = keys.behindView(found)
    }
  }

  async #write(
    client: EtcdClient,
    records: ClusterRecords,
    signal: AbortSignal,
    onKeys: (keys: Iterable<string>) => void,
  ): Promise<void> {
    const { keys } = this.#options
    // Scanners write to statuses: a batch that meets one has to be written one by one, and is not to have records in it.
    const batches: { readonly records: Change[]; readonly statuses: Change[] } = { records: [], statuses: [] }
    // An owner whose changes were in two transactions would be without any record between them.
    const add = async (batch: Change[], changes: readonly Change[]) => {
      if (batch.length + changes.length > CHANGES_PER_TXN) await this.#commit(client, batch.splice(0))
      batch.push(...changes)
    }
    for (const owner of records.take()) {
      const wait = this.#options.pause()
      if (wait !== undefined) await wait
      signal.throwIfAborted()
      const wanted = keys.of(owner)
      onKeys(wanted.keys())
      const changes = this.#changesOf(owner, wanted)
      await add(
        batches.records,
        changes.filter(([key]) => !keys.isMonitor(key)),
      )
      await add(
        batches.statuses,
        changes.filter(([key]) => keys.isMonitor(key)),
      )
    }
    await this.#commit(client, batches.records)
    await this.#commit(client, batches.statuses)
  }

  /** What is new comes first: an owner with more changes than a transaction takes is never without any record. */
  #changesOf({ name }: OwnerRecords, keys: ReadonlyMap<string, NewValue>): Change[] {
    const changes: Change[] = []
    for (const [key, value] of keys) {
      const now = this.#known.get(key)?.value
      if (value(now) !== now) changes.push([key, value])
    }
    for (const key of this.#wanted.get(name) ?? []) {
      if (!keys.has(key)) changes.push([key, this.#options.keys.removal(key)])
    }
    if (keys.size === 0) this.#wanted.delete(name)
    else this.#wanted.set(name, [...keys.keys()])
    return changes
  }

  /** As many at a time as a transaction takes, where nobody else has touched a key; else one by one. */
  async #commit(client: EtcdClient, given: readonly Change[]): Promise<void> {
    // Of two changes to one key the later counts.
    const changes = [...new Map(given)]
    for (let from = 0; from < changes.length; from += CHANGES_PER_TXN) {
      const some = changes.slice(from, from + CHANGES_PER_TXN)
      if (await this.#tryCommit(client, some)) continue
      for (const change of some) await this.#commitOne(client, change)
    }
  }

  async #commitOne(client: EtcdClient, change: Change): Promise<void> {
    const { keys, election, requestTimeoutMs } = this.#options
    const [key] = change
    while (!(await this.#tryCommit(client, [change]))) {
      const leader = await client.range({ key: election.fence.key, keys_only: true }, requestTimeoutMs)
      if (Number(leader.kvs[0]?.mod_revision ?? 0) !== election.fence.mod_revision) {
        throw new LostLeadership('another bridge has taken the lead')
      }
      const { kvs } = await client.range({ key: Buffer.from(key, 'latin1') }, requestTimeoutMs)
      const now = kvs[0]
      this.#known.delete(key)
      if (now !== undefined && !keys.isOwn(now.value)) {
        // A status that somebody else asks for is one.
        if (!keys.isMonitor(key)) this.#reportConflict(key)
        return
      }
      if (now !== undefined)
        this.#known.set(key, { value: now.value.toString('utf8'), modRevision: Number(now.mod_revision) })
    }
  }

  #reportConflict(key: string): void {
    this.#conflicts.add(key)
    this.#options.onConflict(key)
  }

  async #tryCommit(client: EtcdClient, given: readonly Change[]): Promise<boolean> {
    const { election, keys, requestTimeoutMs } = this.#options
    // What is not there need not be removed.
    const changes = given
      .map(([key, value]): Written => [key, value(this.#known.get(key)?.value)])
      .filter(([key, value]) => value !== undefined || this.#known.has(key))
    if (changes.length === 0) return true
    const compare = [election.fence, ...changes.map(([key]) => this.#asKnown(key))]
    const response = await client.txn({ compare, success: changes.map(operationOf) }, requestTimeoutMs)
    if (!response.succeeded) return false
    const modRevision = Number(response.header.revision)
    for (const [key, value] of changes) {
      this.#conflicts.delete(key)
      // Of a status there may be left what others have added, which is theirs.
      const isOurs = value !== undefined && (!keys.isMonitor(key) || keys.isOwn(Buffer.from(value)))
      if (isOurs) this.#known.set(key, { value, modRevision })
      else this.#known.delete(key)
    }
    this.#writes += changes.length
    return true
  }

  #asKnown(key: string): Compare {
    const modRevision = this.#known.get(key)?.modRevision ?? 0
    return { key: Buffer.from(key, 'latin1'), target: 'Mod', result: 'Equal', mod_revision: modRevision }
  }
}

function operationOf([name, value]: Written): RequestOp {
  const key = Buffer.from(name, 'latin1')
  return value === undefined
    ? { request_delete_range: { key } }
    : { request_put: { key, value: Buffer.from(value, 'utf8') } }
}
