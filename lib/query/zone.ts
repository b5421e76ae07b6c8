import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { DEFAULT_SELECTION, type ParsedSelectionOptions } from '../records/selection-options.js'
import { MAX_LABELS, MAX_NAME_LENGTH } from '../wire/constants.js'
import type { FoldedName } from '../wire/folded-name.js'
import { countLabels, foldName, hashName, nameFromText } from '../wire/name.js'

/** Where the names of a synthesized SOA and NS stand: `ns.dns.` as the origin has its name servers, and RFC 2142's hostmaster. */
const PRIMARY_PREFIX = '\x02ns\x03dns'
const ABOVE_PRIMARY_PREFIX = '\x03dns'
const MAILBOX_PREFIX = '\x0ahostmaster'

// RFC 1912 §2.2 has the ranges. Nobody transfers a synthesized zone, so only the minimum is ever used.
const REFRESH_SECONDS = 7200
const RETRY_SECONDS = 1800
const EXPIRE_SECONDS = 86400
/** RFC 1035 §3.3.13: serial, refresh, retry, expire and minimum stand behind the two names. */
const SOA_NUMBERS_SIZE = 5 * 4

/** Of a name that is in none of our zones. */
export const NO_ZONE = -1

/** A zone that we answer for, as it was said: its name as text, folded. */
export interface ParsedZone {
  readonly name: string
  /** How its RRsets are answered that say nothing else. */
  readonly selection: ParsedSelectionOptions
}

/** A zone that we answer for, with the apex records that stand in when the store has none. One for each thread. */
export class Zone {
  /** Folded, in wire form. */
  readonly apex: Uint8Array
  readonly labelCount: number
  /** The apex' hash; 0 until a `ZoneTable` has given it one with its seed. */
  apexHash = 0
  /** Its place among the server's zones; `NO_ZONE` until a `ZoneTable` has given it one. */
  number = NO_ZONE
  /** Rdata of the synthesized NS. */
  readonly nsRdata: Uint8Array
  readonly selection: ParsedSelectionOptions
  readonly #soaRdata: Uint8Array

  /** Throws CDNS_ZONE_INVALID unless `text` is a domain name with room for the synthesized names below it. */
  constructor(text: string, negativeTtl: number, selection = DEFAULT_SELECTION) {
    this.selection = selection
    this.apex = parseZone(text)
    this.labelCount = countLabels(this.apex)
    this.nsRdata = prefixed(PRIMARY_PREFIX, this.apex)
    const names = Buffer.concat([this.nsRdata, prefixed(MAILBOX_PREFIX, this.apex)])
    this.#soaRdata = new Uint8Array(names.length + SOA_NUMBERS_SIZE)
    this.#soaRdata.set(names)
    const numbers = new DataView(this.#soaRdata.buffer, names.length)
    for (const [i, number] of [0, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, negativeTtl].entries()) {
      numbers.setUint32(4 * i, number)
    }
  }

  /** Whether a name in the zone is that of the synthesized NS. */
  isNameServer(name: FoldedName): boolean {
    return name.labelCount === this.labelCount + 2 && startsWith(name, PRIMARY_PREFIX)
  }

  /** Whether it is the one above that, which is there for its sake. */
  isAboveNameServer(name: FoldedName): boolean {
    return name.labelCount === this.labelCount + 1 && startsWith(name, ABOVE_PRIMARY_PREFIX)
  }

  /** Rdata of the synthesized SOA; the same bytes each time, good until the next call. */
  soaRdata(serial: number): Uint8Array {
    const at = this.#soaRdata.length - SOA_NUMBERS_SIZE
    this.#soaRdata[at] = serial >>> 24
    this.#soaRdata[at + 1] = serial >>> 16
    this.#soaRdata[at + 2] = serial >>> 8
    this.#soaRdata[at + 3] = serial
    return this.#soaRdata
  }
}

/** The zones of a server; the one with the most labels in common wins. */
export class ZoneTable {
  readonly count: number
  readonly #byHash = new Map<number, Zone[]>()
  /** The names between the apexes and the root. */
  readonly #aboveByHash = new Map<number, Uint8Array[]>()
  /** 1 for each label count that an apex has, so that most suffixes of a name are never looked up. */
  readonly #hasLabelCount = new Uint8Array(MAX_LABELS)
  #mostLabels = 0

  constructor(zones: readonly Zone[], seed: number, numbers?: readonly number[]) {
    this.count = zones.length
    for (const [number, zone] of zones.entries()) {
      const { apex, labelCount } = zone
      zone.number = numbers?.[number] ?? number
      zone.apexHash = hashName(apex, 0, apex.length, seed)
      append(this.#byHash, zone.apexHash, zone)
      this.#hasLabelCount[labelCount] = 1
      this.#mostLabels = Math.max(this.#mostLabels, labelCount)
      for (let name = parentOf(apex); name.length > 1; name = parentOf(name)) {
        append(this.#aboveByHash, hashName(name, 0, name.length, seed), name)
      }
    }
  }

  /** The zone that a name, from a label on, belongs to, by longest label match. */
  match(name: FoldedName, firstLabel = 0): Zone | undefined {
    for (let label = Math.max(firstLabel, name.labelCount - this.#mostLabels); label <= name.labelCount; label++) {
      if (this.#hasLabelCount[name.labelCount - label] === 0) continue
      const zones = this.#byHash.get(name.suffixHashes[label]!)
      if (zones === undefined) continue
      for (const zone of zones) if (endsWith(name, label, zone.apex)) return zone
    }
    return undefined
  }

  /** Whether one of our zones lies below the name from a label on, which is there then, if only as an empty non-terminal. */
  isAboveZone(name: FoldedName, label = 0): boolean {
    const names = this.#aboveByHash.get(name.suffixHashes[label]!)
    if (names === undefined) return false
    for (const above of names) if (endsWith(name, label, above)) return true
    return false
  }

  /** The zone in which the apex of another stands, if that is ours too. */
  zoneAbove(apex: FoldedName): Zone | undefined {
    return apex.labelCount === 0 ? undefined : this.match(apex, 1)
  }
}

/** A zone's name, folded and in wire form. Throws CDNS_ZONE_INVALID. */
export function parseZone(text: string): Uint8Array {
  let apex: Uint8Array
  try {
    apex = nameFromText(text)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_ZONE_INVALID', `zone ${describe(text)} is not a domain name`, { cause })
  }
  if (apex.length + MAILBOX_PREFIX.length > MAX_NAME_LENGTH) {
    throw new ContainerDnsError('CDNS_ZONE_INVALID', `zone ${describe(text)} is too long: no name server fits below it`)
  }
  foldName(apex, 0, apex.length)
  return apex
}

function prefixed(prefix: string, apex: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(prefix, 'latin1'), apex])
}

function startsWith(name: FoldedName, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) if (name.bytes[i] !== prefix.charCodeAt(i)) return false
  return true
}

/** Whether a name is `suffix` from a label on. */
function endsWith(name: FoldedName, label: number, suffix: Uint8Array): boolean {
  const start = name.labelStarts[label]!
  if (name.length - start !== suffix.length) return false
  for (let i = 0; i < suffix.length; i++) if (name.bytes[start + i] !== suffix[i]) return false
  return true
}

/** The name without its first label; the root's is empty. */
function parentOf(name: Uint8Array): Uint8Array {
  return name.subarray(name[0]! + 1)
}

/** Two names may have one hash. */
function append<T>(map: Map<number, T[]>, hash: number, item: T): void {
  const items = map.get(hash)
  if (items === undefined) map.set(hash, [item])
  else items.push(item)
}
