import type { RRset } from '../../records/rrset.js'
import { decodeData, type RRsetEncoder } from '../../records/wire-rrset.js'
import { hashStep } from '../../wire/name.js'
import type { RecordData } from '../../wire/rdata/record-data.js'
import type { LeafPlace } from './key-layout.js'
import { rdataKey } from './leaf.js'

/** The data of an RRset, each once, by what it says on the wire. */
export function wantedRecords(rrset: RRset, encoder: RRsetEncoder): Map<string, RecordData> {
  const wanted = new Map<string, RecordData>()
  for (const data of rrset.data) {
    encoder.reset()
    const wire = encoder.encode(rrset.type, 0, [data])
    const rdata = wire.bytes.subarray(wire.start + RDLENGTH_SIZE, wire.start + wire.length)
    // In its one written form, which is what a leaf's hash is made of.
    wanted.set(rdataKey(wire.type, rdata), decodeData(wire)[0]!)
  }
  return wanted
}

const RDLENGTH_SIZE = 2

/** The path of a new leaf, in the origin's way. Later attempts are for when the first one's key is taken. */
export function newPath(place: LeafPlace, data: RecordData, attempt: number): string {
  if (!place.hasLeaf) return ''
  const { label } = place
  const leaf = label !== undefined && attempt === 0 ? label : hashOf(data, label === undefined ? attempt : attempt - 1)
  return place.folder === '' ? leaf : `${place.folder}/${leaf}`
}

function hashOf(data: RecordData, attempt: number): string {
  const text = attempt === 0 ? hashedText(data) : `${hashedText(data)}#${attempt}`
  return fnv32a(text).toString(16)
}

/** The origin hashes what stands in `host`, and its texts have labels that people chose. */
function hashedText(data: RecordData): string {
  if (typeof data === 'string') return data
  if (Array.isArray(data)) return data.join('')
  if ('target' in data) return data.target
  return 'exchange' in data ? data.exchange : ''
}

/** The origin's hash, in Go `fnv.New32a`. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = hashStep(hash, byte)
  return hash >>> 0
}
