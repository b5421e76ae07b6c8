import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../clock.js'
import { ContainerDnsError } from '../errors.js'
import { guardedLogger, type Logger } from '../log.js'
import { EtcdClient } from '../store/etcd/client.js'
import { failureReason } from '../store/etcd/failure-reason.js'
import { BridgeKeys } from './bridge-keys.js'
import { type KubernetesBridgeOptions, type ParsedBridgeOptions, parseBridgeOptions } from './bridge-options.js'
import { ClusterFollower } from './cluster-follower.js'
import { EtcdReconciler } from './etcd-reconciler.js'
import { loadAccess } from './kube-access.js'
import { KubeClient } from './kube-client.js'
import { LeaderElection, LostLeadership } from './leader-election.js'

/** Writes a cluster's records to etcd, for any number of servers. */
export interface KubernetesBridge {
  status(): KubernetesBridgeStatus
  /** Hands the lead over, and stops. May be called twice. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface KubernetesBridgeStatus {
  /** Whether this bridge is the one that writes. */
  readonly isLeader: boolean
  /** Whether the API server is followed. */
  readonly connected: boolean
  /** Keys of this cluster in etcd, as far as the leader knows; 0 for who does not lead. */
  readonly keys: number
  /** Keys written and removed since the start. */
  readonly writes: number
  /** Keys that would be ours, but were written by somebody else. */
  readonly conflicts: number
  /** Objects of the cluster that cannot be understood. */
  readonly badObjects: number
}

/**
 * Resolves once the cluster has been read, and either etcd is in line with it or another bridge of the same cluster leads. Until then
 * it keeps trying; `signal` ends that (CDNS_ABORTED). Throws the codes of options and of kubeconfigs.
 */
export async function startKubernetesBridge(options: KubernetesBridgeOptions): Promise<KubernetesBridge> {
  const parsed = parseBridgeOptions(options)
  const bridge = new Bridge(parsed, new KubeClient(await loadAccess(parsed)))
  const onAbort = () => void bridge.close()
  parsed.signal?.addEventListener('abort', onAbort, { once: true })
  if (parsed.signal?.aborted) onAbort()
  try {
    await bridge.started()
  } finally {
    parsed.signal?.removeEventListener('abort', onAbort)
  }
  return bridge
}

const SLICE_MS = 5

class Bridge implements KubernetesBridge {
  readonly #options: ParsedBridgeOptions
  readonly #logger: Logger
  readonly #clock: Clock = systemClock
  readonly #closing = new AbortController()
  readonly #follower: ClusterFollower
  readonly #election: LeaderElection
  readonly #reconciler: EtcdReconciler
  #isSettled = false
  #announceSettled: () => void = () => {}
  readonly #settled: Promise<void>
  #wake: () => void = () => {}
  #sliceStartedAt = 0
  readonly #running: Promise<unknown>

