import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW, viewNumber } from '../../records/view.js'
import { decodeRRset, RRsetEncoder } from '../../records/wire-rrset.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import { groupByOwner, type OwnerGroup, ownerKey } from '../owner-groups.js'
import type { HealthState, StoreSink } from '../record-store.js'
import { type Revise, type Revision, revisionOf } from '../revise.js'
import { KeyedTaskQueue } from '../task-queue.js'
import type { Follower } from './follower.js'
import { healthValue, watchedValue } from './health-value.js'
import { inLanes } from './in-lanes.js'
import type { WritableLayout } from './key-layout.js'
import { LabelledLayout } from './labelled-layout.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import { firstKeys, planDelete, planEdit, planPut, visibleRRsets } from './owner-plan.js'
import { OwnerTransactions, type PlanFor } from './owner-transactions.js'
import { PersistentCalls } from './persistent-calls.js'
import { refuseUnsaid } from './value-rrset.js'

/** Owners written at a time. etcd flushes its disk for several at once: 1 200 owners took 4.2 s one by one (2026-11, two shared cores), 2.1 s so. */
const LANES = 16
/** Edits under way at a time, each of another owner. */
const EDITS_AT_ONCE = 256
/** Writes records to etcd, a transaction for each owner, and waits until they have come back by the watch. */
export class EtcdWriter {
  readonly #sink: StoreSink
  readonly #options: ParsedEtcdStoreOptions
  readonly #layout: WritableLayout
  readonly #follower: Follower
  readonly #encoder = new RRsetEncoder()
  readonly #queue = new KeyedTaskQueue(EDITS_AT_ONCE)
  readonly #calls: PersistentCalls
  readonly #transactions: OwnerTransactions

  constructor(sink: StoreSink, options: ParsedEtcdStoreOptions, layout: WritableLayout, follower: Follower) {
    this.#sink = sink
    this.#options = options
    this.#layout = layout
    this.#follower = follower
    this.#calls = new PersistentCalls(options, sink.clock, follower)
    this.#transactions = new OwnerTransactions(sink, follower, this.#calls)
  }

  async put(rrsets: readonly RRset[]): Promise<void> {
    const revision = await this.#inOrder(async () => {
      const groups = await groupByOwner(rrsets, this.#encoder, () => this.#sink.pause())
      for (const group of groups) this.#refuseUnfit(group)
      for (const { data } of rrsets) refuseUnsaid(data)
      let last = 0
      await inLanes(groups, LANES, async ({ owner, rrsets }) => {
        for (const [view, ofView] of byView(rrsets.values())) {
          const layout = this.#layout.inView(view)
          const candidates = () => ofView.flatMap((rrset) => firstKeys(owner, rrset, layout))
          const planFor: PlanFor = (state, coverRevision) =>
            planPut(state, ofView, layout, this.#encoder, this.#sink.defaultTtl, coverRevision)
          const done = await this.#transactions.transact({ owner, layout, candidates, planFor })
          last = Math.max(last, done.revision)
        }
      })
      return last
    })
    await this.#follower.waitFor(revision, this.#options.requestTimeoutMs)
    await this.#sink.settled()
  }

  async delete(name: string, type?: RecordType, view = DEFAULT_VIEW): Promise<boolean> {
    viewNumber(this.#sink.views, view)
    const layout = this.#layout.inView(view)
    const { hasChanged, revision } = await this.#inOrder(async () => {
      const owner = this.#encoder.name(name).slice()
      const planFor: PlanFor = (state, coverRevision) =>
        planDelete(state, type, layout, this.#sink.defaultTtl, coverRevision)
      return this.#transactions.transact({ owner, layout, candidates: () => [], planFor })
    })
    await this.#follower.waitFor(revision, this.#options.requestTimeoutMs)
    if (hasChanged) await this.#sink.settled()
    return hasChanged
  }

