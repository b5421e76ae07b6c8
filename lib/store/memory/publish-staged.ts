import { ContainerDnsError } from '../../errors.js'
import { refuseSecond } from '../../records/rrset.js'
import { storeSideStart } from '../../records/rrset-side.js'
import type { RRsetEncoder, WireRRset } from '../../records/wire-rrset.js'
import { nameToText } from '../../wire/name.js'
import { RECORD_TYPES, typeName } from '../../wire/rdata/record-type.js'
import type { StoreSink } from '../record-store.js'
import { DelegatedRecords } from './delegated-records.js'
import type { RecordsSource } from './records-source.js'
import { NO_TTL, type StagedOwner, type StagedRecord, StagedRecords } from './staged-records.js'

// What a memory store remembers of an RRset: | origin u8 |   FROM_FILE, or nothing at all when the program has put it
const FROM_FILE = 1
const SIDE_FROM_FILE = Uint8Array.of(FROM_FILE)

/** What an owner takes in a file at least, on the average: the table of owners is made for so many. */
const BYTES_PER_OWNER = 32

/** What brings the index in line with files. */
export interface FileLoad {
  readonly sources: readonly RecordsSource[]
  readonly sink: StoreSink
  readonly encoder: RRsetEncoder
  readonly slice: () => Promise<void> | undefined
}

/**
 * Brings the index in line with the files: reads all of them, checks each owner, writes it, and looks for what is gone.
 *
 * Returns how many RRsets of the files gave way to what the program has put. Throws the codes of the sources and
 * CDNS_CNAME_CONFLICT, all before the first write.
 */
export async function publishFiles(load: FileLoad): Promise<number> {
  const { sink, encoder } = load
  const staged = await stage(load)
  const delegated = new DelegatedRecords(staged)
  await eachOwner(staged, delegated, load, (owner) => check(owner, load))
  let kept = 0
  await eachOwner(staged, delegated, load, (owner) => {
    kept += write(owner, sink, encoder)
  })
  await sink.forEachOwner((owner, rrsets) => {
    const left = rrsets.filter((stored) => !isFromFile(stored) || staged.has(owner, stored.type, stored.view ?? 0))
    if (left.length < rrsets.length) sink.write(owner, left)
  })
  return kept
}

async function stage({ sources, sink, encoder, slice }: FileLoad): Promise<StagedRecords> {
  const size = sources.reduce((sum, source) => sum + source.size, 0)
  const staged = new StagedRecords(size / BYTES_PER_OWNER)
  for (const [source, file] of sources.entries()) {
    for (const _ of file.stage({ staged, source, sink, encoder })) {
      const wait = slice()
      if (wait !== undefined) await wait
    }
  }
  return staged
}

async function eachOwner(
  staged: StagedRecords,
  delegated: DelegatedRecords,
  { slice }: FileLoad,
  visit: (owner: StagedOwner) => void,
) {
  for (const owner of staged.owners()) {
    const wait = slice()
    if (wait !== undefined) await wait
    visit(delegated.without(owner))
  }
}

/** Throws the code of the file whose record cannot stand where it is; CDNS_CNAME_CONFLICT beside what the program has put. */
function check(owner: StagedOwner, load: FileLoad): void {
  const views = new Set(owner.records.map(({ view }) => view))
  for (const view of views) checkView(viewOf(owner, view, views.size), view, load)
}

/** What an owner has in one view of several. */
function viewOf(owner: StagedOwner, view: number, views: number): StagedOwner {
  return views === 1 ? owner : { ...owner, records: owner.records.filter((record) => record.view === view) }
}

function checkView(owner: StagedOwner, view: number, load: FileLoad): void {
  let hasCname = false
  let hasOther = false
  for (const record of owner.records) {
    if (record.type === RECORD_TYPES.CNAME) hasCname = true
    else hasOther = true
    explain(record, load, () => {
      load.sink.checkPlace(owner.name, record.type)
      if (hasCname && hasOther) {
        throw new ContainerDnsError(
          'CDNS_CNAME_CONFLICT',
          `${nameToText(owner.name)} cannot have a CNAME beside other records`,
        )
      }
    })
  }
  for (const records of recordsByType(owner)) {
    explain(records.at(-1)!, load, () => {
      load.encoder.reset()
      const rrset = encode(records, load.sink.defaultTtl, load.encoder)
      if (rrset.count > 1) refuseSecond(typeName(rrset.type))
    })
  }
  const stored = load.sink.read(owner.name).filter((rrset) => (rrset.view ?? 0) === view)
  refuseConflictWithProgram(owner.name, hasCname, stored)
}

function explain(record: StagedRecord, { sources }: FileLoad, step: () => void): void {
  try {
    step()
  } catch (cause) {
    throw sources[record.source]!.invalid(record.place, cause)
  }
}

/** What the program has put stays, so the files must fit beside it. */
function refuseConflictWithProgram(owner: Uint8Array, hasCname: boolean, stored: readonly WireRRset[]): void {
  for (const other of stored) {
    if (isFromFile(other) || (other.type === RECORD_TYPES.CNAME) === hasCname) continue
    throw new ContainerDnsError(
      'CDNS_CNAME_CONFLICT',
      `a file has records at ${nameToText(owner)}, where the program has put what cannot stand beside them (RFC 1034 §3.6.2)`,
    )
  }
}

/** Writes an owner as it will be. Returns how many RRsets gave way to the program's word. */
function write({ name, ...owner }: StagedOwner, sink: StoreSink, encoder: RRsetEncoder): number {
  const own = sink.read(name).filter((stored) => !isFromFile(stored))
  encoder.reset()
  const next: WireRRset[] = []
  let kept = 0
  for (const records of recordsByType({ name, ...owner })) {
    if (own.some(({ type, view = 0 }) => type === records[0]!.type && view === records[0]!.view)) kept++
    else next.push(encode(records, sink.defaultTtl, encoder))
  }
  sink.write(name, [...next, ...own])
  return kept
}

/** The records of an owner, those of a type and view together, in the order in which they came. */
function recordsByType({ records }: StagedOwner): StagedRecord[][] {
  if (records.length === 1) return [[records[0]!]]
  const byType = new Map<number, StagedRecord[]>()
  for (const record of records) {
    const key = (record.view << 16) | record.type
    const others = byType.get(key)
    if (others === undefined) byType.set(key, [record])
    else others.push(record)
  }
  return [...byType.values()]
}

function encode(records: readonly StagedRecord[], defaultTtl: number, encoder: RRsetEncoder): WireRRset {
  let ttl = NO_TTL
  // RFC 2181 §5.2: one TTL for all, and of several the lowest.
  for (const record of records) ttl = Math.min(ttl, record.ttl === NO_TTL ? defaultTtl : record.ttl)
  const { type, view } = records[0]!
  const said = records.find((record) => record.said !== undefined)?.said ?? {}
  const rrset = encoder.encodeRecords(type, ttl, records.length, records, said, SIDE_FROM_FILE)
  return view === 0 ? rrset : { ...rrset, view }
}

function isFromFile(stored: WireRRset): boolean {
  return stored.sideLength > 0 && stored.side[storeSideStart(stored)] === FROM_FILE
}
