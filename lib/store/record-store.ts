import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '../clock.js'
import type { Logger } from '../log.js'
import type { IndexImage } from '../record-index/index-image.js'
import type { RecordIndexHandle } from '../record-index/record-index-reader.js'
import type { RRset } from '../records/rrset.js'
import type { WireRRset } from '../records/wire-rrset.js'
import type { RecordData } from '../wire/rdata/record-data.js'
import type { RecordType } from '../wire/rdata/record-type.js'
import type { Revise } from './revise.js'

/**
 * Where records live. A server has one; it may be given to one server at a time (CDNS_STORE_IN_USE).
 *
 * A store keeps no copy of its records: what it has published stands in the index, and `StoreSink.read` gives it back,
 * with the side data that the store put beside each RRset.
 */
export interface RecordStore {
  /** For logs and `stats()`: 'memory', 'etcd', … */
  readonly kind: string
  /** Seconds that a client may take a name not to be there, where the server is not told: for names that come at any time. */
  readonly negativeTtl?: number
  /** Publishes everything there is, then follows changes. Resolves when the first load has been published. */
  open(sink: StoreSink): Promise<void>
  /** Replaces RRsets. They have passed `checkRRset`, and their names are in our zones. Resolves once every thread answers with them. */
  put(rrsets: readonly RRset[]): Promise<void>
  /** Removes one RRset, or all of a name, of one view; left out, of the default one. Resolves to whether there was one, once no thread answers with it. */
  delete(name: string, type?: RecordType, view?: string): Promise<boolean>
  /**
   * Replaces the RRsets of one name in one view by what `revise` makes of them, in one step: what it is given is what is there
   * when the result is written, whoever else writes to the same source. Resolves once every thread answers with the result.
   *
   * `label` is for sources that keep each MX and TXT of a zone below a label: what the new one is called.
   */
  edit(name: string, revise: Revise, view?: string, label?: string): Promise<void>
  /** What `edit` was told as `label`, or others who write to the same source have chosen. Left out by stores that keep none. */
  labels?(name: string): readonly RecordLabel[]
  /** Tells everybody who reads the same source of the health of an address. Left out by stores whose source holds none. */
  setHealth?(address: string, state: HealthState): Promise<void>
  /** Asks whoever probes addresses for the same source to look after these for the sake of a name, or no longer. */
  watchHealth?(addresses: readonly string[], name: string, isWanted: boolean): Promise<void>
  status(): StoreStatus
  /** Reads everything anew, all or nothing; missing where changes are followed. */
  reload?(): Promise<void>
  /** Stops following. May be called twice, and before or during `open`. */
  close(): Promise<void>
}

/** What a record of a name is called, beside what it says. */
export interface RecordLabel {
  readonly type: RecordType
  readonly data: RecordData
  readonly label: string
}

export interface StoreStatus {
  /** Whether the store is in touch with where its records come from. */
  readonly connected: boolean
  /** The last revision of the source that has been published; 0 for a store without revisions. */
  readonly revision: number
  /** How often everything was read anew, the first load counted. */
  readonly loads: number
  /** Changes of single names published since the last load. */
  readonly changes: number
  /** Keys of the source that are not answered from as they stand there now: they cannot be understood, or there is no room for them. */
  readonly badRecords: number
  /** Keys of the source that are passed over now because they are for views that are not served. */
  readonly ignoredRecords: number
  /** How old what is answered may be, at most; 0 for a store that knows at once. */
  readonly lagMs: number
  /**
   * Whether that is longer than the store was told to bear (`staleAfterMs`), or all comes from a snapshot that the source has not
   * confirmed yet. Answers go on.
   */
  readonly stale: boolean
  /** When the source was last heard of, in milliseconds since 1970; 0: never, or there is none. */
  readonly lastContactAt: number
  /** How often everything was read anew and compared while changes were followed. */
  readonly checks: number
  /** Keys of which the index was found to say something else than the source. Each is a change that got lost on its way. */
  readonly discrepancies: number
  /** The newest snapshot: restored, or written since. Missing: there is none. */
  readonly snapshot?: SnapshotStatus
}

export interface SnapshotStatus {
  /** The revision of the source that is in it for certain. */
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly writtenAt: number
  readonly ageMs: number
}

/** What a store without a source has to say of it. */
export const ALWAYS_CURRENT = { lagMs: 0, stale: false, lastContactAt: 0, checks: 0, discrepancies: 0 } as const

