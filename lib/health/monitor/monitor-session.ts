import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../log.js'
import { EtcdClient, RESOURCE_EXHAUSTED } from '../../store/etcd/client.js'
import { failureReason } from '../../store/etcd/failure-reason.js'
import type {
  Compare,
  FoundKeyValue,
  KeyValue,
  RangeRequest,
  RangeResponse,
  RequestOp,
} from '../../store/etcd/messages.js'
import type { ParsedEtcdStoreOptions } from '../../store/etcd/options.js'
import { inSlices } from '../slices.js'

export interface MonitorSessionOptions {
  readonly etcd: ParsedEtcdStoreOptions
  /** Everything below it is read, and followed. */
  readonly prefix: string
  readonly leaseSeconds: number
  readonly logger: Logger
  /** There is a connection and a lease, new or the one from before; nothing has been read yet. */
  readonly onConnected: () => Promise<void>
  /** Everything is about to be told by `onKey`; what is not told until `onLoaded` is gone. */
  readonly onLoad: () => void
  /** A key as it is now; undefined when it is gone. */
  readonly onKey: (key: string, value: Buffer | undefined, revision: number) => void
  readonly onLoaded: () => void | Promise<void>
  /** The lease is over, and with it every key that belonged to it. */
  readonly onLeaseLost: () => void
}

/** Between one attempt to be in touch with etcd and the next. */
const RETRY_MS = 500
/** How many times in its life a lease is renewed. */
const RENEWALS = 3
/** What is decoded in one turn of the event loop: 500 take 2 ms, 10 000 took 80 (`npm run soak -- --only scan`). etcd goes through the whole range for each page, 0.1 ms for 1 000 keys. */
const PAGE_KEYS = 500
/** What decodes the first of them is not compiled yet, and takes 13 ms for 500. */
const FIRST_PAGE_KEYS = 50

/** Touch with etcd for a scanner or a scheduler: a lease that is kept, a prefix that is followed, and all of it again after each failure. */
export class MonitorSession {
  readonly #options: MonitorSessionOptions
  readonly #range: { readonly key: Buffer; readonly range_end: Buffer }
  #client: EtcdClient | undefined
  #host = 0
  #lease: string | undefined
  /** By our clock; etcd's own time for the lease begins and ends a little later. */
  #leaseEndsAt = 0
  #running: Promise<void> = Promise.resolve()
  readonly #stop = new AbortController()
  readonly #isStopped = () => this.#stop.signal.aborted

  constructor(options: MonitorSessionOptions) {
    this.#options = options
    const key = Buffer.from(options.prefix)
    const end = Buffer.from(key)
    end[end.length - 1]!++
    this.#range = { key, range_end: end }
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Undefined while there is none, or it may be over. */
  get lease(): string | undefined {
    return performance.now() < this.#leaseEndsAt ? this.#lease : undefined
  }

  /** One transaction: the revision that it made, or undefined where a comparison failed. Rejects when etcd cannot be asked. */
  async transact(compare: readonly Compare[], success: readonly RequestOp[]): Promise<number | undefined> {
    const { header, succeeded } = await this.#connected().txn({ compare, success }, this.#timeoutMs)
    return succeeded ? Number(header.revision) : undefined
  }

  async read(key: string): Promise<FoundKeyValue | undefined> {
    const { kvs } = await this.#connected().range({ key: Buffer.from(key) }, this.#timeoutMs)
    return kvs[0]
  }

  /**
   * Makes a key under our lease, unless it is there. The revision at which it was made, if it is ours; undefined where it is somebody else's. One that is there
   * under our lease is ours: we have made it, and never heard so.
   */
  async claim(key: string, value: object): Promise<number | undefined> {
    const { lease } = this
    if (lease === undefined) return undefined
    const put = { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), lease }
    const made = await this.transact(
      [{ key: put.key, target: 'Create', result: 'Equal', create_revision: 0 }],
      [{ request_put: put }],
    )
    if (made !== undefined) return made
    const found = await this.read(key)
    return found?.lease === lease ? Number(found.create_revision) : undefined
  }

