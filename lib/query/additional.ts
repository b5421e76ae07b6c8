import { MAX_RECORDS } from '../records/selection-options.js'
import { RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'
import type { QuerySettings } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'
import { ALL_DOWN, type RRsetWriter } from './rrset-writer.js'
import type { ChosenRecords } from './select/chosen-records.js'
import type { Wildcards } from './wildcards.js'
import type { Zone } from './zone.js'
import { findCut, NO_CUT } from './zone-cuts.js'

/** For how many names an answer brings addresses along: more would make one query the work of many. */
const MAX_TARGETS = 16

/**
 * Adds the addresses of what an RRset points to, as far as they are ours to know (RFC 1034 §4.3.2 step 6). Made once per thread.
 *
 * What finds no room is left out. TC does not say so (RFC 2181 §9), except for the glue that a referral cannot do without.
 */
export class AdditionalSection {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter
  readonly #rrsets: RRsetWriter
  readonly #chosen: ChosenRecords
  readonly #wildcards: Wildcards
  readonly #target = new FoldedName()
  /** Hashes of the names that have been dealt with. */
  readonly #done = new Int32Array(MAX_TARGETS)
  #doneCount = 0
  /** Where the records of the answer stand: what they point to is written by the same means. */
  readonly #answers = new Uint32Array(MAX_RECORDS)
  /** Whether the addresses are glue, which belongs to the referral whatever is said of backends. */
  #isGlue = false

  constructor(
    settings: QuerySettings,
    response: ResponseWriter,
    rrsets: RRsetWriter,
    chosen: ChosenRecords,
    wildcards: Wildcards,
  ) {
    this.#wildcards = wildcards
    this.#settings = settings
    this.#response = response
    this.#rrsets = rrsets
    this.#chosen = chosen
  }

  /**
   * For the `count` records of `owner` that have been chosen and were just written as the answer: addresses of a zone's name servers, of
   * mail exchanges, of services.
   */
  addForAnswer(owner: FoldedName, count: number): void {
    const { bytes, type, positions } = this.#chosen
    const { ownerOffset } = this.#rrsets
    const answers = this.#answers
    for (let i = 0; i < count; i++) answers[i] = positions[i]!
    this.#isGlue = false
    this.#doneCount = 0
    for (let i = 0; i < count && this.#doneCount < MAX_TARGETS; i++) {
      const at = answers[i]!
      const start = targetStart(type, at)
      if (!this.#mayFit(type, bytes, start, at)) continue
      if (isServiceBinding(type) && bytes[start] === 0) {
        // RFC 9460 §2.5.2: such a service is on the owner itself. §2.5.1: such an alias leads nowhere.
        if (!isAlias(bytes, at) && this.#isNew(owner)) this.#addForOwner(owner, ownerOffset)
      } else if (this.#readTarget(bytes, start, at) && this.#isNew(this.#target)) {
        // RFC 9460 §4.1: who is led on asks there for the same.
        if (isServiceBinding(type) && isAlias(bytes, at)) this.#addServiceBindings(type, bytes, start, at)
        this.#addAddresses(bytes, start, at, type === Type.NS)
      }
    }
  }

  /** For a name that is in the answer as the one target. */
  addForTarget(source: Uint8Array): void {
    this.#isGlue = false
    if (this.#target.read(source, 0, source.length, this.#settings.index.seed)) {
      this.#addTo(this.#target, source, 0, source.length, true)
    }
  }

  /**
   * For a referral, whose NS RRset is under the index' cursor. Returns false when glue is missing that a resolver cannot find
   * elsewhere: the addresses of servers inside of what is delegated (RFC 9471 §3.1).
   */
  addGlue(name: FoldedName, cut: number): boolean {
    const { index } = this.#settings
    const { bytes, count, wireStart } = index
    let isComplete = true
    this.#isGlue = true
    for (let i = 0, at = wireStart; i < count && isComplete; i++, at = nextRecord(bytes, at)) {
      if (!this.#readTarget(bytes, at + RDLENGTH_SIZE, at) || !this.#target.isAtOrBelow(name, cut)) continue
      isComplete = this.#addAddresses(bytes, at + RDLENGTH_SIZE, at, true)
    }
    if (!isComplete) return false
    // RFC 9471 §3.2: glue of siblings is welcome, and not a reason to truncate; nor is what is ours anyhow.
    let others = 0
    for (let i = 0, at = wireStart; i < count && others < MAX_TARGETS; i++, at = nextRecord(bytes, at)) {
      if (!this.#readTarget(bytes, at + RDLENGTH_SIZE, at) || this.#target.isAtOrBelow(name, cut)) continue
      this.#addAddresses(bytes, at + RDLENGTH_SIZE, at, true)
      others++
    }
    return true
  }

  /** Names of a hundred labels fill a message by themselves: of those that find no room in what is left, nothing is looked up. */
  #mayFit(type: number, bytes: Uint8Array, start: number, at: number): boolean {
    // Behind the target of a service, its parameters follow.
    return this.#response.mayHoldOwner(isServiceBinding(type) ? 1 : nextRecord(bytes, at) - start)
  }

  #readTarget(bytes: Uint8Array, start: number, at: number): boolean {
    return this.#target.read(bytes, start, nextRecord(bytes, at), this.#settings.index.seed)
  }

  /** Several services may be on one host. Two names with one hash lose one its addresses, which are a courtesy. */
  #isNew({ hash }: FoldedName): boolean {
    for (let i = 0; i < this.#doneCount; i++) if (this.#done[i] === hash) return false
    this.#done[this.#doneCount++] = hash
    return true
  }

  #addAddresses(bytes: Uint8Array, start: number, at: number, allowsGlue: boolean): boolean {
    return this.#addTo(this.#target, bytes, start, nextRecord(bytes, at), allowsGlue)
  }

  /** The target is the name that stands in the message as the owner of the answer. */
  #addForOwner(owner: FoldedName, ownerOffset: number): void {
    const zone = this.#settings.zones.match(owner)
    if (zone === undefined) return
    this.#chosen.chooseBy(zone.selection, owner.hash, true)
    this.#rrsets.ownAt(ownerOffset)
    this.#addHost(zone, owner)
  }

  /** Where an alias leads, the same type says how to get on; those names are not followed. */
  #addServiceBindings(type: number, source: Uint8Array, start: number, at: number): void {
    const target = this.#target
    const zone = this.#settings.zones.match(target)
    if (zone === undefined || findCut(this.#settings.index, zone, target, type) !== NO_CUT) return
    if (!this.#wildcards.findTarget(zone, target)) return
    this.#rrsets.ownByName(source, start, nextRecord(source, at))
    this.#addType(type)
  }

  /** False when an address of the name has found no room. */
  #addTo(target: FoldedName, source: Uint8Array, start: number, end: number, allowsGlue: boolean): boolean {
    const { index, zones } = this.#settings
    const zone = zones.match(target)
    if (zone === undefined) return true
    // Below a cut there is glue, which is for those who ask for name servers.
    if (!allowsGlue && findCut(index, zone, target, Type.A) !== NO_CUT) return true
    if (this.#isGlue) this.#chosen.chooseAll()
    else this.#chosen.chooseBy(zone.selection, target.hash, true)
    this.#rrsets.ownByName(source, start, end)
    return this.#addHost(zone, target)
  }

  #addHost(zone: Zone, host: FoldedName): boolean {
    if (this.#wildcards.findTarget(zone, host)) return this.#addType(Type.A) && this.#addType(Type.AAAA)
    if (zone.isNameServer(host)) this.#addOwn()
    return true
  }

  #addType(type: number): boolean {
    if (!this.#settings.index.findType(type)) return true
    const written = this.#rrsets.write()
    if (written === ALL_DOWN) return true
    this.#response.additionalCount += written
    return written > 0
  }

  #addOwn(): void {
    const { ipv4, ipv6 } = this.#settings.ownAddresses
    this.#response.additionalCount += this.#rrsets.writeAddresses(Type.A, ipv4)
    this.#response.additionalCount += this.#rrsets.writeAddresses(Type.AAAA, ipv6)
  }
}

/** Whether records of a type point to names whose addresses a client asks for next. */
export function pointsToHosts(type: number): boolean {
  return type === Type.SRV || type === Type.MX || type === Type.NS || isServiceBinding(type)
}

function isServiceBinding(type: number): boolean {
  return type === Type.SVCB || type === Type.HTTPS
}

/** RFC 9460 §2.4.1: a priority of 0 makes the record at `at` an alias. */
function isAlias(bytes: Uint8Array, at: number): boolean {
  return bytes[at + RDLENGTH_SIZE] === 0 && bytes[at + RDLENGTH_SIZE + 1] === 0
}

/** Where in the record at `at` the name stands that it points to. */
function targetStart(type: number, at: number): number {
  switch (type) {
    case Type.SRV:
      // Priority, weight and port stand before it (RFC 2782).
      return at + RDLENGTH_SIZE + 6
    case Type.MX:
    case Type.SVCB:
    case Type.HTTPS:
      return at + RDLENGTH_SIZE + 2
    default:
      return at + RDLENGTH_SIZE
  }
}

function nextRecord(bytes: Uint8Array, at: number): number {
  return at + RDLENGTH_SIZE + ((bytes[at]! << 8) | bytes[at + 1]!)
}
