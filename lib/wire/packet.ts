// The one door to dns-packet. It serves the control plane; the query path has a reader and a writer of its own.
// Its traps, and what follows: messages from strangers must not come here (counts are trusted, pointers unlimited),
// and names that hold dots or are not UTF-8 come out changed, so records are never stored by way of it.
import * as dnsPacket from 'dns-packet'
import { stringOf } from './rdata/character-string.js'
import { rdataCodec } from './rdata/codec.js'
import { ipv6ToText, writeIpv6FromText } from './rdata/ipv6.js'
import type { CaaData, DataByType, GenericData, RecordData, WeightedAddress } from './rdata/record-data.js'
import { type GenericType, type KnownType, type RecordType, typeName } from './rdata/record-type.js'

/** A record of a response, whose type is known. */
export interface ResourceRecordOf<Type extends string, Data> {
  readonly name: string
  readonly type: Type
  readonly ttl: number
  readonly data: Data
}

/** A record of a response, as text and numbers. `type` tells what `data` holds: as in an RRset of that type, of an address without a weight. */
export type ResourceRecord =
  | { [Type in KnownType]: ResourceRecordOf<Type, Exclude<DataByType[Type], WeightedAddress>> }[KnownType]
  | ResourceRecordOf<GenericType, GenericData>
  | ResourceRecordOf<OctetsType, Uint8Array>
  | ResourceRecordOf<FieldsType, Readonly<Record<string, unknown>>>
  | ResourceRecordOf<'DNAME', string>

/** Types that an RRset has by number, and an answer by name: those whose data comes as octets. */
export type OctetsType =
  | ('AFSDB' | 'ANY' | 'APL' | 'AXFR' | 'CDNSKEY' | 'CDS' | 'CERT' | 'DHCID' | 'DLV' | 'HIP' | 'IPSECKEY' | 'IXFR')
  | ('KEY' | 'KX' | 'LOC' | 'NSEC3PARAM' | 'NULL' | 'SIG' | 'SPF' | 'TA' | 'TKEY' | 'TSIG')

/** The same, of those whose data comes as an object of its fields. */
export type FieldsType = 'DNSKEY' | 'DS' | 'HINFO' | 'NSEC' | 'NSEC3' | 'RP' | 'RRSIG' | 'SSHFP' | 'TLSA'

/** A response, taken apart. */
export interface DnsResponse {
  /** Mnemonic, as IANA has it: 'NOERROR', 'NXDOMAIN', … */
  readonly rcode: string
  /** AA: the answer comes from a zone of ours. */
  readonly authoritative: boolean
  /** TC: something was left out for want of room. */
  readonly truncated: boolean
  readonly answer: readonly ResourceRecord[]
  readonly authority: readonly ResourceRecord[]
  /** Without the OPT record. */
  readonly additional: readonly ResourceRecord[]
}

/** Takes apart a response that we have made ourselves. */
export function decodeResponse(bytes: Uint8Array): DnsResponse {
  const packet = dnsPacket.decode(Buffer.from(bytes)) as dnsPacket.DecodedPacket & { rcode: string }
  return {
    rcode: packet.rcode,
    authoritative: packet.flag_aa,
    truncated: packet.flag_tc,
    answer: recordsOf(packet.answers),
    authority: recordsOf(packet.authorities),
    additional: recordsOf(packet.additionals),
  }
}

function recordsOf(answers: readonly dnsPacket.Answer[] = []): ResourceRecord[] {
  const records: ResourceRecord[] = []
  for (const answer of answers) {
    if (answer.type === 'OPT') continue
    const { name, type, ttl = 0, data } = answer as { name: string; type: string; ttl?: number; data: unknown }
    const code = type.startsWith(UNKNOWN) ? Number(type.slice(UNKNOWN.length)) : undefined
    const record =
      code === undefined
        ? { name, type, ttl, data: dataOf(type, data) }
        : { name, type: typeName(code), ttl, data: decodeRdata(typeName(code), data as Uint8Array) }
    // The compiler cannot know that data of a type comes as that type's.
    records.push(record as ResourceRecord)
  }
  return records
}

/** How dns-packet calls a type that it cannot read; it gives the octets then. */
const UNKNOWN = 'UNKNOWN_'

function decodeRdata(type: RecordType, rdata: Uint8Array): RecordData {
  return rdataCodec(type).decode(rdata, 0, rdata.length)
}

/** Some types come otherwise than our own RRsets have them: addresses in a form that is not RFC 5952's, strings as octets. */
function dataOf(type: string, data: unknown): ResourceRecord['data'] {
  switch (type) {
    case 'AAAA':
      return canonicalIpv6(data as string)
    case 'CAA': {
      const { flags, tag, value } = data as CaaData
      return { flags, tag, value }
    }
    case 'TXT': {
      const strings = (data as Uint8Array[]).map((string) => stringOf(string, 0, string.length))
      return strings.length === 1 ? strings[0]! : strings
    }
    default:
      return data as ResourceRecord['data']
  }
}

function canonicalIpv6(text: string): string {
  const bytes = new Uint8Array(16)
  return writeIpv6FromText(text, bytes) ? ipv6ToText(bytes) : text
}
