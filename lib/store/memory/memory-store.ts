import { ContainerDnsError } from '../../errors.js'
import { checkRRset, type RRset } from '../../records/rrset.js'
import { viewNumber } from '../../records/view.js'
import { decodeRRset, RRsetEncoder, type WireRRset } from '../../records/wire-rrset.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import { refuseCnameBesideOthers } from '../cname-rule.js'
import { groupByOwner, type OwnerGroup } from '../owner-groups.js'
import { ALWAYS_CURRENT, type RecordStore, type StoreSink, type StoreStatus } from '../record-store.js'
import { type Revise, revisionOf } from '../revise.js'
import { TaskQueue } from '../task-queue.js'
import { HostsFile } from './hosts-file.js'
import {
  type MemoryStoreFiles,
  type MemoryStoreOptions,
  type ParsedMemoryStoreOptions,
  parseMemoryStoreOptions,
} from './options.js'
import { publishFiles } from './publish-staged.js'
import { RecordsFile } from './records-file.js'
import type { RecordsSource } from './records-source.js'
import { ZoneFile } from './zone-file.js'

export interface MemoryStore extends RecordStore {
  /**
   * Reads all files again. What came from a file and is gone from all of them goes, what has changed changes. All or nothing: a
   * file that is wrong anywhere changes nothing (CDNS_RECORDS_FILE_INVALID, CDNS_ZONE_FILE_INVALID, CDNS_HOSTS_FILE_INVALID,
   * CDNS_CNAME_CONFLICT).
   *
   * RRsets put by the program stay, also where a file has the same name and type: the later word counts until the
   * program deletes its own, and then the next reload brings the file's back.
   *
   * With `files`, those are the files from now on, if they are right.
   */
  reload(files?: MemoryStoreFiles): Promise<void>
}

/** A store whose records live in the index alone, and go with the server. The embedded default. */
export function memoryStore(options?: MemoryStoreOptions): MemoryStore {
  return new InMemoryStore(parseMemoryStoreOptions(options))
}

class InMemoryStore implements MemoryStore {
  readonly kind = 'memory'
  #options: ParsedMemoryStoreOptions
  readonly #encoder = new RRsetEncoder()
  #session: Session | undefined

  constructor(options: ParsedMemoryStoreOptions) {
    this.#options = options
  }

