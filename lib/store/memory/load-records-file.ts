import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { storeSideStart } from '../../records/rrset-side.js'
import type { RRsetEncoder, WireRRset } from '../../records/wire-rrset.js'
import { RECORD_TYPES } from '../../wire/rdata/record-type.js'
import { KeySet } from '../key-set.js'
import type { StoreSink } from '../record-store.js'
import type { RecordsFile } from './records-file.js'

// The side data of an RRset in a memory store: | origin u8 |   FROM_FILE, or nothing at all when the program has put it
const FROM_FILE = 1
const SIDE_FROM_FILE = Uint8Array.of(FROM_FILE)

/**
 * Brings the index in line with a file: once to check, once to write, once to look for what is gone.
 *
 * Returns how many RRsets of the file gave way to what the program has put. Throws CDNS_RECORDS_FILE_INVALID and
 * CDNS_CNAME_CONFLICT, both before the first write.
 */
export async function loadRecordsFile(
  file: RecordsFile,
  sink: StoreSink,
  encoder: RRsetEncoder,
  slice: () => Promise<void> | undefined,
): Promise<number> {
  const known = await check(file, sink, encoder, slice)
  let kept = 0
  for (const rrset of file.rrsets()) {
    const wait = slice()
    if (wait !== undefined) await wait
    if (!writeOne(rrset, sink, encoder, known)) kept++
  }
  await sink.forEachOwner((owner, rrsets) => {
    const left = rrsets.filter((stored) => stands(owner, stored, known))
    if (left.length < rrsets.length) sink.write(owner, left)
  })
  return kept
}

/** The names and types of the file. */
async function check(
  file: RecordsFile,
  sink: StoreSink,
  encoder: RRsetEncoder,
  slice: () => Promise<void> | undefined,
): Promise<KeySet> {
  const known = new KeySet(file.mostRRsets)
  let index = 0
  for (const rrset of file.rrsets()) {
    const wait = slice()
    if (wait !== undefined) await wait
    try {
      encoder.reset()
      const { type } = encoder.encode(rrset.type, rrset.ttl ?? 0, rrset.data)
      const owner = encoder.name(rrset.name)
      sink.checkPlace(owner, type)
      if (!known.add(owner, `${type}`))
        throw new Error(`${rrset.name} ${rrset.type} stands in an earlier entry already`)
      if (hasBadCompany(owner, type, known)) throw new Error(`${rrset.name} cannot have a CNAME beside other records`)
    } catch (cause) {
      throw file.invalid(index, cause)
    }
    refuseConflictWithProgram(rrset, sink.read(encoder.name(rrset.name)))
    index++
  }
  return known
}

/** Whether an earlier entry has what cannot stand beside this type. There are few CNAMEs, so they do the searching. */
function hasBadCompany(owner: Uint8Array, type: number, known: KeySet): boolean {
  if (type !== RECORD_TYPES.CNAME) return known.has(owner, `${RECORD_TYPES.CNAME}`)
  return Object.values(RECORD_TYPES).some((other) => other !== RECORD_TYPES.CNAME && known.has(owner, `${other}`))
}

/** What the program has put stays, so the file must fit beside it. */
function refuseConflictWithProgram(rrset: RRset, stored: readonly WireRRset[]): void {
  const isCname = rrset.type === 'CNAME'
  for (const other of stored) {
    if (isFromFile(other) || (other.type === RECORD_TYPES.CNAME) === isCname) continue
    throw new ContainerDnsError(
      'CDNS_CNAME_CONFLICT',
      `the records file has ${rrset.type} at ${rrset.name}, where the program has put what cannot stand beside it (RFC 1034 §3.6.2)`,
    )
  }
}

/** Writes the owner as it will be, less the RRsets that come later in the file. False when the program's word stands. */
function writeOne(rrset: RRset, sink: StoreSink, encoder: RRsetEncoder, known: KeySet): boolean {
  encoder.reset()
  const fromFile = encoder.encode(rrset.type, rrset.ttl ?? sink.defaultTtl, rrset.data, SIDE_FROM_FILE)
  const owner = encoder.name(rrset.name)
  const next: WireRRset[] = [fromFile]
  for (const stored of sink.read(owner)) {
    if (stored.type !== fromFile.type) {
      if (stands(owner, stored, known)) next.push(stored)
    } else if (!isFromFile(stored)) return false
  }
  sink.write(owner, next)
  return true
}

/** Whether an RRset in the index still has someone who wants it. */
function stands(owner: Uint8Array, stored: WireRRset, known: KeySet): boolean {
  return !isFromFile(stored) || known.has(owner, `${stored.type}`)
}

function isFromFile(stored: WireRRset): boolean {
  return stored.sideLength > 0 && stored.side[storeSideStart(stored)] === FROM_FILE
}
