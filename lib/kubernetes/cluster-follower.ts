import type { Clock } from '../clock.js'
import { type ClusterKind, ClusterRecords, keyOf } from './cluster-records.js'
import type { KubeClient } from './kube-client.js'
import type { ParsedClusterOptions } from './options.js'
import { ResourceFollower, type ResourceListener } from './resource-follower.js'

export interface ClusterFollowerOptions {
  readonly client: KubeClient
  readonly clusterOptions: ParsedClusterOptions
  readonly clock: Clock
  /** undefined while this slice of the event loop has time left. */
  readonly pause: () => Promise<void> | undefined
  /** There may be changes to take, now that everything has been listed once. Waited for before more is read. */
  readonly onChanges: () => Promise<void> | void
  /** Calls of changes of state: the first attempt that fails, and once all kinds are followed again. */
  readonly onDown: (cause: Error) => void
  readonly onUp: () => void
  readonly onBadObject: (key: string, reason: string) => void
}

const PATHS: Record<ClusterKind, string> = {
  namespaces: '/api/v1',
  services: '/api/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
  pods: '/api/v1',
  nodes: '/api/v1',
}

/** Keeps `records` in line with a cluster, from `run` until its signal is aborted. */
export class ClusterFollower {
  readonly records: ClusterRecords
  readonly #options: ClusterFollowerOptions
  readonly #followers: readonly FollowedResource[]
  readonly #bad = new Set<string>()
  #isDown = false
  #downSince = 0
  #announceListed: () => void = () => {}
  /** Resolves when all objects have been put once. */
  readonly listed: Promise<void>

  constructor(options: ClusterFollowerOptions) {
    this.#options = options
    const { namespaces, pods, originPodNames, zoneClients } = options.clusterOptions
    this.records = new ClusterRecords(options.clusterOptions)
    // Who may read some namespaces only may not list which there are.
    if (namespaces !== undefined) this.records.assume(namespaces)
    const kinds: ClusterKind[] = ['services', 'endpointslices']
    if (pods === 'verified' || originPodNames || zoneClients === 'pods') kinds.push('pods')
    const scopes = namespaces ?? ['']
    this.#followers = [
      ...(namespaces === undefined ? [this.#follow('namespaces', '')] : []),
      ...(zoneClients !== 'none' ? [this.#follow('nodes', '')] : []),
      ...kinds.flatMap((kind) => scopes.map((scope) => this.#follow(kind, scope))),
    ]
    this.listed = new Promise((resolve) => {
      this.#announceListed = resolve
    })
  }

  /** Objects that cannot be understood as they are now. */
  get badObjects(): number {
    return this.#bad.size
  }

  get isFollowing(): boolean {
    return this.#followers.every(({ state }) => state === 'following')
  }

  /** For how long not all kinds have been followed. */
  get lagMs(): number {
    return this.isFollowing || !this.#isDown ? 0 : this.#options.clock.monotonicMs() - this.#downSince
  }

  /** The oldest of what was heard of each kind, in milliseconds since 1970. */
  get lastContactAt(): number {
    return Math.min(...this.#followers.map(({ follower }) => follower.lastContactAt))
  }

  /** The highest version; 0 when the server's are no numbers. */
  get revision(): number {
    return Math.max(0, ...this.#followers.map(({ follower }) => Number(follower.version) || 0))
  }

  /** How often every kind has been listed. */
  get lists(): number {
    return Math.min(...this.#followers.map(({ follower }) => follower.lists))
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#followers.map(({ follower }) => follower.run(signal)))
  }

  #follow(kind: ClusterKind, namespace: string): FollowedResource {
    const { client, clusterOptions, clock } = this.#options
    const scope = namespace === '' ? '' : `/namespaces/${namespace}`
    const listener = this.#listener(kind, namespace, () => followed)
    const follower = new ResourceFollower({
      client,
      clusterOptions,
      clock,
      listener,
      resource: {
        path: `${PATHS[kind]}${scope}/${kind}`,
        labelSelector: kind === 'services' ? clusterOptions.labelSelector : undefined,
      },
    })
    const followed: FollowedResource = { follower, state: 'starting', hasListed: false }
    return followed
  }

  #listener(kind: ClusterKind, namespace: string, self: () => FollowedResource): ResourceListener {
    const { records } = this
    /** The keys that a list has told of, while there is one. */
    let listed: Set<string> | undefined
    return {
      listing: () => {
        listed = new Set()
      },
      put: (object) => {
        const key = keyOf(object)
        listed?.add(key)
        records.put(kind, object)
        this.#bad.delete(`${kind} ${key}`)
      },
      delete: (object) => {
        const key = keyOf(object)
        records.delete(kind, key)
        this.#bad.delete(`${kind} ${key}`)
      },
      listed: () => {
        const prefix = namespace === '' ? '' : `${namespace}/`
        for (const key of records.keys(kind)) if (key.startsWith(prefix) && !listed?.has(key)) records.delete(kind, key)
        listed = undefined
        self().hasListed = true
        if (this.#followers.every(({ hasListed }) => hasListed)) this.#announceListed()
      },
      flush: () => (this.#followers.every(({ hasListed }) => hasListed) ? this.#options.onChanges() : undefined),
      pause: this.#options.pause,
      following: () => this.#setState(self(), 'following'),
      failing: (cause) => this.#setState(self(), 'failing', cause),
      bad: (object, cause) => this.#reportBad(kind, object, cause),
    }
  }

  #setState(followed: FollowedResource, state: FollowedResource['state'], cause?: Error): void {
    followed.state = state
    if (cause !== undefined && !this.#isDown) {
      this.#isDown = true
      this.#downSince = this.#options.clock.monotonicMs()
      this.#options.onDown(cause)
    }
    if (this.#isDown && this.isFollowing) {
      this.#isDown = false
      this.#options.onUp()
    }
  }

  /** Once for each object, until it is understood again. */
  #reportBad(kind: ClusterKind, object: unknown, cause: Error): void {
    const key = `${kind} ${keyIn(object)}`
    if (this.#bad.has(key)) return
    this.#bad.add(key)
    this.#options.onBadObject(key, cause.message)
  }
}

interface FollowedResource {
  readonly follower: ResourceFollower
  state: 'starting' | 'following' | 'failing'
  hasListed: boolean
}

function keyIn(object: unknown): string {
  try {
    return keyOf(object)
  } catch {
    return 'without a name'
  }
}
