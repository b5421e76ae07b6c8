import { KUBERNETES } from '../../records/rrset.js'
import { PLAIN_SIDE, sideOfOwner, storeSideStart } from '../../records/rrset-side.js'
import { NO_VIEWS, viewNumber } from '../../records/view.js'
import type { WireRRset } from '../../records/wire-rrset.js'
import { MAX_MESSAGE_SIZE, MAX_NAME_LENGTH } from '../../wire/constants.js'
import { RECORD_TYPES } from '../../wire/rdata/record-type.js'
import { type Leaf, NO_TTL, rdataKey } from './leaf.js'
import { kindOf, viewOfPath } from './leaf-path.js'
import { arrange } from './leaf-precedence.js'
import { answerRdata } from './service-leaf.js'

// The store's side data of an RRset (after what `records/rrset-side.ts` begins it with): an entry for each leaf, in the order of their paths.
// | record u16 | ttl u32 | modRevision u48 | pathLength u16 | path |                        22 bytes for an ordinary A leaf
// | WHOLE      | ttl u32 | modRevision u48 | pathLength u16 | path |
// | HELD_BACK  | ttl u32 | modRevision u48 | pathLength u16 | path | type u16 | rdataLength u16 | rdata |
// `record` is which of the RRset's records it is: leaves with equal data share one (RFC 2181 §5); WHOLE is the one leaf that all of
// the RRset comes from. A leaf is held back when its data do not stand in the RRset as they are, because there is no room for
// them or another leaf wins; it may be of another type, where all of its own are held back. The user of a leaf follows its path
// as | length u8 | text |, where the highest bit of `pathLength` says that there is one.
const SIDE_RECORD = 0
const SIDE_TTL = SIDE_RECORD + 2
const SIDE_MOD_REVISION = SIDE_TTL + 4
const SIDE_PATH_LENGTH = SIDE_MOD_REVISION + 6
const SIDE_PATH = SIDE_PATH_LENGTH + 2
const HAS_USER = 0x8000
const HELD_BACK = 0xffff
const WHOLE = 0xfffe
const HELD_BACK_HEADER = 4

const RDLENGTH_SIZE = 2
/** Name (a pointer), type, class, TTL and length of rdata: what a record takes in a message beside its rdata. */
const RECORD_OVERHEAD = 12
/** What a message can hold beside its header and the longest question. */
const MAX_RRSET_SIZE = MAX_MESSAGE_SIZE - (12 + MAX_NAME_LENGTH + 4)

// The rdata of a leaf that is a whole RRset: | length u16 | what its side data begins with (`records/rrset-side.ts`) | records, each behind its length |
const WHOLE_SAID = 2

/** The rdata of a leaf that is a whole RRset, with all that is said of it. */
export function wholeRdata(rrset: WireRRset): Uint8Array {
  const { bytes, start, length, side, sideStart, sideLength } = rrset
  const said = sideLength === 0 ? PLAIN_SIDE : side.subarray(sideStart, storeSideStart(rrset))
  const rdata = new Uint8Array(WHOLE_SAID + said.length + length)
  rdata[0] = said.length >>> 8
  rdata[1] = said.length
  rdata.set(said, WHOLE_SAID)
  rdata.set(bytes.subarray(start, start + length), WHOLE_SAID + said.length)
  return rdata
}

/** The leaves behind an owner's RRsets, copied out of shared memory. */
export function unpackLeaves(rrsets: readonly WireRRset[]): Leaf[] {
  const leaves: Leaf[] = []
  for (const rrset of rrsets) unpackRRset(rrset, leaves)
  return leaves
}

/** Turns leaves into RRsets, in a scratch buffer that the next call overwrites. */
export class LeafPacker {
  #scratch = Buffer.alloc(4096)
  readonly #views: readonly string[]

  /** `views` are those of the server; the leaves of others are not for here. */
  constructor(views: readonly string[] = NO_VIEWS) {
    this.#views = views
  }

