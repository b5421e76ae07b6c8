import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../clock.js'
import { ContainerDnsError } from '../../errors.js'
import { EtcdClient } from './client.js'
import { failureReason } from './failure-reason.js'
import { closedError, type Follower } from './follower.js'
import type { ParsedEtcdStoreOptions } from './options.js'
import { SharedTransactions } from './shared-transactions.js'

/** How long to wait, at most, after having lost against others who change the same keys. */
const LONGEST_CONFLICT_WAIT_MS = 200
/** gRPC: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE. Another attempt, or another member, may have better luck. */
const PASSING_CODES: ReadonlySet<unknown> = new Set([1, 2, 4, 13, 14])

export interface Connection {
  readonly client: EtcdClient
  readonly transactions: SharedTransactions
}

/** How a step has ended: it is done, there is another one, what it waited for is here, or somebody came between. */
export type StepOutcome<T> = { readonly done: T } | 'more' | 'again' | 'conflict'

/** Calls to etcd that are tried again, with another member where one does not answer. */
export class PersistentCalls {
  readonly #options: ParsedEtcdStoreOptions
  readonly #clock: Clock
  readonly #follower: Follower
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  #host = 0
  /** When etcd last let a call wait in vain, and with what. */
  #failure: { readonly atMs: number; readonly error: ContainerDnsError } | undefined

  constructor(options: ParsedEtcdStoreOptions, clock: Clock, follower: Follower) {
    this.#options = options
    this.#clock = clock
    this.#follower = follower
  }

  /**
   * A step is tried again when somebody came between, or etcd was away for a moment, for as long as a request may take; and then the
   * next, where there is more to do.
   */
  async persist<T>(
    what: string,
    step: (connection: Connection, timeoutMs: number) => Promise<StepOutcome<T>>,
  ): Promise<T> {
    const { requestTimeoutMs, tuning, hosts } = this.#options
    let deadlineMs = this.#clock.monotonicMs() + requestTimeoutMs
    for (let conflicts = 0; ; ) {
      const remainingMs = deadlineMs - this.#clock.monotonicMs()
      let connection: Connection | undefined
      try {
        connection = await this.#connected()
        const outcome = await step(connection, Math.max(1, Math.min(remainingMs, requestTimeoutMs / hosts.length)))
        if (outcome === 'more') {
          deadlineMs = this.#clock.monotonicMs() + requestTimeoutMs
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
        if (!isPassing || deadlineMs - this.#clock.monotonicMs() < tuning.firstRetryMs)
          throw this.#unavailable(error as Error)
        await sleep(tuning.firstRetryMs * (0.5 + Math.random() / 2))
      }
      this.#throwIfClosed()
    }
  }

  /** Throws CDNS_CLOSED, and what etcd has failed with since a call was made that has waited for its turn. */
  throwIfNoUse(calledAtMs: number): void {
    this.#throwIfClosed()
    if (this.#failure !== undefined && this.#failure.atMs > calledAtMs) throw this.#failure.error
  }

  /** The follower has been closed before. */
  close(): void {
    this.#connection?.client.close()
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
    this.#failure = { atMs: this.#clock.monotonicMs(), error }
    return error
  }

  #throwIfClosed(): void {
    if (this.#follower.closed) throw closedError()
  }
}

function conflictError(what: string, timeoutMs: number): ContainerDnsError {
  return new ContainerDnsError('CDNS_STORE_CONFLICT', `others kept changing ${what} in etcd for ${timeoutMs} ms`)
}
