import { createHash } from 'node:crypto'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import type { HealthState, RecordLabel, RecordStore, StoreSink, StoreStatus } from '../record-store.js'
import type { Revise } from '../revise.js'
import { SnapshotKeeper } from '../snapshot/snapshot-keeper.js'
import { keyLayoutFor } from './choose-layout.js'
import { chosenLabels } from './chosen-labels.js'
import { EtcdWriter } from './etcd-writer.js'
import { Follower } from './follower.js'
import { type EtcdStoreOptions, type ParsedEtcdStoreOptions, parseEtcdStoreOptions } from './options.js'

/** A store whose records live in etcd v3: in the layout of ContainerDNS in Go, so that both can work on one etcd, or read only in that of SkyDNS. */
export function etcdStore(options: EtcdStoreOptions): RecordStore {
  return new EtcdStore(parseEtcdStoreOptions(options))
}

/** For tests, which pass other tuning. */
export class EtcdStore implements RecordStore {
  readonly kind = 'etcd'
  readonly #options: ParsedEtcdStoreOptions
  #opened: Opened | undefined

  constructor(options: ParsedEtcdStoreOptions) {
    this.#options = options
  }

  /** With a snapshot that can be used, that is published, and etcd is followed in the background. Else it keeps trying; `close` ends that. */
  async open(sink: StoreSink): Promise<void> {
    if (this.#opened !== undefined)
      throw new ContainerDnsError('CDNS_STORE_IN_USE', 'this etcdStore is in use by another server')
    const layout = keyLayoutFor(this.#options, sink.views)
    const follower = new Follower(sink, this.#options, layout, () => snapshots?.touch())
    const { writable } = layout
    const writer = writable && new EtcdWriter(sink, this.#options, writable, follower)
    const snapshots = this.#snapshots(sink, follower)
    this.#opened = { follower, writer, snapshots }
    const isRestored = (await snapshots?.restore()) ?? false
    const following = follower.start()
    if (!isRestored) return following
    following.catch((error) => {
      if (!follower.closed) sink.reportError(error)
    })
  }

  async put(rrsets: readonly RRset[]): Promise<void> {
    await this.#writer().put(rrsets)
  }

  async delete(name: string, type?: RecordType, view?: string): Promise<boolean> {
    return this.#writer().delete(name, type, view)
  }

  async edit(name: string, revise: Revise, view?: string, label?: string): Promise<void> {
    await this.#writer().edit(name, revise, view, label)
  }

  labels(name: string): RecordLabel[] {
    const index = this.#opened?.follower.index
    return index === undefined ? [] : chosenLabels(index, name)
  }

  async setHealth(address: string, state: HealthState): Promise<void> {
    await this.#writer().setHealth(address, state)
  }

  async watchHealth(addresses: readonly string[], name: string, isWanted: boolean): Promise<void> {
    await this.#writer().watchHealth(addresses, name, isWanted)
  }

  status(): StoreStatus {
    const { follower, snapshots } = this.#opened ?? {}
    const snapshot = snapshots?.status
    // Nothing but the snapshot has been published so far.
    const restored = follower?.loads === 0 ? snapshot : undefined
    return {
      connected: follower?.connected ?? false,
      revision: follower?.revision ?? 0,
      loads: follower?.loads ?? 0,
      changes: follower?.changes ?? 0,
      badRecords: follower?.index.badRecords ?? 0,
      ignoredRecords: follower?.index.ignoredRecords ?? 0,
      lagMs: restored?.ageMs ?? follower?.freshness.lagMs ?? 0,
      stale: restored !== undefined || (follower?.freshness.isStale ?? false),
      lastContactAt: follower?.freshness.lastContactAt ?? 0,
      checks: follower?.checks ?? 0,
      discrepancies: follower?.discrepancies ?? 0,
      ...(snapshot === undefined ? {} : { snapshot }),
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    if (opened === undefined) return
    this.#opened = undefined
    await Promise.all([opened.follower.close(), opened.writer?.close()])
    await opened.snapshots?.close()
  }

  #snapshots(sink: StoreSink, follower: Follower): SnapshotKeeper | undefined {
    const { snapshot } = this.#options
    if (snapshot === undefined) return undefined
    return new SnapshotKeeper(sink, { ...snapshot, fingerprint: fingerprint(this.#options, sink) }, () => {
      const { clusterId, loads, revision } = follower
      return loads === 0 ? undefined : { source: clusterId, revision }
    })
  }

  #writer(): EtcdWriter {
    if (this.#opened === undefined) throw new ContainerDnsError('CDNS_CLOSED', 'this etcdStore is not open')
    if (this.#opened.writer !== undefined) return this.#opened.writer
    throw new ContainerDnsError(
      'CDNS_STORE_UNSUPPORTED',
      `records in the ${this.#options.layout} layout are read only; change them with the program that writes them`,
    )
  }
}

interface Opened {
  readonly follower: Follower
  readonly writer: EtcdWriter | undefined
  readonly snapshots: SnapshotKeeper | undefined
}

/** Stands for what decides which records the keys of an etcd become. How etcd is reached is no part of it. */
function fingerprint({ layout, prefixes, serviceLevels }: ParsedEtcdStoreOptions, sink: StoreSink): string {
  // Entries say the numbers of views.
  const { defaultTtl, views } = sink
  return createHash('sha256')
    .update(JSON.stringify({ layout, prefixes, serviceLevels, defaultTtl, views }))
    .digest('hex')
}
