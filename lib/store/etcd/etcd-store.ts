import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import type { RecordStore, StoreSink, StoreStatus } from '../record-store.js'
import { keyLayoutFor } from './choose-layout.js'
import { EtcdWriter } from './etcd-writer.js'
import { Follower } from './follower.js'
import type { KeyLayout } from './key-layout.js'
import { type EtcdStoreOptions, type ParsedEtcdStoreOptions, parseEtcdStoreOptions } from './options.js'

/** A store whose records live in etcd v3: in the layout of ContainerDNS in Go, so that both can work on one etcd, or read only in that of SkyDNS. */
export function etcdStore(options: EtcdStoreOptions): RecordStore {
  return new EtcdStore(parseEtcdStoreOptions(options))
}

/** For tests, which pass other tuning. */
export class EtcdStore implements RecordStore {
  readonly kind = 'etcd'
  readonly #options: ParsedEtcdStoreOptions
  readonly #layout: KeyLayout
  #opened: { readonly follower: Follower; readonly writer: EtcdWriter | undefined } | undefined

  constructor(options: ParsedEtcdStoreOptions) {
    this.#options = options
    this.#layout = keyLayoutFor(options)
  }

  /** Keeps trying while etcd is out of reach; `close` ends that. */
  async open(sink: StoreSink): Promise<void> {
    if (this.#opened !== undefined)
      throw new ContainerDnsError('CDNS_STORE_IN_USE', 'this etcdStore is in use by another server')
    const follower = new Follower(sink, this.#options, this.#layout)
    const { writable } = this.#layout
    const writer = writable && new EtcdWriter(sink, this.#options, writable, follower)
    this.#opened = { follower, writer }
    await follower.start()
  }

  async put(rrsets: readonly RRset[]): Promise<void> {
    await this.#writer().put(rrsets)
  }

  async delete(name: string, type?: RecordType): Promise<boolean> {
    return this.#writer().delete(name, type)
  }

  status(): StoreStatus {
    const follower = this.#opened?.follower
    return {
      connected: follower?.connected ?? false,
      revision: follower?.revision ?? 0,
      loads: follower?.loads ?? 0,
      changes: follower?.changes ?? 0,
      badRecords: follower?.index.badRecords ?? 0,
      ignoredRecords: follower?.index.ignoredRecords ?? 0,
      lagMs: follower?.freshness.lagMs ?? 0,
      stale: follower?.freshness.isStale ?? false,
      lastContactAt: follower?.freshness.lastContactAt ?? 0,
      checks: follower?.checks ?? 0,
      discrepancies: follower?.discrepancies ?? 0,
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    if (opened === undefined) return
    this.#opened = undefined
    await Promise.all([opened.follower.close(), opened.writer?.close()])
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
