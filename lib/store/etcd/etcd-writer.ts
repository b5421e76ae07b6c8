import { setTimeout as sleep } from 'node:timers/promises'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW, viewNumber } from '../../records/view.js'
import { RRsetEncoder } from '../../records/wire-rrset.js'
import { nameToText } from '../../wire/name.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import { groupByOwner, type OwnerGroup } from '../owner-groups.js'
import type { StoreSink } from '../record-store.js'
import { TaskQueue } from '../task-queue.js'
import { EtcdClient } from './client.js'
import { failureReason } from './failure-reason.js'
import { closedError, type Follower } from './follower.js'
import type { WritableLayout } from './key-layout.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import type { OwnerState, Plan } from './owner-changes.js'
import { firstKeys, planDelete, planPut } from './owner-plan.js'
import { readOwner } from './read-owner.js'
import { refuseUnsaid } from './value-rrset.js'

/** Owners written at a time. etcd flushes its disk for several at once: 1 200 owners took 4.2 s one by one (2026-11, two shared cores), 2.1 s so. */
const LANES = 16
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
  readonly #queue = new TaskQueue()
  #client: EtcdClient | undefined
  #host = 0
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
          const candidates = ofView.flatMap((rrset) => firstKeys(owner, rrset, layout))
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
      return this.#transact(owner, layout, [], (state, coverRevision) =>
        planDelete(state, type, layout, this.#sink.defaultTtl, coverRevision),
      )
    })
    await this.#follower.waitFor(revision, this.#options.requestTimeoutMs)
    if (hasChanged) await this.#sink.settled()
    return hasChanged
  }

  /** The follower has been closed before. */
  async close(): Promise<void> {
    this.#client?.close()
    await this.#queue.idle()
  }

  /** Calls run in their order. Those that waited behind one that etcd did not answer fail with it: each is bounded, not only the first. */
  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const calledAtMs = this.#sink.clock.monotonicMs()
    return this.#queue.run(async () => {
      this.#throwIfClosed()
      if (this.#failure !== undefined && this.#failure.atMs > calledAtMs) throw this.#failure.error
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

  /**
   * Reads, plans and writes, a step at a time, until nothing is left to do. A step is tried again when somebody came between, or etcd
   * was away for a moment, for as long as a request may take. Resolves to the revision that holds the result.
   */
  async #transact(
    owner: Uint8Array,
    layout: WritableLayout,
    candidates: readonly Buffer[],
    planFor: (state: OwnerState, coverRevision: number) => Plan,
  ): Promise<{ hasChanged: boolean; revision: number }> {
    const { requestTimeoutMs, tuning, hosts } = this.#options
    let deadlineMs = this.#sink.clock.monotonicMs() + requestTimeoutMs
    // A transaction without an answer may have happened all the same.
    let hasChanged = false
    let revision = 0
    let coverRevision = 0
    for (let conflicts = 0; ; ) {
      const remainingMs = deadlineMs - this.#sink.clock.monotonicMs()
      let isWriting = false
      try {
        const client = await this.#connected()
        const timeoutMs = Math.max(1, Math.min(remainingMs, requestTimeoutMs / hosts.length))
        const state = await readOwner(client, owner, candidates, layout, this.#follower.index, timeoutMs)
        // What we have covered the leaves with has been changed by somebody after us. It is for them to go on from there.
        if (coverRevision > 0 && !hasKeyOf(state, coverRevision)) return { hasChanged, revision }
        const plan = planFor(state, coverRevision)
        if (plan.success.length === 0) return { hasChanged, revision: Math.max(revision, newestOf(state)) }
        isWriting = true
        const response = await client.txn(plan, timeoutMs)
        if (response.succeeded) {
          hasChanged = true
          revision = Number(response.header.revision)
          if (plan.isLast) return { hasChanged, revision }
          if (plan.isCover) coverRevision = revision
          deadlineMs = this.#sink.clock.monotonicMs() + requestTimeoutMs
          conflicts = 0
        } else {
          conflicts++
          // What is left is too little for another attempt.
          if (remainingMs < requestTimeoutMs / 20) throw conflictError(owner, requestTimeoutMs)
          await sleep(Math.random() * Math.min(20 * conflicts, LONGEST_CONFLICT_WAIT_MS))
        }
      } catch (error) {
        if (error instanceof ContainerDnsError) throw error
        hasChanged ||= isWriting
        this.#dropClient()
        this.#throwIfClosed()
        const isPassing = PASSING_CODES.has((error as { code?: unknown }).code)
        if (!isPassing || deadlineMs - this.#sink.clock.monotonicMs() < tuning.firstRetryMs)
          throw this.#unavailable(error as Error)
        await sleep(tuning.firstRetryMs * (0.5 + Math.random() / 2))
      }
      this.#throwIfClosed()
    }
  }

  async #connected(): Promise<EtcdClient> {
    if (this.#client === undefined) {
      const { hosts } = this.#options
      const client = await EtcdClient.connect(hosts[this.#host % hosts.length]!, this.#options)
      if (this.#follower.closed) {
        client.close()
        throw closedError()
      }
      this.#client = client
    }
    return this.#client
  }

  #dropClient(): void {
    this.#client?.close()
    this.#client = undefined
    this.#host++
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

function conflictError(owner: Uint8Array, timeoutMs: number): ContainerDnsError {
  return new ContainerDnsError(
    'CDNS_STORE_CONFLICT',
    `others kept changing ${nameToText(owner)} in etcd for ${timeoutMs} ms`,
  )
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
