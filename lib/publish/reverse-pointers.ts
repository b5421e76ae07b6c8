import type { RecordIndexWriter } from '../record-index/record-index-writer.js'
import type { WireRRset } from '../records/wire-rrset.js'
import { RDLENGTH_SIZE } from '../wire/constants.js'
import { nameFromText } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'
import { LeftOutNames } from './left-out-names.js'

/** PTR records of one address. A thousand names behind one load balancer tell nobody anything. */
const MAX_POINTERS = 100

const IPV4_SIZE = 4
const IPV6_SIZE = 16
const IN_ADDR = nameFromText('in-addr.arpa')
const IP6 = nameFromText('ip6.arpa')
const HEX = '0123456789abcdef'
const NO_SIDE = new Uint8Array(0)

/** What a name must not have beside a PTR record that we make up. */
const CONFLICTING: ReadonlySet<number> = new Set([RECORD_TYPES.PTR, RECORD_TYPES.CNAME, RECORD_TYPES.NS])

interface Address {
  readonly octets: Uint8Array
  readonly ttl: number
}

/**
 * Writes names to the index, and PTR records for their addresses, where the reverse name is in a zone of ours. Main thread only.
 *
 * The PTR records stand in the index as RRsets that are marked, so that no store and no program takes them for its own; the index is
 * also what remembers them, and each name's TTL. Only those that a stored PTR, CNAME or NS keeps from being seen are remembered here, and
 * the names for which there is no room.
 */
export class ReversePointers {
  readonly #index: RecordIndexWriter
  readonly #isOurs: (name: Uint8Array) => boolean
  /** By reverse name. */
  readonly #hidden = new Map<string, WireRRset>()
  readonly #leftOut: LeftOutNames

  /** `isOurs` says whether a folded name in wire form is in one of our zones. */
  constructor(index: RecordIndexWriter, isOurs: (name: Uint8Array) => boolean) {
    this.#index = index
    this.#isOurs = isOurs
    this.#leftOut = new LeftOutNames(index.reader.seed)
  }

  /** As `RecordIndexWriter.write`. */
  write(name: Uint8Array, rrsets: readonly WireRRset[]): boolean {
    // `name` may lie in the caller's scratch bytes, and the old records in memory that the next write gives away.
    const owner = name.slice()
    const before = addressesOf(this.#index.read(owner))
    const after = addressesOf(rrsets)
    if (!this.#writeOwner(owner, rrsets)) return false
    if (isWildcard(owner)) return true
    for (const address of before)
      if (!after.some((each) => isSameAddress(each.octets, address.octets))) this.#point(address, owner, false)
    for (const address of after) this.#point(address, owner, true)
    return true
  }

  /** Writes what the store has at a name, with the PTR records that it has because of its address. */
  #writeOwner(name: Uint8Array, rrsets: readonly WireRRset[]): boolean {
    const pointers = this.#pointersAt(name)
    return pointers === undefined ? this.#index.write(name, rrsets) : this.#writeBeside(name, rrsets, pointers)
  }

  /** The owner's records are in the index as they are to be by now. */
  #point(address: Address, owner: Uint8Array, isThere: boolean): void {
    const { octets } = address
    const name = reverseName(octets)
    if (!this.#isOurs(name)) return
    const pointers = this.#pointersAt(name)
    const targets = targetsOf(pointers)
    const at = targets.findIndex((target) => Buffer.from(target).equals(owner))
    if (at !== -1) {
      if (!isThere) this.#replace(targets, at, octets)
    } else if (!isThere) {
      this.#leftOut.delete(octets, owner)
      return
    } else if (targets.length === MAX_POINTERS) {
      this.#leftOut.add(octets, owner)
      return
    } else targets.push(owner)
    const ttl = this.#lowestTtl(targets, octets, Math.min(pointers?.ttl ?? address.ttl, address.ttl))
    this.#writeBeside(name, this.#index.read(name), pointersTo(targets, ttl))
  }

  /** Takes a target out; one that had found no room comes instead. */
  #replace(targets: Uint8Array[], at: number, octets: Uint8Array): void {
    targets.splice(at, 1)
    const next = this.#leftOut.take(octets)
    if (next !== undefined) targets.push(next)
  }