  constructor(options: ParsedBridgeOptions, kube: KubeClient) {
    this.#options = options
    this.#logger = guardedLogger(options.logger)
    const { prefix, cluster, zone, etcd, leaseMs, monitor } = options
    this.#follower = this.#follow(kube)
    this.#election = new LeaderElection({
      // No cluster that has a name is called so.
      folder: `${prefix.replace(/\/$/, '')}.kubernetes/${cluster === '' ? '.' : cluster}/`,
      id: randomUUID(),
      leaseMs,
      requestTimeoutMs: etcd.requestTimeoutMs,
      clock: this.#clock,
    })
    this.#reconciler = new EtcdReconciler({
      keys: new BridgeKeys(prefix, cluster, zone, monitor),
      election: this.#election,
      requestTimeoutMs: etcd.requestTimeoutMs,
      pageSize: etcd.tuning.pageSize,
      onConflict: (key) => this.#logger.warn({ key }, 'a key that the cluster has a record for was written by another'),
      pause: () => this.#pause(),
    })
    this.#settled = new Promise((resolve) => {
      this.#announceSettled = resolve
    })
    const { signal } = this.#closing
    this.#running = Promise.all([this.#follower.run(signal), this.#run(signal)])
  }

  async started(): Promise<void> {
    await this.#settled
    if (!this.#isSettled) throw new ContainerDnsError('CDNS_ABORTED', 'the bridge was stopped before it had started')
  }

  status(): KubernetesBridgeStatus {
    const { isLeader } = this.#election
    const { keyCount, writes, conflicts } = this.#reconciler
    return {
      isLeader,
      connected: this.#follower.isFollowing,
      keys: isLeader ? keyCount : 0,
      writes,
      conflicts,
      badObjects: this.#follower.badObjects,
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#announceSettled()
    this.#wake()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #follow(client: KubeClient): ClusterFollower {
    return new ClusterFollower({
      client,
      clusterOptions: this.#options,
      clock: this.#clock,
      pause: () => this.#pause(),
      onChanges: () => this.#wake(),
      onDown: (err) =>
        this.#logger.warn({ err, server: client.server }, 'the API server cannot be followed; what is in etcd stays'),
      onUp: () => this.#logger.info({ server: client.server }, 'the API server is followed'),
      onBadObject: (key, reason) =>
        this.#logger.warn({ key, reason }, 'an object could not be understood and was skipped'),
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { hosts, tuning } = this.#options.etcd
    const closed = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    // Without all of it, everything not yet read would look gone.
    await Promise.race([this.#follower.listed, closed])
    let retryMs = tuning.firstRetryMs
    for (let attempt = 0; !signal.aborted; attempt++) {
      const startedAt = this.#clock.monotonicMs()
      try {
        await this.#lead(hosts[attempt % hosts.length]!, signal)
      } catch (error) {
        if (signal.aborted) break
        this.#reportLost(error as Error)
      }
      if (this.#clock.monotonicMs() - startedAt > tuning.longestRetryMs) retryMs = tuning.firstRetryMs
      await sleep(retryMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
      retryMs = Math.min(2 * retryMs, tuning.longestRetryMs)
    }
  }

  /** One client's life: until somebody else leads, or etcd fails. Never resolves. */
  async #lead(host: string, signal: AbortSignal): Promise<void> {
    const client = await EtcdClient.connect(host, this.#options.etcd)
    // What one of the two is still doing must have ended before the next client does anything.
    const ending = new AbortController()
    const end = () => ending.abort()
    signal.addEventListener('abort', end, { once: true })
    const tasks: Promise<never>[] = []
    try {
      await this.#election.campaign(client, ending.signal, () => this.#settle())
      this.#logger.info({ cluster: this.#options.cluster }, 'this bridge leads')
      tasks.push(this.#election.hold(client, ending.signal), this.#write(client, ending.signal))
      await Promise.race(tasks)
    } finally {
      end()
      signal.removeEventListener('abort', end)
      await Promise.allSettled(tasks)
      if (signal.aborted) await this.#election.resign(client).catch((error) => this.#reportLost(error))
      this.#election.forget()
      client.close()
    }
  }

  async #write(client: EtcdClient, signal: AbortSignal): Promise<never> {
    const { records } = this.#follower
    for (;;) {
      await this.#reconciler.reconcile(client, records, signal)
      this.#settle()
      const reconcileAt = this.#clock.monotonicMs() + this.#options.reconcileIntervalMs
      for (let leftMs = 1; leftMs > 0; leftMs = reconcileAt - this.#clock.monotonicMs()) {
        await this.#changes(leftMs, signal)
        await this.#reconciler.follow(client, records, signal)
      }
    }
  }

  /** Resolves when there are changes, or the time is over. Throws when aborted. */
  async #changes(withinMs: number, signal: AbortSignal): Promise<void> {
    // An abort during the last write is no event any more.
    signal.throwIfAborted()
    if (!this.#follower.records.hasChanges) {
      const over = new AbortController()
      const end = () => over.abort()
      this.#wake = end
      signal.addEventListener('abort', end, { once: true })
      await sleep(withinMs, undefined, { signal: over.signal }).catch(() => {})
      signal.removeEventListener('abort', end)
    }
    signal.throwIfAborted()
  }

  #settle(): void {
    if (this.#closing.signal.aborted) return
    this.#isSettled = true
    this.#announceSettled()
  }

  #reportLost(error: Error): void {
    if (error instanceof LostLeadership) this.#logger.warn({}, 'another bridge leads now')
    else this.#logger.warn({ reason: failureReason(error) }, 'etcd cannot be written; it is tried again')
  }

  #pause(): Promise<void> | undefined {
    const now = this.#clock.monotonicMs()
    if (now - this.#sliceStartedAt < SLICE_MS) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#sliceStartedAt = this.#clock.monotonicMs()
        resolve()
      })
    })
  }
}
