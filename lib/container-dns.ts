import type { EventEmitter } from 'eventemitter3'
import type { ThreadStatus, WorkerRestart } from './cluster/supervisor.js'
import type { ExportStats } from './export/query-export.js'
import type { ForwardStats } from './forward/server-forwarding.js'
import type { AlertsStatus } from './health/alerts/alerts.js'
import type { Health, HealthChange } from './health/health.js'
import type { HealthTableSize } from './health/health-table.js'
import type { CounterTotals, ThreadCounts } from './metrics/counter-totals.js'
import type { HostProcessStats } from './metrics/host-process.js'
import type { TopClient, TopName } from './metrics/measurements.js'
import type { Distribution, QueryFigureTotals } from './metrics/query-figures.js'
import type { Records } from './publish/records.js'
import type { RecordIndexSize } from './record-index/record-index-writer.js'
import type { ReloadableOptions } from './reloaded-options.js'
import type { ProbesStatus } from './server-probes.js'
import type { BadRecord, RecordStore, StoreStatus } from './store/record-store.js'
import type { BoundAddress, TransportKind, XdpStats } from './transport/datagram-transport.js'
import type { DnsResponse } from './wire/packet.js'
import type { RecordType } from './wire/rdata/record-type.js'

/** What a server tells its host. */
export interface ContainerDnsEvents {
  /** The first load is answered from. `createContainerDns` resolves at the same time. */
  ready: () => void
  /** Records of a name have changed, through this server or in the store; in a view, if one is named, and else in the default one. */
  change: (change: { readonly name: string; readonly view?: string }) => void
  /** The health of an address has changed, by the word of the program, the store or probes. */
  health: (change: HealthChange) => void
  workerRestart: (restart: WorkerRestart) => void
  /** The store is out of reach; answers go on from what is known. */
  storeDown: (cause: Error) => void
  storeUp: () => void
  badRecord: (bad: BadRecord) => void
  /** Hooks from modules have cost three threads, and are not called any more. */
  hooksOff: (cause: Error) => void
  /** Something failed that no caller waits for, and that the server lives on with. */
  error: (error: Error) => void
}

/** A snapshot of what a server is and has done. */
export interface Stats extends QueryFigureTotals {
  /** Of this package. */
  readonly version: string
  readonly ready: boolean
  readonly addresses: readonly BoundAddress[]
  /** `xdp` says what has become of frames, where that is the kind. */
  readonly transport: { readonly kind: TransportKind; readonly reason: string; readonly xdp?: XdpStats }
  /** Sums over all threads since the start. */
  readonly counters: CounterTotals
  /** Connections that are open now; the counters tell what became of the others. */
  readonly tcp: { readonly open: number }
  readonly threads: readonly ThreadStats[]
  readonly index: RecordIndexSize & { readonly serial: number }
  readonly store: StoreStatus & { readonly kind: string }
  /** Addresses that are unhealthy; those that are healthy or unhealthy, and the memory that they take; what probes do and what has become of alerts, where there are any. */
  readonly health: HealthTableSize & {
    readonly unhealthy: number
    readonly probes?: ProbesStatus
    readonly alerts?: AlertsStatus
  }
  /** What `queryLog` and `dnstap` have written; left out where there is neither. */
  readonly export?: ExportStats
  /** The process that the server runs in, and how late its event loop is. */
  readonly host: HostProcessStats
  /** Upstreams, what they are being asked, and the answer cache; undefined where nothing is forwarded. */
  readonly forward: ForwardStats | undefined
}

/** A thread, and its part of `counters` and `durations`, in all its lives together. */
export interface ThreadStats extends ThreadStatus, ThreadCounts {
  /** Of all protocols that it answers over. */
  readonly durations: Distribution
}

/** What upstreams have answered, as all threads know it. */
export interface Cache {
  /**
   * Forgets a name, of all types, for all clients, or everything; resolves to the number of answers forgotten. Rejects with
   * CDNS_NAME_INVALID, CDNS_CLOSED or CDNS_FLUSH_FAILED.
   */
  flush(name?: string): Promise<number>
}

/** A running server. Made by `createContainerDns`. */
export interface ContainerDns extends EventEmitter<ContainerDnsEvents> {
  /** Where it answers, in the order of `listen`; of each of its entries, udp first. */
  readonly addresses: readonly BoundAddress[]
  readonly records: Records
  /** The names of the zones that it answers for. */
  readonly zones: readonly string[]
  /** The names of its views; the first is `default`. */
  readonly views: readonly string[]
  /** The networks of each view but the default one, as the options say. */
  readonly viewClients: ReadonlyMap<string, readonly string[]>
  /** Where the records live. To change them, use `records`, which checks them. */
  readonly store: RecordStore
  /** Which addresses are alive. Unhealthy ones leave the answers at once. */
  readonly health: Health
  readonly cache: Cache
  /** Whether the first load is answered from, and the server is not closing. */
  readonly ready: boolean
  /**
   * Asks the answering code directly, without a socket; access lists and limits are for others. Rejects with CDNS_NAME_INVALID,
   * CDNS_TYPE_UNSUPPORTED, CDNS_ADDRESS_INVALID, CDNS_CLOSED, CDNS_QUERY_DROPPED or CDNS_RESPONSE_UNREADABLE.
   */
  query(name: string, type: RecordType, options?: QueryOptions): Promise<DnsResponse>
  stats(): Stats
  /**
   * Answers by other options from now on: all or nothing, and no query is lost. Each response is made by the options before or by those
   * after; it resolves when every thread has the latter. Rejects as `createContainerDns` does, and with CDNS_RESTART_NEEDED for what a running
   * server cannot take, which stands in `details.needsRestart` of the error, too; then nothing has changed.
   */
  reload(changes: ReloadableOptions, options?: ReloadOptions): Promise<void>
  /**
   * The names that were asked for most since the start, at most `n` of them (default 10, at most 1000), the largest first; in lower
   * case. What was asked in the last second or so, and up to ten seconds under load, is still to come. Empty where `metrics.topNames`
   * is false.
   */
  topNames(n?: number): TopName[]
  /** The same for the clients that asked most. */
  topClients(n?: number): TopClient[]
  /** The same for one name; undefined for one that is not among those that are remembered. */
  nameQueries(name: string): TopName | undefined
  /** Has the file of `queryLog` opened anew: somebody has moved it. Nothing to do where there is none. */
  reopenLogs(): void
  /**
   * Stops answering, closes the store, and leaves no handle behind. May be called twice. `drainMs` goes on answering for so
   * long with `ready` false, for whoever watches it to look elsewhere; default 0.
   */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface QueryOptions {
  /** The address of the client whose view it is to be; default: the default view. */
  client?: string
}

export interface ReloadOptions {
  /**
   * Brings the records in line with the options to come: called when those are known to be right, and before anything is answered
   * by them. If it fails, all stays as it is. Default: a store that reads files reads them again where `zones` or `defaultTtl` change.
   */
  load?: () => Promise<void>
  /**
   * How long the reload, and its `load`, may take to get ready; default 300 000, 1 to 3 600 000 milliseconds. Then it rejects with CDNS_RELOAD_TIMEOUT, nothing has
   * changed, and the next one has its turn. Nobody ends `load`: what it does to records after that, it does by the options of before.
   */
  timeoutMs?: number
}

export interface CloseOptions {
  drainMs?: number
}