/** Something in the store that is no record we understand. It was skipped and counted. */
export interface BadRecord {
  /** The key, line or place it stands at. */
  readonly key: string
  readonly reason: string
}

/** What is known of an address. Unknown is as good as healthy: it may be answered with. */
export type HealthState = 'healthy' | 'unhealthy' | 'unknown'

export type OwnerVisitor = (name: Uint8Array, rrsets: readonly WireRRset[]) => void

/** What a store needs of the server. All of it belongs to the main thread. */
export interface StoreSink {
  /** Seconds, for records that say nothing of a TTL. */
  readonly defaultTtl: number
  readonly logger: Logger
  readonly clock: Clock
  /** What an index image for `replaceAll` must be made with. */
  readonly seed: number
  /** The worker file of what takes too long for this thread, for `runLoader`. */
  readonly loaderFile: string
  /** The names of the server's views, by their numbers: those of `WireRRset.view`. The first is the default view. */
  readonly views: readonly string[]

  /** All RRsets of an owner, in all views, as last written; empty when there are none. Pieces of shared memory: use them before the next `await`. */
  read(name: Uint8Array): readonly WireRRset[]
  /** Whether any name below this one, folded and in wire form, has RRsets. */
  hasNamesBelow(name: Uint8Array): boolean
  /**
   * Throws unless a record of this type can stand at this name: CDNS_NAME_OUT_OF_ZONE, CDNS_CNAME_CONFLICT at an apex.
   * For records that a program or a person has written for this very server; what others share may hold more than we answer.
   */
  checkPlace(name: Uint8Array, type: number): void
  /**
   * Replaces all RRsets of an owner, in all views, in one step that readers see whole; an empty list removes the owner.
   * `name` is folded and in wire form. `rrsets` may hold pieces that `read` gave. Throws CDNS_RRSET_TOO_LARGE, CDNS_SHARED_MEMORY_FULL.
   */
  write(name: Uint8Array, rrsets: readonly WireRRset[]): void
  /**
   * Everything that is published becomes what this image holds: what differs is written, what it lacks is removed, a slice at a
   * time. Resolves to the number of owners that changed. Nothing else may be written meanwhile. Throws CDNS_SHARED_MEMORY_FULL,
   * and the reason of the signal, which ends it between two slices.
   *
   * Before the first write of all, the image is taken over as it is, in no time, and must not be used any more.
   */
  replaceAll(image: IndexImage, signal: AbortSignal): Promise<number>
  /**
   * Calls `visit` for each owner of which this image says something else than what is published, a slice at a time, with the RRsets
   * that the image has of it; none: it lacks the owner. Names written meanwhile may or may not be visited. Throws the reason of the signal.
   */
  forEachDifference(image: IndexImage, visit: OwnerVisitor, signal: AbortSignal): Promise<void>
  /**
   * Calls `visit` for each owner with RRsets, a slice at a time, and resolves after the last. Names written meanwhile may or may not
   * be visited, all others are visited once. `name` lasts for the call only. `visit` may call `write`.
   */
  forEachOwner(visit: OwnerVisitor): Promise<void>

  /** For a thread that reads everything that is published, while it goes on being changed. One at a time; close it, whatever happens. */
  openReader(): SinkReader

  /** undefined while this slice of the event loop has time left (5 ms in all), else a promise to wait for before going on. */
  pause(): Promise<void> | undefined
  /** Resolves once every thread answers with all that was written before the call. */
  settled(): Promise<void>

  /** Something failed that no caller waits for, and that the store lives on with. */
  reportError(error: Error): void
  /** The health of an address, as the store's source tells it; called on changes only. Addresses that are never named are unknown. */
  setHealth?(address: string, state: HealthState): void
  /**
   * Where the clients of views are, by their names, as the store's source tells it: beside those of the server's options, which count more where both
   * name the same network. Replaces what was said before.
   */
  setViewClients?(clients: ReadonlyMap<string, readonly string[]>): void
  reportBadRecord(bad: BadRecord): void
  /** The source is out of reach, or back. Called on changes of state only. */
  reportDown(cause: Error): void
  reportUp(): void
}

/** A reader slot of the index, for a thread of the store's. */
export interface SinkReader {
  readonly handle: RecordIndexHandle
  /** Where new segments are posted; to be transferred to the thread. */
  readonly port: MessagePort
  /** Once the thread has ended. */
  close(): void
}
