import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Clock } from '../clock.js'
import { ContainerDnsError, callHost } from '../errors.js'
import type { Logger } from '../log.js'
import { type IndexImage, openImage } from '../record-index/index-image.js'
import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { WireRRset } from '../records/wire-rrset.js'
import type { Segment } from '../shared-table/segments.js'
import type { BadRecord, HealthState, OwnerVisitor, SinkReader, StoreSink } from '../store/record-store.js'
import type { MessageToThread } from '../threads/messages.js'
import { nameToText } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import { changedViews, DEFAULT_VIEW_ALONE } from './changed-views.js'
import { type OwnerFollower, OwnerScan } from './owner-scan.js'
import { ReversePointers } from './reverse-pointers.js'
import { serialAfter } from './serial.js'

export interface PublisherOptions {
  readonly index: RecordIndexWriter
  readonly defaultTtl: number
  readonly logger: Logger
  readonly clock: Clock
  readonly loaderFile: string
  /** A reader slot of the index that no thread has, for `openReader`. */
  readonly readerSlot: number
  /** The names of the views, by their numbers. */
  readonly views: readonly string[]
  /** Where a folded name in wire form stands: at the apex of a zone of ours, inside of one, or in none. */
  readonly placeOf: (name: Uint8Array) => 'apex' | 'inside' | 'outside'
  /** The names of our zones, for errors. */
  readonly zoneNames: () => readonly string[]
  /** Whether addresses get PTR records, where their reverse names are ours. */
  readonly synthesizesPtr: boolean
  /** Keeps count of what all names have, once `follow` has been called. Left out: nobody does. */
  readonly follower?: OwnerFollower
  /** After each write that changed something, for each view that it did; the name is folded, in wire form, and lasts for the call. */
  readonly onChange: (name: Uint8Array, view: number) => void
  /** What the store's source says of an address. */
  readonly onHealth: (address: string, state: HealthState) => void
  /** Where the store's source says that the clients of views are. Left out: nobody is answered. */
  readonly onViewClients?: (clients: ReadonlyMap<string, readonly string[]>) => void
  readonly onBadRecord: (bad: BadRecord) => void
  readonly onDown: (cause: Error) => void
  readonly onUp: () => void
  readonly onError: (error: Error) => void
}

/** How long one turn of the host's event loop may be ours: 5 ms are promised, the last record may take a while. */
const SLICE_MS = 2
/** Turns of the event loop to look whether the threads have moved on, before a timer takes over. */
const BUSY_TURNS = 50
/** Zones that an error names: it is to stay readable. */
const MAX_LISTED = 10

