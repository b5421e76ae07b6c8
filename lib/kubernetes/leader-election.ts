import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../clock.js'
import type { EtcdClient } from '../store/etcd/client.js'
import type { CompareMod } from '../store/etcd/messages.js'

export interface LeaderElectionOptions {
  /** What our two keys begin with. */
  readonly folder: string
  /** Who we are, among all who may lead. */
  readonly id: string
  /** Who has not been heard of for so long leads no more. */
  readonly leaseMs: number
  readonly requestTimeoutMs: number
  readonly clock: Clock
}

/** Somebody else leads by now, or might. */
export class LostLeadership extends Error {}

/** Heartbeats in the time of a lease. */
const BEATS_PER_LEASE = 3
/** Stands for any heartbeat that is there, before we have seen one. */
const NEVER = -1

/**
 * Who leads, by two keys in etcd: `leader`, which is written when somebody takes the lead and at no other time, and `heartbeat`. Whoever
 * leads writes under the condition that `leader` is still as it was: what a deposed leader sends late has no effect (`fence`).
 *
 * No clocks are compared: a follower waits for as long as a lease, by its own clock, while the heartbeat stays the same.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #leader: Buffer
  readonly #heartbeat: Buffer
  /** The revision at which we took the lead; 0: we do not lead. */
  #term = 0
  #seenBeat = NEVER
  #seenAt = 0

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leader = Buffer.from(`${options.folder}leader`, 'latin1')
    this.#heartbeat = Buffer.from(`${options.folder}heartbeat`, 'latin1')
  }

  get isLeader(): boolean {
    return this.#term > 0
  }

  /** True only as long as we lead: for every transaction that writes. */
  get fence(): CompareMod {
    return { key: this.#leader, target: 'Mod', result: 'Equal', mod_revision: this.#term }
  }

  /** Resolves once we lead; `onWaiting` is called each time that we have found somebody else does. Rejects with etcd's errors, and when aborted. */
  async campaign(client: EtcdClient, signal: AbortSignal, onWaiting: () => void): Promise<void> {
    this.#term = 0
    this.#seenBeat = NEVER
    while (!(await this.#tryToLead(client))) {
      onWaiting()
      await sleep(this.#beatMs, undefined, { signal })
    }
  }

  /** Goes on while we lead. Rejects with LostLeadership, etcd's errors, and when aborted. */
  async hold(client: EtcdClient, signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(this.#beatMs, undefined, { signal })
      await this.#beat(client)
    }
  }

  /** We may have lost the lead, or will soon. */
  forget(): void {
    this.#term = 0
  }

  /** Whoever waits may lead at once. Rejects with etcd's errors. */
  async resign(client: EtcdClient): Promise<void> {
    if (!this.isLeader) return
    const { requestTimeoutMs } = this.#options
    const remove = { compare: [this.fence], success: [{ request_delete_range: { key: this.#leader } }] }
    this.#term = 0
    await client.txn(remove, requestTimeoutMs)
  }

  get #beatMs(): number {
    return this.#options.leaseMs / BEATS_PER_LEASE
  }

  async #tryToLead(client: EtcdClient): Promise<boolean> {
    const { id, leaseMs, requestTimeoutMs, clock } = this.#options
    const { revision: leader, holder } = await this.#read(client, this.#leader)
    const { revision: beat } = await this.#read(client, this.#heartbeat)
    // Our own lead, with another connection: nobody else has taken it.
    const isTaken = leader > 0 && holder !== id
    if (isTaken && (this.#seenBeat !== beat || clock.monotonicMs() - this.#seenAt < leaseMs)) {
      if (this.#seenBeat !== beat) this.#seenAt = clock.monotonicMs()
      this.#seenBeat = beat
      return false
    }
    const isAs = (key: Buffer, revision: number): CompareMod => ({
      key,
      target: 'Mod',
      result: 'Equal',
      mod_revision: revision,
    })
    const value = Buffer.from(id)
    const response = await client.txn(
      {
        compare: [isAs(this.#leader, leader), isAs(this.#heartbeat, beat)],
        success: [this.#leader, this.#heartbeat].map((key) => ({ request_put: { key, value } })),
      },
      requestTimeoutMs,
    )
    if (response.succeeded) this.#term = Number(response.header.revision)
    return response.succeeded
  }

  async #beat(client: EtcdClient): Promise<void> {
    const { id, requestTimeoutMs } = this.#options
    const put = { request_put: { key: this.#heartbeat, value: Buffer.from(id) } }
    const response = await client.txn({ compare: [this.fence], success: [put] }, requestTimeoutMs)
    if (!response.succeeded) throw new LostLeadership('another bridge has taken the lead')
  }

  async #read(client: EtcdClient, key: Buffer): Promise<{ revision: number; holder: string | undefined }> {
    const { kvs } = await client.range({ key }, this.#options.requestTimeoutMs)
    return { revision: Number(kvs[0]?.mod_revision ?? 0), holder: kvs[0]?.value.toString('utf8') }
  }
}
