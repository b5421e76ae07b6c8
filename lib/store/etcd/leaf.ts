import type { WireRRset } from '../../records/wire-rrset.js'
import { MAX_MESSAGE_SIZE, MAX_NAME_LENGTH } from '../../wire/constants.js'
import { foldByte } from '../../wire/name.js'
import { NO_NAME, RDATA_CODECS } from '../../wire/rdata/codec.js'
import { RECORD_TYPES, typeName } from '../../wire/rdata/record-type.js'

/** What one key of etcd says of one owner. */
export interface Leaf {
  /**
   * Where the key stands: below the owner's own key, without the slash at its end (`1f0c24bd`, `mail/1f0c24bd`; empty for the
   * owner's own key). A key that this does not give back exactly (in capitals, without its last slash, or elsewhere) is
   * written out in full behind the prefix, with a slash before it.
   */
  readonly path: string
  readonly type: number
  /** Seconds, or NO_TTL. */
  readonly ttl: number
  readonly modRevision: number
  /** In bytes of its own, never in shared memory. */
  readonly rdata: Uint8Array
}

/** A leaf that says nothing of a TTL has the server's default, whatever that is when it is published. */
export const NO_TTL = 0xffffffff

// The side data of an RRset: an entry for each leaf, in the order of their paths.
// | record u16 | ttl u32 | modRevision u48 | pathLength u16 | path |                        22 bytes for an ordinary A leaf
// | HELD_BACK  | ttl u32 | modRevision u48 | pathLength u16 | path | rdataLength u16 | rdata |
// `record` is which of the RRset's records it is: leaves with equal data share one (RFC 2181 §5). A leaf is held back when
// its data cannot stand in the RRset beside the others. The origin's `user` would follow the path as another length and text.
const SIDE_RECORD = 0
const SIDE_TTL = SIDE_RECORD + 2
const SIDE_MOD_REVISION = SIDE_TTL + 4
const SIDE_PATH_LENGTH = SIDE_MOD_REVISION + 6
const SIDE_PATH = SIDE_PATH_LENGTH + 2
const HELD_BACK = 0xffff

const RDLENGTH_SIZE = 2
/** Name (a pointer), type, class, TTL and length of rdata: what a record takes in a message beside its rdata. */
const RECORD_OVERHEAD = 12
/** What a message can hold beside its header and the longest question. */
const MAX_RRSET_SIZE = MAX_MESSAGE_SIZE - (12 + MAX_NAME_LENGTH + 4)

/** The leaves behind an owner's RRsets, copied out of shared memory. */
export function unpackLeaves(rrsets: readonly WireRRset[]): Leaf[] {
  const leaves: Leaf[] = []
  for (const rrset of rrsets) unpackRRset(rrset, leaves)
  return leaves
}

/** The case of names in rdata aside: of leaves that share a record, only the first one's is kept. */
export function sameLeaf(a: Leaf, b: Leaf): boolean {
  return (
    a.path === b.path &&
    a.type === b.type &&
    a.ttl === b.ttl &&
    a.modRevision === b.modRevision &&
    (Buffer.compare(a.rdata, b.rdata) === 0 || rdataKey(a.type, a.rdata) === rdataKey(b.type, b.rdata))
  )
}

/** Equal for two rdatas of a type that mean the same: names in them have no case (RFC 4034 §6.2). */
export function rdataKey(type: number, rdata: Uint8Array): string {
  const name = typeName(type)
  const { nameOffset } = RDATA_CODECS[name]
  const foldFrom = name === 'SRV' ? SRV_TARGET : nameOffset === NO_NAME ? rdata.length : nameOffset
  let key = ''
  for (let i = 0; i < rdata.length; i++) key += String.fromCharCode(i < foldFrom ? rdata[i]! : foldByte(rdata[i]!))
  return key
}

/** RFC 2782: priority, weight and port stand before the target. */
const SRV_TARGET = 6

/** Turns leaves into RRsets, in a scratch buffer that the next call overwrites. */
export class LeafPacker {
  #scratch = Buffer.alloc(4096)

  /** `heldBack`, if given, gets the leaves that could not stand in their RRset. */
  pack(leaves: readonly Leaf[], defaultTtl: number, heldBack?: Leaf[]): WireRRset[] {
    this.#reserve(leaves)
    const ordered = leaves.length === 1 ? leaves : [...leaves].sort(byTypeAndPath)
    const rrsets: WireRRset[] = []
    let position = 0
    for (let first = 0; first < ordered.length; ) {
      let end = first + 1
      while (end < ordered.length && ordered[end]!.type === ordered[first]!.type) end++
      const rrset = this.#packRRset(ordered.slice(first, end), position, defaultTtl, heldBack)
      position = rrset.sideStart + rrset.sideLength
      rrsets.push(rrset)
      first = end
    }
    return rrsets
  }