  /** `heldBack`, if given, gets the leaves for which there was no room in their RRset. */
  pack(leaves: readonly Leaf[], defaultTtl: number, heldBack?: Leaf[]): WireRRset[] {
    this.#reserve(leaves)
    const ordered = leaves.length === 1 ? leaves : [...leaves].sort((a, b) => this.#compare(a, b))
    const { shown, hidden } = arrange(ordered)
    const rrsets: WireRRset[] = []
    const homeless: Leaf[] = []
    let position = 0
    for (let first = 0; first < shown.length; ) {
      let end = first + 1
      while (end < shown.length && this.#areOfOneRRset(shown[first]!, shown[end]!)) end++
      const sameType = shown.slice(first, end)
      const rrset = this.#packRRset(sameType, position, defaultTtl, heldBack)
      first = end
      if (rrset.count === 0) {
        // A single record can be larger than what a message has room for.
        homeless.push(...sameType)
        continue
      }
      rrsets.push(rrset)
      position = rrset.sideStart + rrset.sideLength
    }
    return this.#appendHidden(rrsets, homeless.concat(hidden), position)
  }

  #areOfOneRRset(a: Leaf, b: Leaf): boolean {
    return a.type === b.type && this.#viewOf(a) === this.#viewOf(b)
  }

  #viewOf({ path }: Leaf): number {
    return this.#views.length === 1 ? 0 : viewNumber(this.#views, viewOfPath(path))
  }

