import { setTimeout as sleep } from 'node:timers/promises'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW, viewNumber } from '../../records/view.js'
import { decodeRRset, RRsetEncoder } from '../../records/wire-rrset.js'
import { nameToText } from '../../wire/name.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import { groupByOwner, type OwnerGroup, ownerKey } from '../owner-groups.js'
import type { HealthState, StoreSink } from '../record-store.js'
import { type Revise, type Revision, revisionOf } from '../revise.js'
import { KeyedTaskQueue } from '../task-queue.js'
import { EtcdClient } from './client.js'
import { failureReason } from './failure-reason.js'
import { closedError, type Follower } from './follower.js'
import type { WritableLayout } from './key-layout.js'
import { knownOwner } from './known-owner.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import type { OwnerState, Plan } from './owner-changes.js'
import { firstKeys, planDelete, planEdit, planPut, visibleRRsets } from './owner-plan.js'
import { readOwner } from './read-owner.js'
import { SharedTransactions } from './shared-transactions.js'
import { healthValue, watchedValue } from './value-containerdns.js'
import { refuseUnsaid } from './value-rrset.js'

/** Owners written at a time. etcd flushes its disk for several at once: 1 200 owners took 4.2 s one by one (2026-11, two shared cores), 2.1 s so. */
const LANES = 16
/** Edits under way at a time, each of another owner. */
const EDITS_AT_ONCE = 256
/** How long to wait, at most, after having lost against others who change the same keys. */
const LONGEST_CONFLICT_WAIT_MS = 200
/** gRPC: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE. Another attempt, or another member, may have better luck. */
const PASSING_CODES: ReadonlySet<unknown> = new Set([1, 2, 4, 13, 14])

/** Writes records to etcd, a transaction for each owner, and waits until they have come back by the watch. */
export class EtcdWriter {
  readonly #sink: StoreSink
  readonly #options: ParsedEtcdStoreOptions
  readonly #layout: WritableLayout
  readonly #follower: Follower
  readonly #encoder = new RRsetEncoder()
  readonly #queue = new KeyedTaskQueue(EDITS_AT_ONCE)
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  #host = 0
  /** Owners that we have written, by `ownerKey`, with the revision that the index must reach before it is up to date for them. */
  readonly #writtenAt = new Map<string, number>()
  /** When etcd last let a call wait in vain, and with what. */
  #failure: { readonly atMs: number; readonly error: ContainerDnsError } | undefined

