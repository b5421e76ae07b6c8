import type { EtcdClient } from './client.js'
import type { RequestOp, TxnRequest } from './messages.js'
import { keyText, MAX_OPERATIONS } from './owner-changes.js'

/** Transactions under way at a time; what comes meanwhile waits, and then goes together. */
const AT_ONCE = 2

/** What has become of a transaction. */
export interface TransactionOutcome {
  readonly succeeded: boolean
  readonly revision: number
}

interface Waiting {
  readonly request: TxnRequest
  readonly timeoutMs: number
  readonly resolve: (outcome: TransactionOutcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends transactions of different owners to etcd as one, where several wait: a call costs us more than all that is in it, and etcd
 * a write to its disk. If one of them must not happen none does, and then each goes by itself.
 */
export class SharedTransactions {
  readonly #client: EtcdClient
  #waiting: Waiting[] = []
  #underWay = 0

  constructor(client: EtcdClient) {
    this.#client = client
  }

  /** Rejects with what etcd says; the transaction may have happened all the same. */
  send(request: TxnRequest, timeoutMs: number): Promise<TransactionOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, timeoutMs, resolve, reject })
      if (this.#underWay < AT_ONCE) void this.#sendWaiting()
    })
  }

  async #sendWaiting(): Promise<void> {
    this.#underWay++
    while (this.#waiting.length > 0) await this.#sendTogether(this.#takeTogether())
    this.#underWay--
  }

  /** The first, and as many of the next as go into a transaction with it. */
  #takeTogether(): readonly Waiting[] {
    const [first, ...others] = this.#waiting
    const taken = [first!]
    const written = keysOf(first!.request.success)
    let comparisons = first!.request.compare.length
    let writes = first!.request.success.length
    for (const next of others) {
      const { compare, success } = next.request
      comparisons += compare.length
      writes += success.length
      // etcd takes no key twice. Of two owners' keys, one may stand where a leaf of the other would.
      const keys = keysOf(success)
      const isDisjoint = keys.every((key) => !written.includes(key))
      if (!isDisjoint || Math.max(comparisons, writes) > MAX_OPERATIONS) break
      written.push(...keys)
      taken.push(next)
    }
    this.#waiting = this.#waiting.slice(taken.length)
    return taken
  }

  /** Never rejects. */
  async #sendTogether(members: readonly Waiting[]): Promise<void> {
    if (members.length === 1) return this.#sendAlone(members[0]!)
    const compare = members.flatMap(({ request }) => request.compare)
    const success = members.flatMap(({ request }) => request.success)
    const timeoutMs = Math.min(...members.map((member) => member.timeoutMs))
    try {
      const { succeeded, header } = await this.#client.txn({ compare, success }, timeoutMs)
      const revision = Number(header.revision)
      if (succeeded) for (const { resolve } of members) resolve({ succeeded, revision })
      else await Promise.all(members.map((member) => this.#sendAlone(member)))
    } catch (error) {
      for (const { reject } of members) reject(error)
    }
  }

  async #sendAlone({ request, timeoutMs, resolve, reject }: Waiting): Promise<void> {
    try {
      const { succeeded, header } = await this.#client.txn(request, timeoutMs)
      resolve({ succeeded, revision: Number(header.revision) })
    } catch (error) {
      reject(error)
    }
  }
}

function keysOf(operations: readonly RequestOp[]): string[] {
  return operations.map(({ request_put, request_delete_range }) => keyText((request_put ?? request_delete_range)!.key))
}