  /** Edits of different names are under way together, those of one name in their order. */
  async edit(name: string, revise: Revise, view = DEFAULT_VIEW, label?: string): Promise<void> {
    viewNumber(this.#sink.views, view)
    const ofView = this.#layout.inView(view)
    const layout = label === undefined ? ofView : new LabelledLayout(ofView, label)
    const owner = this.#encoder.name(name).slice()
    const calledAtMs = this.#sink.clock.monotonicMs()
    const done = await this.#queue.runFor(ownerKey(owner), async () => {
      this.#calls.throwIfNoUse(calledAtMs)
      return this.#edit(owner, layout, revise)
    })
    await this.#follower.waitFor(done.revision, this.#options.requestTimeoutMs)
    await this.#sink.settled()
  }

  async #edit(owner: Uint8Array, layout: WritableLayout, revise: Revise): Promise<{ revision: number }> {
    const { defaultTtl } = this.#sink
    let failure: { readonly error: unknown } | undefined
    const revised = (before: readonly RRset[]): Revision => {
      const revision = revisionOf(before, revise(before))
      for (const { data } of revision.put) refuseUnsaid(data)
      return revision
    }
    let revision: Revision = { put: [], removed: [] }
    const planFor: PlanFor = (state, coverRevision) => {
      failure = undefined
      // Under covers, what is stored is what we have made of it.
      if (coverRevision > 0) return planEdit(state, revision, layout, this.#encoder, defaultTtl, coverRevision)
      try {
        revision = revised(visibleRRsets(state, layout, defaultTtl))
      } catch (error) {
        failure = { error }
        throw new ContainerDnsError('CDNS_STORE_CONFLICT', 'the edit was given up', { cause: error })
      }
      return planEdit(state, revision, layout, this.#encoder, defaultTtl, coverRevision)
    }
    try {
      const candidates = () => this.#likelyKeys(owner, layout, revised)
      return await this.#transactions.transact({ owner, layout, candidates, planFor })
    } catch (error) {
      throw failure === undefined ? error : failure.error
    }
  }

  /** Where an edit would write, to all that we know. Names with thousands of names below them are read key by key. */
  #likelyKeys(owner: Uint8Array, layout: WritableLayout, revised: (before: readonly RRset[]) => Revision): Buffer[] {
    const number = viewNumber(this.#sink.views, layout.view)
    const stored = this.#sink.read(owner).filter(({ view = 0 }) => view === number)
    try {
      const { put } = revised(stored.map((rrset) => decodeRRset(owner, rrset, this.#sink.views)))
      return put.flatMap((rrset) => firstKeys(owner, rrset, layout))
    } catch {
      // What is wrong with it is told when it is made of what etcd holds.
      return []
    }
  }

  /** Writes where the origin's scanner does, and keeps what that says beside. */
  setHealth(address: string, state: HealthState): Promise<void> {
    return this.#changeHealth(address, (stored) => healthValue(stored, state))
  }

  /** In the `domains` beside the state of each address, which is where the origin's API says whom a probe is for. */
  async watchHealth(addresses: readonly string[], name: string, isWanted: boolean): Promise<void> {
    await inLanes(addresses, LANES, (address) =>
      this.#changeHealth(address, (stored) => watchedValue(stored, name, isWanted)),
    )
  }

  async #changeHealth(address: string, change: (stored: Buffer | undefined) => string | undefined): Promise<void> {
    const key = this.#layout.healthKey(address)
    const calledAtMs = this.#sink.clock.monotonicMs()
    const revision = await this.#queue.runFor(key.toString('latin1'), async () => {
      this.#calls.throwIfNoUse(calledAtMs)
      return this.#calls.persist(address, async ({ client }, timeoutMs) => {
        const [stored] = (await client.range({ key }, timeoutMs)).kvs
        const value = change(stored?.value)
        if (value === undefined) return { done: 0 }
        const modRevision = Number(stored?.mod_revision ?? 0)
        const compare = { key, target: 'Mod', result: 'Equal', mod_revision: modRevision } as const
        const success = [{ request_put: { key, value: Buffer.from(value) } }]
        const response = await client.txn({ compare: [compare], success }, timeoutMs)
        return response.succeeded ? { done: Number(response.header.revision) } : 'conflict'
      })
    })
    await this.#follower.waitFor(revision, this.#options.requestTimeoutMs)
  }

  /** The follower has been closed before. */
  async close(): Promise<void> {
    this.#calls.close()
    await this.#queue.idle()
  }

  /** Calls run in their order. Those that waited behind one that etcd did not answer fail with it: each is bounded, not only the first. */
  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const calledAtMs = this.#sink.clock.monotonicMs()
    return this.#queue.run(async () => {
      this.#calls.throwIfNoUse(calledAtMs)
      return task()
    })
  }

  /** Throws for what can be known before the first of a batch is written. The transaction looks again for what may change. */
  #refuseUnfit({ owner, rrsets }: OwnerGroup): void {
    for (const [view, ofView] of byView(rrsets.values())) {
      const number = viewNumber(this.#sink.views, view)
      const types = ofView.map(({ type }) => typeCode(type))
      for (const stored of this.#sink.read(owner)) if ((stored.view ?? 0) === number) types.push(stored.type)
      refuseCnameBesideOthers(owner, types)
    }
  }
}

/** RRsets of one owner by the names of their views. Each view is a transaction of its own. */
function byView(rrsets: Iterable<RRset>): ReadonlyMap<string, readonly RRset[]> {
  const views = new Map<string, RRset[]>()
  for (const rrset of rrsets) {
    const { view = DEFAULT_VIEW } = rrset
    views.set(view, [...(views.get(view) ?? []), rrset])
  }
  return views
}