  constructor(sink: StoreSink, options: ParsedEtcdStoreOptions, layout: WritableLayout, follower: Follower) {
    this.#sink = sink
    this.#options = options
    this.#layout = layout
    this.#follower = follower
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
          const done = await this.#transact(owner, layout, candidates, (state, coverRevision) =>
            planPut(state, ofView, layout, this.#encoder, this.#sink.defaultTtl, coverRevision),
          )
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
      return this.#transact(
        owner,
        layout,
        () => [],
        (state, coverRevision) => planDelete(state, type, layout, this.#sink.defaultTtl, coverRevision),
      )
    })
    await this.#follower.waitFor(revision, this.#options.requestTimeoutMs)
    if (hasChanged) await this.#sink.settled()
    return hasChanged
  }

  /** Edits of different names are under way together, those of one name in their order. */
  async edit(name: string, revise: Revise, view = DEFAULT_VIEW): Promise<void> {
    viewNumber(this.#sink.views, view)
    const layout = this.#layout.inView(view)
    const owner = this.#encoder.name(name).slice()
    const calledAtMs = this.#sink.clock.monotonicMs()
    const done = await this.#queue.runFor(ownerKey(owner), async () => {
      this.#throwIfNoUse(calledAtMs)
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
      return await this.#transact(owner, layout, () => this.#likelyKeys(owner, layout, revised), planFor)
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
      this.#throwIfNoUse(calledAtMs)
      return this.#persist(address, async ({ client }, timeoutMs) => {
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
    this.#connection?.client.close()
    await this.#queue.idle()
  }

  /** Calls run in their order. Those that waited behind one that etcd did not answer fail with it: each is bounded, not only the first. */
  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const calledAtMs = this.#sink.clock.monotonicMs()
    return this.#queue.run(async () => {
      this.#throwIfNoUse(calledAtMs)
      return task()
    })
  }

  #throwIfNoUse(calledAtMs: number): void {
    this.#throwIfClosed()
    if (this.#failure !== undefined && this.#failure.atMs > calledAtMs) throw this.#failure.error
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

  /** Plans and writes, a step at a time, until nothing is left to do. Resolves to the revision that holds the result. */
  async #transact(
    owner: Uint8Array,
    layout: WritableLayout,
    candidates: () => readonly Buffer[],
    planFor: PlanFor,
  ): Promise<{ hasChanged: boolean; revision: number }> {
    // A transaction without an answer may have happened all the same.
    let hasChanged = false
    let revision = 0
    let coverRevision = 0
    const mayHaveChanged = (error: unknown) => {
      hasChanged = true
      throw error
    }
    let isFirst = true
    const done = await this.#persist(nameToText(owner), async ({ client, transactions }, timeoutMs) => {
      const unread = isFirst ? this.#planUnread(owner, layout, planFor) : undefined
      isFirst = false
      if (unread !== undefined) {
        const outcome = await transactions.send(unread, timeoutMs).catch(mayHaveChanged)
        if (outcome.succeeded) return { done: { hasChanged: true, revision: outcome.revision } }
      }
      const state = await readOwner(client, owner, candidates, layout, this.#follower, timeoutMs)
      if ('awaited' in state) {
        await this.#follower.waitFor(state.awaited, timeoutMs)
        return 'again'
      }
      // What we have covered the leaves with has been changed by somebody after us. It is for them to go on from there.
      if (coverRevision > 0 && !hasKeyOf(state, coverRevision)) return { done: { hasChanged, revision } }
      const plan = planFor(state, coverRevision)
      if (plan.success.length === 0) return { done: { hasChanged, revision: Math.max(revision, newestOf(state)) } }
      const response = await client.txn(plan, timeoutMs).catch(mayHaveChanged)
      if (!response.succeeded) return 'conflict'
      hasChanged = true
      revision = Number(response.header.revision)
      if (plan.isCover) coverRevision = revision
      return plan.isLast ? { done: { hasChanged, revision } } : 'more'
    })
    this.#noteWritten(owner, done.revision)
    return done
  }

  /**
   * A plan made of what the index has of the owner: the usual case, in one call to etcd. undefined where that is not enough, or out of date for
   * all we know. That there is nothing to do, or that it must not be done, only etcd can say, of what it holds.
   */
  #planUnread(owner: Uint8Array, layout: WritableLayout, planFor: PlanFor): Plan | undefined {
    const { index, revision, isFollowing } = this.#follower
    if (!isFollowing || (this.#writtenAt.get(ownerKey(owner)) ?? 0) > revision) return undefined
    try {
      const state = knownOwner(owner, layout, index, this.#sink, revision)
      const plan = state && planFor(state, 0)
      return plan?.isLast === true && plan.success.length > 0 ? plan : undefined
    } catch {
      // Told when it is made of what etcd holds.
      return undefined
    }
  }

  #noteWritten(owner: Uint8Array, revision: number): void {
    const key = ownerKey(owner)
    this.#writtenAt.delete(key)
    this.#writtenAt.set(key, revision)
    // In the order in which they were written, more or less.
    for (const [oldest, writtenAt] of this.#writtenAt) {
      if (writtenAt > this.#follower.revision) break
      this.#writtenAt.delete(oldest)
    }
  }

  /**
   * A step is tried again when somebody came between, or etcd was away for a moment, for as long as a request may take; and then the
   * next, where there is more to do.
   */
  async #persist<T>(
    what: string,
    step: (connection: Connection, timeoutMs: number) => Promise<{ readonly done: T } | 'more' | 'again' | 'conflict'>,
  ): Promise<T> {
    const { requestTimeoutMs, tuning, hosts } = this.#options
    let deadlineMs = this.#sink.clock.monotonicMs() + requestTimeoutMs
    for (let conflicts = 0; ; ) {
      const remainingMs = deadlineMs - this.#sink.clock.monotonicMs()
      let connection: Connection | undefined
      try {
        connection = await this.#connected()
        const outcome = await step(connection, Math.max(1, Math.min(remainingMs, requestTimeoutMs / hosts.length)))
        if (outcome === 'more') {
          deadlineMs = this.#sink.clock.monotonicMs() + requestTimeoutMs
          conflicts = 0
        } else if (outcome === 'again') {
          // What it waited for is here.
          if (remainingMs < requestTimeoutMs / 20) throw conflictError(what, requestTimeoutMs)
        } else if (outcome === 'conflict') {
          conflicts++
          // What is left is too little for another attempt.
          if (remainingMs < requestTimeoutMs / 20) throw conflictError(what, requestTimeoutMs)
          await sleep(Math.random() * Math.min(20 * conflicts, LONGEST_CONFLICT_WAIT_MS))
        } else {
          return outcome.done
        }
      } catch (error) {
        if (error instanceof ContainerDnsError) throw error
        this.#drop(connection)
        this.#throwIfClosed()
        const isPassing = PASSING_CODES.has((error as { code?: unknown }).code)
        if (!isPassing || deadlineMs - this.#sink.clock.monotonicMs() < tuning.firstRetryMs)
          throw this.#unavailable(error as Error)
        await sleep(tuning.firstRetryMs * (0.5 + Math.random() / 2))
      }
      this.#throwIfClosed()
    }
  }

  /** One for all who want one meanwhile. */
  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<Connection> {
    const { hosts } = this.#options
    const client = await EtcdClient.connect(hosts[this.#host++ % hosts.length]!, this.#options)
    if (this.#follower.closed) {
      client.close()
      throw closedError()
    }
    this.#connection = { client, transactions: new SharedTransactions(client) }
    return this.#connection
  }

  /** After a failure. Of many who had one connection, the first drops it, and the others go on with the next. */
  #drop(connection: Connection | undefined): void {
    connection?.client.close()
    if (connection === this.#connection) this.#connection = undefined
  }

  #unavailable(cause: Error): ContainerDnsError {
    const error = new ContainerDnsError(
      'CDNS_STORE_UNAVAILABLE',
      `etcd did not take the change: ${failureReason(cause)}`,
      {
        cause,
      },
    )
    this.#failure = { atMs: this.#sink.clock.monotonicMs(), error }
    return error
  }

  #throwIfClosed(): void {
    if (this.#follower.closed) throw closedError()
  }
}

type PlanFor = (state: OwnerState, coverRevision: number) => Plan

interface Connection {
  readonly client: EtcdClient
  readonly transactions: SharedTransactions
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

/** Works on several at a time. Rejects with the first that failed once all that were begun have ended; the rest is left. */
async function inLanes<T>(items: Iterable<T>, laneCount: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  let hasFailed = false
  const lane = async () => {
    for (let next = rest.next(); next.done !== true && !hasFailed; next = rest.next()) {
      await work(next.value).catch((error: unknown) => {
        hasFailed = true
        throw error
      })
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: laneCount }, lane))
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason
}

function conflictError(what: string, timeoutMs: number): ContainerDnsError {
  return new ContainerDnsError('CDNS_STORE_CONFLICT', `others kept changing ${what} in etcd for ${timeoutMs} ms`)
}

function hasKeyOf(state: OwnerState, revision: number): boolean {
  for (const { modRevision } of state.keys.values()) if (modRevision === revision) return true
  return false
}

/** The revision from which on the index holds what was read. */
function newestOf(state: OwnerState): number {
  let newest = 0
  for (const { modRevision, record } of state.keys.values())
    if (record !== undefined) newest = Math.max(newest, modRevision)
  return newest
}
