import { randomInt } from 'node:crypto'
import { type Clock, systemClock } from '../clock.js'
import { ContainerDnsError } from '../errors.js'
import { type Health, TableHealth } from '../health/health.js'
import { HealthTable } from '../health/health-table.js'
import type { Logger } from '../log.js'
import { type ParsedZone, Zone, ZoneTable } from '../query/zone.js'
import { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { RecordStore } from '../store/record-store.js'
import { FoldedName } from '../wire/folded-name.js'
import { Publisher } from './publisher.js'
import { PublishedRecords, type Records } from './records.js'
import { firstSerial } from './serial.js'

export interface OpenRecordsOptions {
  readonly store: RecordStore
  readonly zones: readonly ParsedZone[]
  /** The names of the views, by their numbers. */
  readonly views: readonly string[]
  readonly viewClients: ReadonlyMap<string, readonly string[]>
  readonly defaultTtl: number
  readonly loaderFile: string
  readonly logger: Logger
}

/** A store's records in a process that answers no queries from them. */
export interface OpenedRecords {
  readonly store: RecordStore
  readonly zones: readonly string[]
  readonly views: readonly string[]
  readonly viewClients: ReadonlyMap<string, readonly string[]>
  readonly records: Records
  readonly health: Health
  readonly ready: boolean
  close(): Promise<void>
}

/** Resolves once the first load is there. Rejects with the store's codes, and then it has been closed. */
export async function openRecords(options: OpenRecordsOptions): Promise<OpenedRecords> {
  const records = new RecordsOfStore(options, systemClock)
  await records.open()
  return records
}

/** What `Server` has without its threads: index, publisher and health, which nobody but the main thread reads. */
class RecordsOfStore implements OpenedRecords {
  readonly store: RecordStore
  readonly zones: readonly string[]
  readonly views: readonly string[]
  readonly viewClients: ReadonlyMap<string, readonly string[]>
  readonly records: Records
  readonly health: Health
  readonly #publisher: Publisher
  #ready = false
  #closing: Promise<void> | undefined

  constructor(options: OpenRecordsOptions, clock: Clock) {
    const { store, zones, views, viewClients, defaultTtl, loaderFile, logger } = options
    this.store = store
    this.zones = zones.map(({ name }) => name)
    this.views = views
    this.viewClients = viewClients
    const seed = randomInt(2 ** 32)
    const index = new RecordIndexWriter({
      // For a store that reads everything.
      readers: 1,
      seed,
      serial: firstSerial(clock.wallMs()),
      onSegment: (segment) => this.#publisher?.postSegment(segment),
    })
    const table = new HealthTable({ readers: 0, seed: randomInt(2 ** 32), onSegment: () => {} })
    const health = new TableHealth(table, () => {})
    this.health = health
    this.#publisher = new Publisher({
      ...{ index, defaultTtl, logger, clock, loaderFile, readerSlot: 0, views, synthesizesPtr: false },
      zoneNames: () => this.zones,
      placeOf: places(zones, seed),
      onChange: () => {},
      onHealth: (address, state) => health.setFrom('store', address, state),
      onBadRecord: () => {},
      onDown: () => {},
      onUp: () => {},
      onError: () => {},
    })
    this.records = new PublishedRecords({
      index,
      publisher: this.#publisher,
      store,
      isClosed: () => this.#closing !== undefined,
    })
  }

  get ready(): boolean {
    return this.#ready
  }

  async open(): Promise<void> {
    try {
      await this.store.open(this.#publisher)
      this.#ready = true
    } catch (error) {
      this.#publisher.close()
      // One that belongs to somebody else must not be closed by us.
      if ((error as Partial<ContainerDnsError>).code !== 'CDNS_STORE_IN_USE') await this.store.close()
      throw error
    }
    if (this.#closing !== undefined) throw new ContainerDnsError('CDNS_CLOSED', 'the records have been closed')
  }

  async close(): Promise<void> {
    this.#ready = false
    this.#closing ??= this.store.close().finally(() => this.#publisher.close())
    await this.#closing
  }
}

/** Where a name stands among zones. */
function places(zones: readonly ParsedZone[], seed: number): (name: Uint8Array) => 'apex' | 'inside' | 'outside' {
  const table = new ZoneTable(
    zones.map(({ name }) => new Zone(name, 0)),
    seed,
  )
  const folded = new FoldedName()
  return (name) => {
    folded.read(name, 0, name.length, seed)
    const zone = table.match(folded)
    if (zone === undefined) return 'outside'
    return zone.labelCount === folded.labelCount ? 'apex' : 'inside'
  }
}
