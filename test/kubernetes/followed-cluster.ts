import { expect } from 'vitest'
import { KubernetesStore } from '../../lib/kubernetes/kubernetes-store.js'
import {
  type ClusterTuning,
  type KubernetesStoreOptions,
  parseKubernetesStoreOptions,
} from '../../lib/kubernetes/options.js'
import { MapSink } from '../store/map-sink.js'
import { eventually } from '../support/eventually.js'
import { KubeSimulator } from '../support/kube-simulator.js'

export const TUNING: Partial<ClusterTuning> = { firstRetryMs: 5, longestRetryMs: 50, responseTimeoutMs: 5000 }

/** A cluster, a store that follows it, and what it has published. */
export class Followed implements AsyncDisposable {
  readonly cluster: KubeSimulator
  readonly store: KubernetesStore
  readonly sink = new MapSink()

  private constructor(cluster: KubeSimulator, options: KubernetesStoreOptions, tuning: Partial<ClusterTuning>) {
    this.cluster = cluster
    const parsed = parseKubernetesStoreOptions({ kubeconfig: cluster.kubeconfig, ...options }, { ...TUNING, ...tuning })
    this.store = new KubernetesStore(parsed)
  }

  static async start(options: KubernetesStoreOptions = {}, tuning: Partial<ClusterTuning> = {}): Promise<Followed> {
    return new Followed(await KubeSimulator.start(), options, tuning)
  }

  async open(): Promise<this> {
    await this.store.open(this.sink)
    await eventually(() => this.store.status().connected)
    return this
  }

  /** The first line of a name, once it is this. */
  async sees(name: string, ...lines: string[]): Promise<void> {
    await eventually(() => expect(this.sink.lines(name)).toEqual(lines))
  }

  lists(): number {
    return this.cluster.requests.filter((each) => each.includes('/services') && !each.includes('watch=')).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    await this.cluster[Symbol.asyncDispose]()
  }
}
