import { ContainerDnsError } from '../errors.js'
import { viewNumber } from '../records/view.js'
import { RRsetEncoder } from '../records/wire-rrset.js'
import type { RecordStore, StoreSink, StoreStatus } from '../store/record-store.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import { ClusterFollower } from './cluster-follower.js'
import { ClusterPublisher } from './cluster-publisher.js'
import { loadAccess } from './kube-access.js'
import { KubeClient } from './kube-client.js'
import {
  type KubernetesStoreOptions,
  type ParsedKubernetesStoreOptions,
  parseKubernetesStoreOptions,
} from './options.js'

/** A store whose records are a Kubernetes cluster's Services, endpoints and pods, read from its API server. Read only. */
export function kubernetesStore(options?: KubernetesStoreOptions): RecordStore {
  return new KubernetesStore(parseKubernetesStoreOptions(options))
}

/** For tests, which pass other tuning. */
export class KubernetesStore implements RecordStore {
  readonly kind = 'kubernetes'
  readonly #options: ParsedKubernetesStoreOptions
  #session: Session | undefined

  constructor(options: ParsedKubernetesStoreOptions) {
    this.#options = options
  }

  /** A name that a rolling update brings is to be seen as soon as an address that it changes. CoreDNS has the same. */
  get negativeTtl(): number {
    return this.#options.ttl
  }

  /** Keeps trying while the API server cannot be reached; `close` ends that. Rejects for what cannot get better by itself. */
  async open(sink: StoreSink): Promise<void> {
    if (this.#session !== undefined) {
      throw new ContainerDnsError('CDNS_STORE_IN_USE', 'this kubernetesStore is in use by another server')
    }
    const session = new Session(sink, this.#options)
    this.#session = session
    try {
      // A zone without its view would be answered as all others, in silence.
      for (const view of this.#options.zoneViews) viewNumber(sink.views, view)
      sink.checkPlace(new RRsetEncoder().name(this.#options.zone), RECORD_TYPES.TXT)
      await session.start()
    } catch (cause) {
      await session.close()
      if (this.#session === session) this.#session = undefined
      throw cause
    }
  }

  put(): Promise<never> {
    return Promise.reject(readOnly())
  }

  delete(): Promise<never> {
    return Promise.reject(readOnly())
  }

  edit(): Promise<never> {
    return Promise.reject(readOnly())
  }

  status(): StoreStatus {
    const { follower, publisher } = this.#session ?? {}
    const lagMs = follower?.lagMs ?? 0
    return {
      connected: follower?.isFollowing ?? false,
      revision: follower?.revision ?? 0,
      loads: follower?.lists ?? 0,
      changes: publisher?.changes ?? 0,
      badRecords: (follower?.badObjects ?? 0) + (publisher?.badOwners ?? 0),
      ignoredRecords: 0,
      lagMs,
      stale: lagMs > this.#options.staleAfterMs,
      lastContactAt: follower?.lastContactAt ?? 0,
      checks: Math.max(0, (follower?.lists ?? 0) - 1),
      discrepancies: 0,
    }
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    await session?.close()
  }
}

/** From `open` to `close`. */
class Session {
  readonly publisher: ClusterPublisher
  follower: ClusterFollower | undefined
  readonly #sink: StoreSink
  readonly #options: ParsedKubernetesStoreOptions
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(sink: StoreSink, options: ParsedKubernetesStoreOptions) {
    this.#sink = sink
    this.#options = options
    this.publisher = new ClusterPublisher(sink, this.#closing.signal)
  }

  /** Resolves once everything has been published. */
  async start(): Promise<void> {
    const sink = this.#sink
    const client = new KubeClient(await loadAccess(this.#options))
    this.#throwIfClosed()
    const follower: ClusterFollower = new ClusterFollower({
      client,
      clusterOptions: this.#options,
      clock: sink.clock,
      pause: () => sink.pause(),
      onChanges: () => this.publisher.publish(follower.records),
      onDown: (cause) => sink.reportDown(unavailable(client.server, cause)),
      onUp: () => sink.reportUp(),
      onBadObject: (key, reason) => sink.reportBadRecord({ key, reason }),
    })
    this.follower = follower
    this.#running = follower.run(this.#closing.signal)
    const closed = new Promise<void>((resolve) => {
      this.#closing.signal.addEventListener('abort', () => resolve())
    })
    await Promise.race([follower.listed, this.#running, closed])
    this.#throwIfClosed()
    await this.publisher.publish(follower.records)
    this.#throwIfClosed()
    await sink.settled()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    await this.publisher.idle()
  }

  #throwIfClosed(): void {
    if (this.#closing.signal.aborted) throw new ContainerDnsError('CDNS_CLOSED', 'the kubernetesStore has been closed')
  }
}

function readOnly(): ContainerDnsError {
  return new ContainerDnsError(
    'CDNS_STORE_UNSUPPORTED',
    'records of a Kubernetes cluster are read only; change its Services and Pods',
  )
}

function unavailable(server: string, cause: Error): ContainerDnsError {
  const message = `the API server ${server} cannot be followed: ${cause.message || String(cause)}`
  return new ContainerDnsError('CDNS_STORE_UNAVAILABLE', message, { cause })
}
