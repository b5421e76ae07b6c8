import { CLASS_IN, Rcode, RDLENGTH_SIZE, Type } from '../wire/constants.js'
import { FoldedName } from '../wire/folded-name.js'
import { QueryContext, type QuerySettings } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'
import { QNAME_OFFSET, RDATA_OFFSET } from './response-writer.js'
import type { RecordOrder } from './select.js'
import type { Zone } from './zone.js'

/** How many CNAMEs one answer follows. */
export const MAX_CHAIN_LENGTH = 8

/**
 * Finds the answer to a question and writes it (RFC 1034 §4.3.2). Made once per thread.
 *
 * Each step leaves its records in `context.response` or, where an RRset does not fit, sets `isTruncated` and ends.
 */
export class Lookup {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter
  readonly #order: RecordOrder
  /** The query in hand. */
  #context: QueryContext
  /** Where the CNAME chain is; the question's name itself stays as it is. */
  readonly #effectiveName = new FoldedName()
  /** Hashes of the owners of the chain so far, so that a loop ends where it closes. */
  readonly #chainHashes = new Int32Array(MAX_CHAIN_LENGTH + 1)

  constructor(settings: QuerySettings, response: ResponseWriter, order: RecordOrder) {
    this.#settings = settings
    this.#response = response
    this.#order = order
    this.#context = new QueryContext(settings, response)
  }

  /** False when the question is in none of our zones. */
  answer(context: QueryContext): boolean {
    this.#context = context
    const zone = this.#settings.zones.match(context.question.name)
    if (zone === undefined) return false
    context.isAuthoritative = true
    this.#follow(zone)
    return true
  }

  /** RFC 1034 §4.3.2 step 3a: from CNAME to CNAME, as long as they stay in our zones. */
  #follow(firstZone: Zone): void {
    const { question } = this.#context
    const { index, zones } = this.#settings
    const response = this.#response
    const target = this.#effectiveName
    let zone = firstZone
    let name = question.name
    let ownerOffset = QNAME_OFFSET
    for (let links = 0; ; links++) {
      if (this.#answerAt(zone, name, ownerOffset) || links === MAX_CHAIN_LENGTH) return
      this.#chainHashes[links] = name.hash
      const rdataStart = index.wireStart + RDLENGTH_SIZE
      if (!target.read(index.bytes, rdataStart, index.wireStart + index.wireLength, index.seed)) return
      // Eight links of names of 255 octets end well before the last offset that a pointer can hold.
      const targetOffset = response.length + RDATA_OFFSET
      if (!this.#writeRRset(ownerOffset) || this.#closesLoop(target.hash, links)) return
      const next = zones.match(target)
      // The rest of the chain is for a server of that zone to tell.
      if (next === undefined) return
      zone = next
      name = target
      ownerOffset = response.resolvePointer(targetOffset)
    }
  }

  /** Writes what a name has to say to the question. False when that is a CNAME, now under the index' cursor, which leads on. */
  #answerAt(zone: Zone, name: FoldedName, ownerOffset: number): boolean {
    const { question } = this.#context
    const { index, zones } = this.#settings
    const exists = index.findFolded(name)
    const isApex = name.labelCount === zone.labelCount
    if (exists && this.#findWanted(question.type)) this.#writeRRset(ownerOffset)
    else if (isApex && isSynthesized(question.type)) this.#writeSynthesized(zone, ownerOffset)
    else if (exists && index.findType(Type.CNAME)) return false
    else this.#writeNegative(zone, exists || isApex || zones.isAboveZone(name))
    return true
  }

  /** RFC 8482 §4.1: ANY is answered with one RRset, so that it is of no use to who wants to amplify. */
  #findWanted(type: number): boolean {
    const { index } = this.#settings
    if (type !== Type.ANY) return index.findType(type)
    if (index.rrsetCount === 0) return false
    index.openRRset(0)
    return true
  }

  #closesLoop(hash: number, links: number): boolean {
    for (let i = 0; i <= links; i++) if (this.#chainHashes[i] === hash) return true
    return false
  }