  /** The order of RRsets in an owner, and of leaves in an RRset. */
  #compare(a: Leaf, b: Leaf): number {
    return this.#viewOf(a) - this.#viewOf(b) || a.type - b.type || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
  }

  /** Leaves that are in no RRset of their own type stand with the last one of the owner. Without any, there is nothing they could hide behind. */
  #appendHidden(rrsets: WireRRset[], hidden: readonly Leaf[], position: number): WireRRset[] {
    const last = hidden.length === 0 ? undefined : rrsets.pop()
    if (last === undefined) return rrsets
    for (const leaf of hidden) position = this.#packSide(leaf, HELD_BACK, position)
    return [...rrsets, { ...last, sideLength: position - last.sideStart }]
  }

  #packRRset(leaves: readonly Leaf[], start: number, defaultTtl: number, heldBack: Leaf[] | undefined): WireRRset {
    const kind = kindOf(leaves[0]!.path)
    if (kind === 'rrset') return this.#packWhole(leaves[0]!, start, defaultTtl)
    const { type } = leaves[0]!
    const scratch = this.#scratch
    const answers = kind === 'service' ? answerRdata(leaves) : undefined
    const records = new Map<string, number>()
    const recordOf = new Array<number>(leaves.length)
    let position = start
    let ttl = NO_TTL
    for (const [i, leaf] of leaves.entries()) {
      const rdata = answers?.[i] ?? leaf.rdata
      const key = leaves.length === 1 ? '' : rdataKey(type, rdata)
      let record = records.get(key)
      if (record === undefined && this.#fits(type, records.size, position - start, rdata)) {
        record = records.size
        records.set(key, record)
        scratch.writeUInt16BE(rdata.length, position)
        scratch.set(rdata, position + RDLENGTH_SIZE)
        position += RDLENGTH_SIZE + rdata.length
      }
      // SkyDNS has as many CNAMEs as it likes; that all but the first one stay back is nobody's mistake.
      if (record === undefined && !(kind === 'service' && type === RECORD_TYPES.CNAME)) heldBack?.push(leaf)
      // RFC 2181 §5.2: one TTL for all, and of several the lowest.
      if (record !== undefined) ttl = Math.min(ttl, leaf.ttl === NO_TTL ? defaultTtl : leaf.ttl)
      recordOf[i] = kind === 'service' ? HELD_BACK : (record ?? HELD_BACK)
    }
    const sideStart = position
    const said = sideOfOwner(commonUser(leaves))
    scratch.set(said, position)
    position += said.length
    for (const [i, leaf] of leaves.entries()) position = this.#packSide(leaf, recordOf[i]!, position)
    return this.#rrset(type, ttl, records.size, start, sideStart, position)
  }

  #packWhole(leaf: Leaf, start: number, defaultTtl: number): WireRRset {
    const { rdata } = leaf
    const recordsAt = WHOLE_SAID + readU16(rdata, 0)
    this.#scratch.set(rdata.subarray(recordsAt), start)
    const sideStart = start + rdata.length - recordsAt
    this.#scratch.set(rdata.subarray(WHOLE_SAID, recordsAt), sideStart)
    const end = this.#packSide(leaf, WHOLE, sideStart + recordsAt - WHOLE_SAID)
    const ttl = leaf.ttl === NO_TTL ? defaultTtl : leaf.ttl
    const rrset = this.#rrset(leaf.type, ttl, countRecords(rdata, recordsAt), start, sideStart, end)
    const view = this.#viewOf(leaf)
    return view === 0 ? rrset : { ...rrset, view }
  }

  #rrset(type: number, ttl: number, count: number, start: number, sideStart: number, end: number): WireRRset {
    const bytes = this.#scratch
    return {
      ...{ type, ttl, count, bytes, start, length: sideStart - start },
      ...{ side: bytes, sideStart, sideLength: end - sideStart },
    }
  }

  /** RFC 2181 §10.1: a name has one CNAME at most. All other RRsets end where a message does. */
  #fits(type: number, count: number, size: number, rdata: Uint8Array): boolean {
    if (type === RECORD_TYPES.CNAME) return count === 0
    return size + RDLENGTH_SIZE + rdata.length + (count + 1) * (RECORD_OVERHEAD - RDLENGTH_SIZE) <= MAX_RRSET_SIZE
  }

  #packSide(leaf: Leaf, record: number, at: number): number {
    const scratch = this.#scratch
    scratch.writeUInt16BE(record, at + SIDE_RECORD)
    scratch.writeUInt32BE(leaf.ttl, at + SIDE_TTL)
    scratch.writeUIntBE(leaf.modRevision, at + SIDE_MOD_REVISION, 6)
    const pathLength = scratch.write(leaf.path, at + SIDE_PATH, 'latin1')
    scratch.writeUInt16BE(pathLength | (leaf.user === undefined ? 0 : HAS_USER), at + SIDE_PATH_LENGTH)
    let end = at + SIDE_PATH + pathLength
    if (leaf.user !== undefined) {
      scratch[end] = scratch.write(leaf.user, end + 1)
      end += 1 + scratch[end]!
    }
    if (record !== HELD_BACK) return end
    scratch.writeUInt16BE(leaf.type, end)
    scratch.writeUInt16BE(leaf.rdata.length, end + 2)
    scratch.set(leaf.rdata, end + HELD_BACK_HEADER)
    return end + HELD_BACK_HEADER + leaf.rdata.length
  }

  /** Room for all of an owner before any of it is packed, so that what has been handed out stays where it is. */
  #reserve(leaves: readonly Leaf[]): void {
    // Each may be an RRset, whose side data has an octet and an owner before the leaves.
    let size = leaves.length
    for (const { user } of leaves) if (user !== undefined) size += 2 * (1 + Buffer.byteLength(user))
    for (const leaf of leaves) size += 2 * (HELD_BACK_HEADER + leaf.rdata.length) + SIDE_PATH + leaf.path.length
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
  for (let at = storeSideStart(rrset); at < sideStart + sideLength; ) {
    const record = readU16(side, at + SIDE_RECORD)
    const pathAt = at + SIDE_PATH
    const pathLength = readU16(side, at + SIDE_PATH_LENGTH)
    const pathEnd = pathAt + (pathLength & ~HAS_USER)
    const hasUser = (pathLength & HAS_USER) !== 0
    const end = hasUser ? pathEnd + 1 + side[pathEnd]! : pathEnd
    const isHeldBack = record === HELD_BACK
    const rdata =
      record === WHOLE
        ? wholeRdata(rrset)
        : isHeldBack
          ? readRdata(side, end + 2)
          : readRdata(rrset.bytes, recordAt[record]!)
    leaves.push({
      path: readText(side, pathAt, pathEnd),
      type: isHeldBack ? readU16(side, end) : type,
      ttl: readU16(side, at + SIDE_TTL) * 0x10000 + readU16(side, at + SIDE_TTL + 2),
      modRevision: readU48(side, at + SIDE_MOD_REVISION),
      rdata,
      ...(hasUser && { user: Buffer.from(side.subarray(pathEnd + 1, end)).toString() }),
    })
    at = isHeldBack ? end + HELD_BACK_HEADER + rdata.length : end
  }
}

/** Whose an RRset is: that of all its leaves, or nobody's in particular; of one in which Kubernetes has a leaf, Kubernetes'. */
function commonUser(leaves: readonly Leaf[]): string {
  const { user = '' } = leaves.find((leaf) => leaf.user === KUBERNETES) ?? leaves[0]!
  return user === KUBERNETES || leaves.every((leaf) => leaf.user === user) ? user : ''
}

function countRecords(rdata: Uint8Array, start: number): number {
  let count = 0
  for (let at = start; at < rdata.length; at += RDLENGTH_SIZE + readU16(rdata, at)) count++
  return count
}

function readRdata(bytes: Uint8Array, at: number): Uint8Array {
  const start = at + RDLENGTH_SIZE
  const rdata = new Uint8Array(readU16(bytes, at))
  // Not `slice` of the given array: of shared memory that would be shared memory again. An address is copied sooner by hand.
  if (rdata.length > SHORT_RDATA) rdata.set(bytes.subarray(start, start + rdata.length))
  else for (let i = 0; i < rdata.length; i++) rdata[i] = bytes[start + i]!
  return rdata
}

const SHORT_RDATA = 32

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
