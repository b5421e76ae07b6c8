import { aaaaCodec, aCodec } from './address-codecs.js'
import { genericCodec } from './generic.js'
import { mxCodec, nameCodec, soaCodec, srvCodec } from './name-codecs.js'
import type { RdataCodec } from './rdata-codec.js'
import { isKnownType, type KnownType, type RecordType } from './record-type.js'
import { svcbCodec } from './svcb.js'
import { caaCodec, naptrCodec, txtCodec } from './text-codecs.js'

export { MAX_RDATA_SIZE, type RdataCodec } from './rdata-codec.js'

const RDATA_CODECS: Readonly<Record<KnownType, RdataCodec>> = {
  A: aCodec,
  AAAA: aaaaCodec,
  CAA: caaCodec,
  CNAME: nameCodec,
  HTTPS: svcbCodec('HTTPS'),
  MX: mxCodec,
  NAPTR: naptrCodec,
  NS: nameCodec,
  PTR: nameCodec,
  SOA: soaCodec,
  SRV: srvCodec,
  SVCB: svcbCodec('SVCB'),
  TXT: txtCodec,
}

/** The codec of a type that has passed `typeCode`. */
export function rdataCodec(type: RecordType): RdataCodec {
  return isKnownType(type) ? RDATA_CODECS[type] : genericCodec(type)
}