  /**
   * RFC 2181 §5.2: the records of an RRset have one TTL, the lowest if they come with several. None but the last target, which is the
   * latest, can have one below `floor`; mostly it or the first after it has just that, and the others need no look.
   */
  #lowestTtl(targets: readonly Uint8Array[], octets: Uint8Array, floor: number): number {
    let lowest = Number.POSITIVE_INFINITY
    for (let i = targets.length - 1; i >= 0 && lowest > floor; i--) {
      const own = addressesOf(this.#index.read(targets[i]!)).find((each) => isSameAddress(each.octets, octets))
      if (own !== undefined) lowest = Math.min(lowest, own.ttl)
    }
    return lowest === Number.POSITIVE_INFINITY ? floor : lowest
  }

  #pointersAt(name: Uint8Array): WireRRset | undefined {
    return this.#hidden.get(keyOf(name)) ?? this.#index.readSynthesized(name)
  }

  #writeBeside(name: Uint8Array, stored: readonly WireRRset[], pointers: WireRRset): boolean {
    const isHidden = pointers.count > 0 && stored.some(({ type, view = 0 }) => view === 0 && CONFLICTING.has(type))
    if (isHidden) this.#hidden.set(keyOf(name), copyOf(pointers))
    else this.#hidden.delete(keyOf(name))
    return this.#index.write(name, isHidden || pointers.count === 0 ? stored : [...stored, pointers])
  }
}

function addressesOf(rrsets: readonly WireRRset[]): Address[] {
  return rrsets.flatMap(({ type, ttl, count, bytes, start, view = 0 }) => {
    // What an address is called in a view is for that view's clients.
    if ((type !== RECORD_TYPES.A && type !== RECORD_TYPES.AAAA) || view !== 0) return []
    const size = type === RECORD_TYPES.A ? IPV4_SIZE : IPV6_SIZE
    const first = start + RDLENGTH_SIZE
    return Array.from({ length: count }, (_, i) => {
      const at = first + i * (RDLENGTH_SIZE + size)
      return { octets: bytes.slice(at, at + size), ttl }
    })
  })
}

function isSameAddress(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((octet, i) => octet === right[i])
}

/** RFC 1035 §3.5 and RFC 3596 §2.5. */
function reverseName(octets: Uint8Array): Uint8Array {
  const labels: number[] = []
  const add = (text: string) => labels.push(text.length, ...Buffer.from(text, 'latin1'))
  for (const octet of [...octets].reverse()) {
    if (octets.length === IPV4_SIZE) add(String(octet))
    else for (const nibble of [octet & 0xf, octet >>> 4]) add(HEX[nibble]!)
  }
  return Uint8Array.of(...labels, ...(octets.length === IPV4_SIZE ? IN_ADDR : IP6))
}

/** Copies, since what they are taken from is about to be replaced. */
function targetsOf(pointers: WireRRset | undefined): Uint8Array[] {
  const targets: Uint8Array[] = []
  if (pointers === undefined) return targets
  const { bytes, count } = pointers
  for (let i = 0, at = pointers.start; i < count; i++) {
    const end = at + RDLENGTH_SIZE + ((bytes[at]! << 8) | bytes[at + 1]!)
    targets.push(bytes.slice(at + RDLENGTH_SIZE, end))
    at = end
  }
  return targets
}

function pointersTo(targets: readonly Uint8Array[], ttl: number): WireRRset {
  const bytes = new Uint8Array(Buffer.concat(targets.flatMap((target) => [Uint8Array.of(0, target.length), target])))
  return {
    type: RECORD_TYPES.PTR,
    ttl,
    count: targets.length,
    bytes,
    start: 0,
    length: bytes.length,
    side: NO_SIDE,
    sideStart: 0,
    sideLength: 0,
    isSynthesized: true,
  }
}

function copyOf(rrset: WireRRset): WireRRset {
  return { ...rrset, bytes: rrset.bytes.slice(rrset.start, rrset.start + rrset.length), start: 0 }
}

function isWildcard(name: Uint8Array): boolean {
  return name[0] === 1 && name[1] === 0x2a
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')
}