  async open(sink: StoreSink): Promise<void> {
    if (this.#session !== undefined)
      throw new ContainerDnsError('CDNS_STORE_IN_USE', 'this memoryStore is in use by another server')
    const session = new Session(sink)
    this.#session = session
    try {
      await session.queue.run(() => this.#load(session))
    } catch (cause) {
      session.closed = true
      if (this.#session === session) this.#session = undefined
      throw cause
    }
    await sink.settled()
  }

  async put(rrsets: readonly RRset[]): Promise<void> {
    const session = this.#opened()
    await session.queue.run(() => this.#put(session, rrsets))
    await session.sink.settled()
  }

  async delete(name: string, type?: RecordType, view?: string): Promise<boolean> {
    const session = this.#opened()
    const existed = await session.queue.run(async () => this.#delete(session, name, type, view))
    if (existed) await session.sink.settled()
    return existed
  }

  async edit(name: string, revise: Revise, view?: string): Promise<void> {
    const session = this.#opened()
    await session.queue.run(async () => this.#edit(session, name, revise, view))
    await session.sink.settled()
  }

  async reload(files?: MemoryStoreFiles): Promise<void> {
    const session = this.#opened()
    const { rrsets } = this.#options
    const next = files === undefined ? undefined : parseMemoryStoreOptions({ ...files, rrsets: [...rrsets] })
    await session.queue.run(async () => {
      await this.#loadFiles(session, next)
      if (next !== undefined) this.#options = next
    })
    await session.sink.settled()
  }

  status(): StoreStatus {
    const { loads = 0, changes = 0 } = this.#session ?? {}
    return {
      ...{ connected: this.#session !== undefined, revision: 0, loads, changes, badRecords: 0, ignoredRecords: 0 },
      ...ALWAYS_CURRENT,
    }
  }

  async close(): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    session.closed = true
    await session.queue.idle()
  }

  #opened(): Session {
    if (this.#session === undefined) throw new ContainerDnsError('CDNS_CLOSED', 'this memoryStore is not open')
    return this.#session
  }

  async #load(session: Session): Promise<void> {
    await this.#loadFiles(session)
    const { rrsets } = this.#options
    for (const [index, rrset] of rrsets.entries()) {
      await session.slice()
      try {
        checkRRset(rrset)
        viewNumber(session.sink.views, rrset.view)
        session.sink.checkPlace(this.#encoder.name(rrset.name), typeCode(rrset.type))
      } catch (cause) {
        throw placedFault(index, cause as ContainerDnsError)
      }
    }
    for (let from = 0; from < rrsets.length; from += LOAD_BATCH) {
      const batch = rrsets.slice(from, from + LOAD_BATCH)
      await this.#put(session, batch).catch((cause: ContainerDnsError) => {
        const index = batch.findIndex((rrset) => !isEncodable(rrset))
        throw index < 0 ? cause : placedFault(from + index, cause)
      })
    }
    session.loads++
    session.changes = 0
  }

  async #loadFiles(session: Session, options = this.#options): Promise<void> {
    const sources = await readFiles(options)
    if (sources.length === 0 && !hasFiles(this.#options)) return
    const { sink } = session
    const kept = await publishFiles({ sources, sink, encoder: this.#encoder, slice: () => session.slice() })
    if (session.loads > 0) {
      session.loads++
      session.changes = 0
    }
    if (kept > 0) {
      const files = sources.map(({ path }) => path)
      sink.logger.info({ files, kept }, 'RRsets of the files give way to what the program has put')
    }
  }

  async #put(session: Session, rrsets: readonly RRset[]): Promise<void> {
    const { sink } = session
    const groups = await groupByOwner(rrsets, this.#encoder, () => session.slice())
    for (const group of groups) {
      await session.slice()
      for (const view of viewsOf(sink, group)) refuseCnameBesideOthers(group.owner, typesAfter(sink, group, view))
    }
    for (const { owner, rrsets } of groups) {
      await session.slice()
      this.#encoder.reset()
      const next: WireRRset[] = []
      for (const rrset of rrsets.values()) {
        const wire = this.#encoder.encode(rrset.type, rrset.ttl ?? sink.defaultTtl, rrset.data, rrset)
        next.push(rrset.view === undefined ? wire : { ...wire, view: viewNumber(sink.views, rrset.view) })
      }
      const replaced = next.length
      for (const stored of sink.read(owner)) if (!holdsLike(next, replaced, stored)) next.push(stored)
      sink.write(owner, next)
      session.changes++
    }
  }

  #edit(session: Session, name: string, revise: Revise, view: string | undefined): void {
    const { sink } = session
    const owner = this.#encoder.name(name).slice()
    const number = viewNumber(sink.views, view)
    const stored = sink.read(owner)
    const inView = stored.filter((rrset) => (rrset.view ?? 0) === number)
    const before = inView.map((rrset) => decodeRRset(owner, rrset, sink.views))
    const after = revise(before)
    refuseCnameBesideOthers(
      owner,
      after.map(({ type }) => typeCode(type)),
    )
    const { put, removed } = revisionOf(before, after)
    if (put.length + removed.length === 0) return
    const changed = new Set([...put.map(({ type }) => type), ...removed].map(typeCode))
    this.#encoder.reset()
    const next = put.map((rrset): WireRRset => {
      const wire = this.#encoder.encode(rrset.type, rrset.ttl ?? sink.defaultTtl, rrset.data, rrset)
      return number === 0 ? wire : { ...wire, view: number }
    })
    const kept = stored.filter((rrset) => (rrset.view ?? 0) !== number || !changed.has(rrset.type))
    sink.write(owner, [...next, ...kept])
    session.changes++
  }

  #delete(session: Session, name: string, type: RecordType | undefined, view: string | undefined): boolean {
    const owner = this.#encoder.name(name)
    const stored = session.sink.read(owner)
    const code = type === undefined ? undefined : typeCode(type)
    const number = viewNumber(session.sink.views, view)
    const kept = stored.filter((rrset) => (rrset.view ?? 0) !== number || (code !== undefined && rrset.type !== code))
    if (kept.length === stored.length) return false
    session.sink.write(owner, kept)
    session.changes++
    return true
  }
}

function readFiles({ recordsFile, zoneFiles, hostsFiles }: ParsedMemoryStoreOptions): Promise<RecordsSource[]> {
  return Promise.all([
    ...(recordsFile === undefined ? [] : [RecordsFile.read(recordsFile)]),
    ...zoneFiles.map((file) => ZoneFile.read(file)),
    ...hostsFiles.map((path) => HostsFile.read(path)),
  ])
}

function hasFiles({ recordsFile, zoneFiles, hostsFiles }: ParsedMemoryStoreOptions): boolean {
  return recordsFile !== undefined || zoneFiles.length + hostsFiles.length > 0
}

function placedFault(index: number, cause: ContainerDnsError): ContainerDnsError {
  return new ContainerDnsError(cause.code, `memoryStore.rrsets[${index}]: ${cause.message}`, { cause })
}

function isEncodable(rrset: RRset): boolean {
  try {
    new RRsetEncoder().encode(rrset.type, rrset.ttl ?? 0, rrset.data, rrset)
    return true
  } catch {
    return false
  }
}

/** RRsets sorted by owner at a time while loading; so few that the sorting itself is no slice to speak of. */
const LOAD_BATCH = 1000

/** From `open` to `close`. */
class Session {
  readonly sink: StoreSink
  readonly queue = new TaskQueue()
  loads = 0
  changes = 0
  closed = false

  constructor(sink: StoreSink) {
    this.sink = sink
  }

  /** Lets the host go on when our time is up. Throws CDNS_CLOSED. */
  slice(): Promise<void> | undefined {
    if (this.closed) throw new ContainerDnsError('CDNS_CLOSED', 'the memoryStore has been closed')
    return this.sink.pause()
  }
}

/** The numbers of the views that a group has RRsets for. */
function viewsOf({ views }: StoreSink, { rrsets }: OwnerGroup): ReadonlySet<number> {
  return new Set(Array.from(rrsets.values(), ({ view }) => viewNumber(views, view)))
}

/** The types that an owner will have in a view once the group is written. */
function* typesAfter(sink: StoreSink, { owner, rrsets }: OwnerGroup, view: number): Generator<number> {
  for (const rrset of rrsets.values()) if (viewNumber(sink.views, rrset.view) === view) yield typeCode(rrset.type)
  for (const stored of sink.read(owner)) if ((stored.view ?? 0) === view) yield stored.type
}

/** Whether one of the first RRsets is of the same type and view. */
function holdsLike(rrsets: readonly WireRRset[], length: number, { type, view = 0 }: WireRRset): boolean {
  for (let i = 0; i < length; i++) if (rrsets[i]!.type === type && (rrsets[i]!.view ?? 0) === view) return true
  return false
}
