import { nameToText } from '../../wire/name.js'
import { ownerKey } from '../owner-groups.js'
import type { StoreSink } from '../record-store.js'
import type { Follower } from './follower.js'
import type { WritableLayout } from './key-layout.js'
import { knownOwner } from './known-owner.js'
import type { OwnerState, Plan } from './owner-changes.js'
import type { PersistentCalls } from './persistent-calls.js'
import { readOwner } from './read-owner.js'

/** What to do about an owner as it stands in etcd; `coverRevision` is above 0 once its leaves are covered. */
export type PlanFor = (state: OwnerState, coverRevision: number) => Plan

/** One owner of one view, and what is to become of it. */
export interface OwnerChange {
  readonly owner: Uint8Array
  readonly layout: WritableLayout
  /** Keys at which the change may write, to be read with the others. */
  readonly candidates: () => readonly Buffer[]
  readonly planFor: PlanFor
}

/** Changes owners in etcd, each in a transaction that holds only if nobody has changed it meanwhile. */
export class OwnerTransactions {
  readonly #sink: StoreSink
  readonly #follower: Follower
  readonly #calls: PersistentCalls
  /** Owners that we have written, by `ownerKey`, with the revision that the index must reach before it is up to date for them. */
  readonly #writtenAt = new Map<string, number>()

  constructor(sink: StoreSink, follower: Follower, calls: PersistentCalls) {
    this.#sink = sink
    this.#follower = follower
    this.#calls = calls
  }

  /** Plans and writes, a step at a time, until nothing is left to do. Resolves to the revision that holds the result. */
  async transact(change: OwnerChange): Promise<{ hasChanged: boolean; revision: number }> {
    const { owner, layout, candidates, planFor } = change
    // A transaction without an answer may have happened all the same.
    let hasChanged = false
    let revision = 0
    let coverRevision = 0
    const mayHaveChanged = (error: unknown) => {
      hasChanged = true
      throw error
    }
    let isFirst = true
    const done = await this.#calls.persist(nameToText(owner), async ({ client, transactions }, timeoutMs) => {
      const unread = isFirst ? this.#planUnread(change) : undefined
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
  #planUnread({ owner, layout, planFor }: OwnerChange): Plan | undefined {
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