/** Turns changes from a store into index writes; what a store sees of its server. Belongs to the main thread. */
export class Publisher implements StoreSink {
  /** For what is written from now on. */
  defaultTtl: number
  readonly logger: Logger
  readonly clock: Clock
  readonly seed: number
  readonly loaderFile: string
  readonly views: readonly string[]
  readonly #index: RecordIndexWriter
  readonly #options: PublisherOptions
  readonly #pointers: ReversePointers | undefined
  #scan: OwnerScan | undefined
  #serial: number
  #sliceStartedAt: number | undefined
  #closed = false
  /** The wait for all that had been written when this was the serial. */
  #settling: { readonly serial: number; readonly promise: Promise<void> } | undefined
  /** To the thread that has the reader slot. */
  #readerPort: MessagePort | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#index = options.index
    if (options.synthesizesPtr) {
      this.#pointers = new ReversePointers(options.index, (name) => options.placeOf(name) !== 'outside')
    }
    this.setFollower(options.follower)
    this.defaultTtl = options.defaultTtl
    this.logger = options.logger
    this.clock = options.clock
    this.seed = options.index.reader.seed
    this.loaderFile = options.loaderFile
    this.views = options.views
    this.#serial = options.index.reader.serial
  }

  read(name: Uint8Array): readonly WireRRset[] {
    return this.#index.read(name)
  }

  hasNamesBelow(name: Uint8Array): boolean {
    return this.#index.hasNamesBelow(name)
  }

  checkPlace(name: Uint8Array, type: number): void {
    const place = this.#options.placeOf(name)
    if (place === 'outside') {
      throw new ContainerDnsError(
        'CDNS_NAME_OUT_OF_ZONE',
        `${nameToText(name)} is in none of the zones that this server answers for: ${listed(this.#options.zoneNames())}`,
      )
    }
    // RFC 1034 §3.6.2: at an apex there is an SOA, be it one that we make up.
    if (place === 'apex' && type === RECORD_TYPES.CNAME) {
      throw new ContainerDnsError(
        'CDNS_CNAME_CONFLICT',
        `${nameToText(name)} is a zone's apex, which cannot be a CNAME`,
      )
    }
  }

  write(name: Uint8Array, rrsets: readonly WireRRset[]): void {
    this.#write(name, rrsets)
  }

  replaceAll(image: IndexImage, signal: AbortSignal): Promise<number> {
    // PTR records are made as names are written; those in an image are of another server's life.
    const isAsWanted = this.#pointers === undefined && !image.hasSynthesized
    return isAsWanted && this.#index.isUntouched ? this.#adopt(image, signal) : this.#replaceWhatDiffers(image, signal)
  }

  /** First what is new or different, then what is gone: an owner that both have is never missing while `visit` writes what it is given. */
  async forEachDifference(image: IndexImage, visit: OwnerVisitor, signal: AbortSignal): Promise<void> {
    this.#index.refuseOtherSeed(image)
    const wanted = openImage(image)
    await this.#forEachBucket(wanted.bucketCount, (bucket, bucketCount) => {
      signal.throwIfAborted()
      wanted.visitBucket(bucket, bucketCount, (hash, bytes, start, length) => {
        if (!wanted.hasStored || this.#index.holds(wanted, hash, bytes, start, length)) return
        visit(bytes.slice(start, start + length), wanted.rrsets())
      })
    })
    await this.#forEachBucket(this.#index.bucketCount, (bucket, bucketCount) => {
      signal.throwIfAborted()
      this.#index.visitMissing(bucket, bucketCount, wanted, (name) => visit(name, []))
    })
  }

  async forEachOwner(visit: OwnerVisitor): Promise<void> {
    await this.#forEachBucket(this.#index.bucketCount, (bucket, bucketCount) => {
      this.#index.visitBucket(bucket, bucketCount, visit)
    })
  }

  /** Another follower, or none; it is told of nothing before `follow`. */
  setFollower(follower: OwnerFollower | undefined): void {
    this.#scan?.stop()
    this.#scan = follower && new OwnerScan(this.#options.index, follower, this.#forEachBucket.bind(this))
  }

  /** Has the follower told of all names, and from then on of each that changes. May be called again, to have it count anew. */
  async follow(): Promise<void> {
    await this.#scan?.run()
  }

  /** Whether the follower has been told of a name, if it is there; the name is folded, in wire form. */
  isFollowed(name: Uint8Array): boolean {
    return this.#scan?.isFollowed(name) ?? false
  }

  openReader(): SinkReader {
    if (this.#readerPort !== undefined) throw new Error('one reader at a time')
    const { port1, port2 } = new MessageChannel()
    this.#readerPort = port1
    return {
      // With all segments so far; from now on they are posted.
      handle: this.#index.handle(this.#options.readerSlot),
      port: port2,
      close: () => {
        this.#index.releaseReader(this.#options.readerSlot)
        this.#readerPort = undefined
        port1.close()
      },
    }
  }

  /** For each new segment of the index, before anything in it is published. */
  postSegment(segment: Segment): void {
    const message: MessageToThread = { type: 'segment', table: 'records', segment }
    this.#readerPort?.postMessage(message)
  }

  pause(): Promise<void> | undefined {
    const now = this.clock.monotonicMs()
    if (this.#sliceStartedAt === undefined) {
      this.#sliceStartedAt = now
      setImmediate(() => {
        this.#sliceStartedAt = undefined
      })
      return undefined
    }
    return now - this.#sliceStartedAt < SLICE_MS ? undefined : nextTurn()
  }

  /** Readers answer from now on. Resolves once every thread knows. */
  setLoaded(): Promise<void> {
    this.#index.setLoaded()
    // No write, so the serial says nothing of it: who waits already waits for less.
    this.#settling = undefined
    return this.settled()
  }

  /** Those who wait for the same writes wait together: hundreds of edits come back in one response of etcd. */
  settled(): Promise<void> {
    if (this.#settling?.serial === this.#serial) return this.#settling.promise
    const settling = { serial: this.#serial, promise: this.#settle() }
    this.#settling = settling
    void settling.promise.finally(() => {
      if (this.#settling === settling) this.#settling = undefined
    })
    return settling.promise
  }

  async #settle(): Promise<void> {
    const epoch = this.#index.seal()
    for (let turns = 0; !this.#closed && !this.#index.isSettled(epoch); turns++) {
      await (turns < BUSY_TURNS ? nextTurn() : aMillisecond())
    }
  }

  setHealth(address: string, state: HealthState): void {
    if (!this.#closed) this.#options.onHealth(address, state)
  }

  setViewClients(clients: ReadonlyMap<string, readonly string[]>): void {
    if (!this.#closed) this.#options.onViewClients?.(clients)
  }

  reportBadRecord(bad: BadRecord): void {
    this.logger.warn(bad, 'a record in the store could not be understood and was skipped')
    callHost(() => this.#options.onBadRecord(bad))
  }

  reportError(error: Error): void {
    this.logger.error({ err: error }, 'something failed in the store; it goes on')
    callHost(() => this.#options.onError(error))
  }

  reportDown(cause: Error): void {
    this.logger.warn({ err: cause }, 'the store is out of reach; answers go on from what is known')
    callHost(() => this.#options.onDown(cause))
  }

  reportUp(): void {
    this.logger.info({}, 'the store is in touch')
    callHost(() => this.#options.onUp())
  }

  #write(name: Uint8Array, rrsets: readonly WireRRset[]): boolean {
    if (this.#closed) return false
    const changed = this.views.length === 1 ? DEFAULT_VIEW_ALONE : changedViews(this.#index.read(name), rrsets)
    const write = () => (this.#pointers ?? this.#index).write(name, rrsets)
    const hasChanged = this.#scan?.hasBegun === true ? this.#scan.around(name, write) : write()
    if (!hasChanged) return false
    this.#nextSerial()
    for (const view of changed) callHost(() => this.#options.onChange(name, view))
    return true
  }

  #nextSerial(): void {
    this.#serial = serialAfter(this.#serial, this.clock.wallMs())
    this.#index.setSerial(this.#serial)
  }

  /** At a first load nobody has seen anything yet that could have changed: there is a new serial, and no event for each owner. */
  async #adopt(image: IndexImage, signal: AbortSignal): Promise<number> {
    for (const _step of this.#index.adopt(image)) {
      signal.throwIfAborted()
      const pause = this.pause()
      if (pause !== undefined) await pause
    }
    this.#nextSerial()
    // Names that nobody has written.
    if (this.#scan?.hasBegun === true) void this.#scan.run()
    return image.names
  }

  async #replaceWhatDiffers(image: IndexImage, signal: AbortSignal): Promise<number> {
    let changed = 0
    const write: OwnerVisitor = (name, rrsets) => {
      if (this.#write(name, rrsets)) changed++
    }
    await this.forEachDifference(image, write, signal)
    return changed
  }

  async #forEachBucket(bucketCount: number, visit: (bucket: number, bucketCount: number) => void): Promise<void> {
    for (let bucket = 0; bucket < bucketCount && !this.#closed; bucket++) {
      visit(bucket, bucketCount)
      const pause = this.pause()
      if (pause !== undefined) await pause
    }
  }

  /** Writes come to nothing from now on, and nobody waits any more for threads that have gone. */
  close(): void {
    this.#closed = true
  }
}

function listed(names: readonly string[]): string {
  const rest = names.length - MAX_LISTED
  return names.slice(0, MAX_LISTED).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function aMillisecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}
