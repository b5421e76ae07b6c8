import { CLASS_IN, Rcode, RDLENGTH_SIZE, Type } from '../wire/constants.js'
import type { QueryContext, QuerySettings } from './query-context.js'
import type { ResponseWriter } from './response-writer.js'
import type { Zone } from './zone.js'

/** Says that there is no such name or no such data (RFC 2308), with the SOA that says for how long. Made once per thread. */
export class NegativeAnswer {
  readonly #settings: QuerySettings
  readonly #response: ResponseWriter

  constructor(settings: QuerySettings, response: ResponseWriter) {
    this.#settings = settings
    this.#response = response
  }

  /** The name is there without such data, or is not there. After a chain, the code says how the last name fared (RFC 6604 §3). */
  write(context: QueryContext, zone: Zone, exists: boolean): void {
    context.isNodata = exists
    if (!exists) {
      context.rcode = Rcode.NXDOMAIN
      context.limitHash = zone.apexHash
    }
    if (this.#writeSoa(zone)) this.#response.authorityCount = 1
    // RFC 2181 §9: TC says that an RRset is missing.
    else context.isTruncated = true
  }

  /** RFC 2308 §3: the SOA of the zone goes into the authority section, its TTL no more than its minimum. False without room for it. */
  #writeSoa(zone: Zone): boolean {
    const response = this.#response
    const settings = this.#settings
    const { index } = settings
    const before = response.position
    response.name(zone.apex, 0, zone.apex.length)
    response.u16(Type.SOA)
    response.u16(CLASS_IN)
    if (this.#findSoa(zone)) {
      const rdataStart = index.wireStart + RDLENGTH_SIZE
      const rdataLength = index.wireLength - RDLENGTH_SIZE
      response.u32(Math.min(index.ttl, minimumOf(index.bytes, rdataStart + rdataLength)))
      response.rdata(Type.SOA, index.bytes, rdataStart, rdataLength)
    } else {
      response.u32(settings.negativeTtl)
      const rdata = zone.soaRdata(index.serial)
      response.rdata(Type.SOA, rdata, 0, rdata.length)
    }
    if (!response.failed) return true
    response.undo(before)
    return false
  }

  /** Every zone has one SOA: a view that has none of its own has that of all. */
  #findSoa({ apex, apexHash }: Zone): boolean {
    const { index } = this.#settings
    return (
      index.find(apexHash, apex, 0, apex.length) && (index.findType(Type.SOA) || index.findTypeInDefaultView(Type.SOA))
    )
  }
}

/** RFC 1035 §3.3.13: the minimum is the last of an SOA's numbers. */
function minimumOf(bytes: Uint8Array, rdataEnd: number): number {
  const at = rdataEnd - 4
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
