// The one door to dns-packet. It serves the control plane; the query path has a reader and a writer of its own.
// Its traps, and what follows: messages from strangers must not come here (counts are trusted, pointers unlimited),
// and names that hold dots or are not UTF-8 come out changed, so records are never stored by way of it.
import * as dnsPacket from 'dns-packet'
import { stringOf } from './rdata/character-string.js'
import { rdataCodec } from './rdata/codec.js'
import { ipv6ToText, writeIpv6FromText } from './rdata/ipv6.js'
import type { CaaData, RecordData } from './rdata/record-data.js'
import { type RecordType, typeName } from './rdata/record-type.js'

/** A record of a response, as text and numbers. */
export interface ResourceRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  /** As in an RRset of that type. */
  readonly data: RecordData | Uint8Array
}

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
    if (code === undefined) records.push({ name, type, ttl, data: dataOf(type, data) })
    else records.push({ name, type: typeName(code), ttl, data: decodeRdata(typeName(code), data as Uint8Array) })
  }
  return records
}

/** How dns-packet calls a type that it cannot read; it gives the octets then. */
const UNKNOWN = 'UNKNOWN_'

function decodeRdata(type: RecordType, rdata: Uint8Array): RecordData {
  return rdataCodec(type).decode(rdata, 0, rdata.length)
}

/** Some types come otherwise than our own RRsets have them: addresses in a form that is not RFC 5952's, strings as octets. */
function dataOf(type: string, data: unknown): RecordData | Uint8Array {
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
      return data as RecordData | Uint8Array
  }
}

function canonicalIpv6(text: string): string {
  const bytes = new Uint8Array(16)
  return writeIpv6FromText(text, bytes) ? ipv6ToText(bytes) : text
}
