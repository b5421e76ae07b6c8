import { ContainerDnsError } from '../errors.js'
import { nameToText } from '../wire/name.js'
import { RECORD_TYPES } from '../wire/rdata/record-type.js'

/** RFC 1034 §3.6.2, RFC 2181 §10.1: where a CNAME is, no other data may be. Throws CDNS_CNAME_CONFLICT. */
export function refuseCnameBesideOthers(owner: Uint8Array, types: Iterable<number>): void {
  let hasCname = false
  let hasOther = false
  for (const type of types) {
    if (type === RECORD_TYPES.CNAME) hasCname = true
    else hasOther = true
  }
  if (hasCname && hasOther) {
    throw new ContainerDnsError(
      'CDNS_CNAME_CONFLICT',
      `${nameToText(owner)} cannot have a CNAME beside other records; delete one of them first`,
    )
  }
}