  /** The RRset under the index' cursor goes into the answer, whole, or not at all: then false. */
  #writeRRset(ownerOffset: number): boolean {
    const response = this.#response
    const { index } = this.#settings
    const before = response.position
    const count = index.count
    if (!response.mayHoldRRset(index.type, count, index.wireLength)) return this.#truncate(before)
    if (count === 1) {
      this.#writeRecord(ownerOffset, index.wireStart)
    } else {
      const order = this.#order
      order.shuffle(index.bytes, index.wireStart, count)
      for (let i = 0; i < count && !response.failed; i++) this.#writeRecord(ownerOffset, order.positions[i]!)
    }
    if (response.failed) return this.#truncate(before)
    response.answerCount += count
    return true
  }

  #writeRecord(ownerOffset: number, at: number): void {
    const response = this.#response
    const { index } = this.#settings
    response.recordHead(ownerOffset, index.type, index.ttl)
    response.rdata(index.type, index.bytes, at + RDLENGTH_SIZE, (index.bytes[at]! << 8) | index.bytes[at + 1]!)
  }

  /** At the apex, an SOA and an NS stand in for what the store has not: every zone has both (RFC 1034 §4.2.1). */
  #writeSynthesized(zone: Zone, ownerOffset: number): void {
    const { question } = this.#context
    const response = this.#response
    const settings = this.#settings
    const before = response.position
    const isNs = question.type === Type.NS
    const rdata = isNs ? zone.nsRdata : zone.soaRdata(settings.index.serial)
    const type = isNs ? Type.NS : Type.SOA
    response.recordHead(ownerOffset, type, settings.negativeTtl)
    response.rdata(type, rdata, 0, rdata.length)
    if (response.failed) this.#truncate(before)
    else response.answerCount++
  }

  /** The name is there without such data, or is not there. After a chain, the code says how the last name fared (RFC 6604 §3). */
  #writeNegative(zone: Zone, exists: boolean): void {
    this.#context.isNodata = exists
    if (!exists) this.#context.rcode = Rcode.NXDOMAIN
    this.#writeNegativeSoa(zone)
  }

  /** RFC 2308 §3: the SOA of the zone goes into the authority section, its TTL no more than its minimum. */
  #writeNegativeSoa(zone: Zone): void {
    const response = this.#response
    const settings = this.#settings
    const { index } = settings
    const before = response.position
    response.name(zone.apex, 0, zone.apex.length)
    response.u16(Type.SOA)
    response.u16(CLASS_IN)
    if (index.find(zone.apexHash, zone.apex, 0, zone.apex.length) && index.findType(Type.SOA)) {
      const rdataStart = index.wireStart + RDLENGTH_SIZE
      const rdataLength = index.wireLength - RDLENGTH_SIZE
      response.u32(Math.min(index.ttl, minimumOf(index.bytes, rdataStart + rdataLength)))
      response.rdata(Type.SOA, index.bytes, rdataStart, rdataLength)
    } else {
      response.u32(settings.negativeTtl)
      const rdata = zone.soaRdata(index.serial)
      response.rdata(Type.SOA, rdata, 0, rdata.length)
    }
    if (response.failed) this.#truncate(before)
    else response.authorityCount = 1
  }

  /** RFC 2181 §9: TC says that an RRset is missing. */
  #truncate(position: number): false {
    const context = this.#context
    context.response.position = position
    context.response.failed = false
    context.isTruncated = true
    return false
  }
}

/** What an apex has even if the store has no such RRset. ANY takes what there is, which is the SOA if nothing else (RFC 8482 §4.1). */
function isSynthesized(type: number): boolean {
  return type === Type.SOA || type === Type.NS || type === Type.ANY
}

/** RFC 1035 §3.3.13: the minimum is the last of an SOA's numbers. */
function minimumOf(bytes: Uint8Array, rdataEnd: number): number {
  const at = rdataEnd - 4
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
