import { ContainerDnsError } from '../../errors.js'
import { aaaaCodec, aCodec } from './address-codecs.js'
import { genericCodec } from './generic.js'
import { mxCodec, nameCodec, soaCodec, srvCodec } from './name-codecs.js'
import { MAX_RDATA_SIZE, type RdataCodec } from './rdata-codec.js'
import { isWellFormed, nameStart, namesEnd } from './rdata-layout.js'
import type { RecordData } from './record-data.js'
import { isKnownType, type KnownType, RECORD_TYPES, type RecordType, typeCode } from './record-type.js'
import { checkSvcParams } from './svc-params.js'
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

/**
 * The data in octets that someone has written out (RFC 3597 §5), for a type that we know as well. Throws CDNS_GENERIC_INVALID for
 * octets that are none of the type, and the codes of its codec.
 */
export function dataOfOctets(type: RecordType, octets: Uint8Array): RecordData {
  const codec = rdataCodec(type)
  if (!isWellFormed(typeCode(type), octets, 0, octets.length)) throw notOfType(type)
  if (type === 'SVCB' || type === 'HTTPS') checkServiceOctets(octets)
  const data = codec.decode(octets, 0, octets.length)
  // Whatever a codec checks on the way in is checked so; what does not come back had a form that we do not write.
  const again = new Uint8Array(MAX_RDATA_SIZE)
  const length = codec.encode(data, again, 0)
  if (Buffer.compare(again.subarray(0, length), octets) !== 0) throw notOfType(type)
  return data
}

function checkServiceOctets(octets: Uint8Array): void {
  const nameAt = nameStart(RECORD_TYPES.SVCB, octets, 0, octets.length)
  checkSvcParams(octets, namesEnd(RECORD_TYPES.SVCB, octets, nameAt, octets.length), octets.length)
}

function notOfType(type: RecordType): ContainerDnsError {
  return new ContainerDnsError('CDNS_GENERIC_INVALID', `the octets are no data of ${type}`)
}