  #packRRset(leaves: readonly Leaf[], start: number, defaultTtl: number, heldBack: Leaf[] | undefined): WireRRset {
    const { type } = leaves[0]!
    const scratch = this.#scratch
    const records = new Map<string, number>()
    const recordOf = new Array<number>(leaves.length)
    let position = start
    let ttl = NO_TTL
    for (const [i, leaf] of leaves.entries()) {
      const key = leaves.length === 1 ? '' : rdataKey(type, leaf.rdata)
      let record = records.get(key)
      if (record === undefined && this.#fits(type, records.size, position - start, leaf)) {
        record = records.size
        records.set(key, record)
        scratch.writeUInt16BE(leaf.rdata.length, position)
        scratch.set(leaf.rdata, position + RDLENGTH_SIZE)
        position += RDLENGTH_SIZE + leaf.rdata.length
      }
      if (record === undefined) heldBack?.push(leaf)
      // RFC 2181 §5.2: one TTL for all, and of several the lowest.
      else ttl = Math.min(ttl, leaf.ttl === NO_TTL ? defaultTtl : leaf.ttl)
      recordOf[i] = record ?? HELD_BACK
    }
    const sideStart = position
    for (const [i, leaf] of leaves.entries()) position = this.#packSide(leaf, recordOf[i]!, position)
    const length = sideStart - start
    return {
      type,
      ttl,
      count: records.size,
      bytes: scratch,
      start,
      length,
      side: scratch,
      sideStart,
      sideLength: position - sideStart,
    }
  }

  /** RFC 2181 §10.1: a name has one CNAME at most. All other RRsets end where a message does. */
  #fits(type: number, count: number, size: number, leaf: Leaf): boolean {
    if (type === RECORD_TYPES.CNAME) return count === 0
    return size + RDLENGTH_SIZE + leaf.rdata.length + (count + 1) * (RECORD_OVERHEAD - RDLENGTH_SIZE) <= MAX_RRSET_SIZE
  }

  #packSide(leaf: Leaf, record: number, at: number): number {
    const scratch = this.#scratch
    scratch.writeUInt16BE(record, at + SIDE_RECORD)
    scratch.writeUInt32BE(leaf.ttl, at + SIDE_TTL)
    scratch.writeUIntBE(leaf.modRevision, at + SIDE_MOD_REVISION, 6)
    const pathLength = scratch.write(leaf.path, at + SIDE_PATH, 'latin1')
    scratch.writeUInt16BE(pathLength, at + SIDE_PATH_LENGTH)
    const end = at + SIDE_PATH + pathLength
    if (record !== HELD_BACK) return end
    scratch.writeUInt16BE(leaf.rdata.length, end)
    scratch.set(leaf.rdata, end + RDLENGTH_SIZE)
    return end + RDLENGTH_SIZE + leaf.rdata.length
  }

  /** Room for all of an owner before any of it is packed, so that what has been handed out stays where it is. */
  #reserve(leaves: readonly Leaf[]): void {
    let size = 0
    for (const leaf of leaves) size += 2 * (RDLENGTH_SIZE + leaf.rdata.length) + SIDE_PATH + leaf.path.length
    if (size > this.#scratch.length) this.#scratch = Buffer.alloc(2 * size)
  }
}

function unpackRRset(rrset: WireRRset, leaves: Leaf[]): void {
  const recordAt = new Array<number>(rrset.count)
  let position = rrset.start
  for (let i = 0; i < rrset.count; i++) {
    recordAt[i] = position
    position += RDLENGTH_SIZE + readU16(rrset.bytes, position)
  }
  const { side, sideStart, sideLength, type } = rrset
  for (let at = sideStart; at < sideStart + sideLength; ) {
    const record = readU16(side, at + SIDE_RECORD)
    const pathAt = at + SIDE_PATH
    const pathEnd = pathAt + readU16(side, at + SIDE_PATH_LENGTH)
    const isHeldBack = record === HELD_BACK
    const rdata = isHeldBack ? readRdata(side, pathEnd) : readRdata(rrset.bytes, recordAt[record]!)
    leaves.push({
      path: readText(side, pathAt, pathEnd),
      type,
      ttl: readU16(side, at + SIDE_TTL) * 0x10000 + readU16(side, at + SIDE_TTL + 2),
      modRevision: readU48(side, at + SIDE_MOD_REVISION),
      rdata,
    })
    at = isHeldBack ? pathEnd + RDLENGTH_SIZE + rdata.length : pathEnd
  }
}

function readRdata(bytes: Uint8Array, at: number): Uint8Array {
  const start = at + RDLENGTH_SIZE
  // Not `slice` of the given array: of shared memory that would be shared memory again.
  return Uint8Array.from(bytes.subarray(start, start + readU16(bytes, at)))
}

function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

/** Revisions are 64 bits; 48 last for 8 000 years at 1 000 changes a second, and fit a number. */
function readU48(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 0x100000000 + readU16(bytes, at + 2) * 0x10000 + readU16(bytes, at + 4)
}

function byTypeAndPath(a: Leaf, b: Leaf): number {
  return a.type - b.type || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
}
