import type { Clock } from '../clock.js'
import { ContainerDnsError, callHost } from '../errors.js'
import type { Logger } from '../log.js'
import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { WireRRset } from '../records/wire-rrset.js'
import type { BadRecord, HealthState, StoreSink } from '../store/record-store.js'
import { nameToText } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import { ReversePointers } from './reverse-pointers.js'
import { serialAfter } from './serial.js'

export interface PublisherOptions {
  readonly index: RecordIndexWriter
  readonly defaultTtl: number
  readonly logger: Logger
  readonly clock: Clock
  /** Where a folded name in wire form stands: at the apex of a zone of ours, inside of one, or in none. */
  readonly placeOf: (name: Uint8Array) => 'apex' | 'inside' | 'outside'
  /** Whether addresses get PTR records, where their reverse names are ours. */
  readonly synthesizesPtr: boolean
  /** After each write that changed something; the name is folded, in wire form, and lasts for the call. */
  readonly onChange: (name: Uint8Array) => void
  readonly onBadRecord: (bad: BadRecord) => void
  readonly onDown: (cause: Error) => void
  readonly onUp: () => void
}

/** How long one turn of the host's event loop may be ours: 5 ms are promised, the last record may take a while. */
const SLICE_MS = 2
/** Turns of the event loop to look whether the threads have moved on, before a timer takes over. */
const BUSY_TURNS = 50

/** Turns changes from a store into index writes; what a store sees of its server. Belongs to the main thread. */
export class Publisher implements StoreSink {
  readonly defaultTtl: number
  readonly logger: Logger
  readonly clock: Clock
  readonly #index: RecordIndexWriter
  readonly #options: PublisherOptions
  /** The few that are; all others are as good as healthy. */
  readonly #unhealthy = new Set<string>()
  readonly #pointers: ReversePointers | undefined
  #serial: number
  #sliceStartedAt: number | undefined
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#index = options.index
    if (options.synthesizesPtr) {
      this.#pointers = new ReversePointers(options.index, (name) => options.placeOf(name) !== 'outside')
    }
    this.defaultTtl = options.defaultTtl
    this.logger = options.logger
    this.clock = options.clock
    this.#serial = options.index.reader.serial
  }

  read(name: Uint8Array): readonly WireRRset[] {
    return this.#index.read(name)
  }

  checkPlace(name: Uint8Array, type: number): void {
    const place = this.#options.placeOf(name)
    if (place === 'outside') {
      const text = nameToText(name)
      throw new ContainerDnsError(
        'CDNS_NAME_OUT_OF_ZONE',
        `${text} is in none of the zones that this server answers for`,
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
    if (this.#closed || !(this.#pointers ?? this.#index).write(name, rrsets)) return
    this.#serial = serialAfter(this.#serial, this.clock.wallMs())
    this.#index.setSerial(this.#serial)
    callHost(() => this.#options.onChange(name))
  }

  async forEachOwner(visit: (name: Uint8Array, rrsets: readonly WireRRset[]) => void): Promise<void> {
    const bucketCount = this.#index.bucketCount
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      this.#index.visitBucket(bucket, bucketCount, visit)
      const pause = this.pause()
      if (pause !== undefined) await pause
    }
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

  async settled(): Promise<void> {
    const epoch = this.#index.seal()
    for (let turns = 0; !this.#closed && !this.#index.isSettled(epoch); turns++) {
      await (turns < BUSY_TURNS ? nextTurn() : aMillisecond())
    }
  }

  setHealth(address: string, state: HealthState): void {
    if (state === 'unhealthy') this.#unhealthy.add(address)
    else this.#unhealthy.delete(address)
  }

  /** How many addresses the store says are not to be answered with. */
  get unhealthyCount(): number {
    return this.#unhealthy.size
  }

  reportBadRecord(bad: BadRecord): void {
    this.logger.warn(bad, 'a record in the store could not be understood and was skipped')
    callHost(() => this.#options.onBadRecord(bad))
  }

  reportDown(cause: Error): void {
    this.logger.warn({ err: cause }, 'the store is out of reach; answers go on from what is known')
    callHost(() => this.#options.onDown(cause))
  }

  reportUp(): void {
    this.logger.info({}, 'the store is in touch')
    callHost(() => this.#options.onUp())
  }

  /** Writes come to nothing from now on, and nobody waits any more for threads that have gone. */
  close(): void {
    this.#closed = true
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function aMillisecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}