  /** Gives the lease back, so that nobody waits for its end. */
  async close(): Promise<void> {
    this.#stop.abort()
    const lease = this.lease
    const client = this.#client
    this.#leaseEndsAt = 0
    if (lease !== undefined && client !== undefined) {
      // Without an answer it ends by itself.
      await client.revokeLease(lease, Math.min(1_000, this.#timeoutMs)).catch(() => {})
    }
    client?.close()
    await this.#running
  }

  get #timeoutMs(): number {
    return this.#options.etcd.requestTimeoutMs
  }

  #connected(): EtcdClient {
    if (this.#client === undefined) throw new Error('there is no connection to etcd')
    return this.#client
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let isDown = false
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
          if (isDown) this.#options.logger.info({}, 'etcd is in touch')
          isDown = false
        })
      } catch (error) {
        if (signal.aborted) return
        if (!isDown) this.#options.logger.warn({ reason: failureReason(error as Error) }, 'etcd is out of reach')
        isDown = true
      } finally {
        this.#client?.close()
        this.#client = undefined
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** Until something fails: another member of the cluster may have better luck. */
  async #follow(onInTouch: () => void): Promise<void> {
    const { etcd, onConnected } = this.#options
    const client = await EtcdClient.connect(etcd.hosts[this.#host++ % etcd.hosts.length]!, etcd)
    if (this.#stop.signal.aborted) return client.close()
    this.#client = client
    await this.#renewOrGrant(client)
    await onConnected()
    // A load may take longer than a lease.
    await Promise.race([this.#loadAndWatch(client, onInTouch), this.#keep(client)])
  }

  async #loadAndWatch(client: EtcdClient, onInTouch: () => void): Promise<void> {
    const revision = await this.#load(client)
    onInTouch()
    await this.#watch(client, revision + 1)
  }

  async #renewOrGrant(client: EtcdClient): Promise<void> {
    const { leaseSeconds } = this.#options
    // Which also logs in, before the stream of the next call.
    await client.range({ ...this.#range, limit: 1, keys_only: true }, this.#timeoutMs)
    if (this.#lease !== undefined && (await this.#renew(client))) return
    const askedAt = performance.now()
    this.#lease = await client.grantLease(leaseSeconds, this.#timeoutMs)
    this.#leaseEndsAt = askedAt + leaseSeconds * 1_000
  }

  /** Whether there is the lease still. */
  async #renew(client: EtcdClient): Promise<boolean> {
    const askedAt = performance.now()
    if (await client.keepLease(this.#lease!, this.#timeoutMs)) {
      this.#leaseEndsAt = askedAt + this.#options.leaseSeconds * 1_000
      return true
    }
    this.#lease = undefined
    this.#leaseEndsAt = 0
    this.#options.onLeaseLost()
    return false
  }

  async #keep(client: EtcdClient): Promise<void> {
    const { signal } = this.#stop
    for (;;) {
      await sleep((this.#options.leaseSeconds * 1_000) / RENEWALS, undefined, { signal })
      if (!(await this.#renew(client))) throw new Error('the lease has expired')
    }
  }

  async #load(client: EtcdClient): Promise<number> {
    const { onLoad, onKey, onLoaded } = this.#options
    let revision: number | undefined
    let { key } = this.#range
    let limit = FIRST_PAGE_KEYS
    let most = PAGE_KEYS
    onLoad()
    for (;;) {
      const request = { key, range_end: this.#range.range_end, limit, ...(revision && { revision }) }
      const page = await pageOf(client, request)
      if (page === 'too large') {
        most = Math.ceil(limit / 8)
        limit = most
        continue
      }
      const { header, kvs, more } = page
      revision ??= Number(header.revision)
      const tell = (kv: KeyValue) => onKey(kv.key.toString('latin1'), kv.value, Number(kv.mod_revision))
      await inSlices(kvs, tell, this.#isStopped)
      this.#stop.signal.throwIfAborted()
      if (!more) break
      limit = Math.min(most, 2 * limit)
      key = Buffer.concat([kvs.at(-1)!.key, Buffer.of(0)])
    }
    await onLoaded()
    return revision
  }

  async #watch(client: EtcdClient, revision: number): Promise<void> {
    const watch = client.watch({ ...this.#range, start_revision: revision })
    for await (const { canceled, cancel_reason, events } of watch) {
      if (canceled) throw new Error(`the watch was cancelled: ${cancel_reason}`)
      await inSlices(
        events ?? [],
        ({ type, kv }) => {
          const value = type === 'Delete' ? undefined : kv.value
          this.#options.onKey(kv.key.toString('latin1'), value, Number(kv.mod_revision))
        },
        this.#isStopped,
      )
    }
    throw new Error('the watch has ended')
  }
}

/** Somebody may have put values there that are large: then it takes smaller pages. */
async function pageOf(client: EtcdClient, request: RangeRequest): Promise<RangeResponse | 'too large'> {
  try {
    return await client.range(request)
  } catch (error) {
    if ((error as { code?: unknown }).code === RESOURCE_EXHAUSTED && request.limit! > 1) return 'too large'
    throw error
  }
}
