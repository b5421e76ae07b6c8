// The one door to dns-packet. It serves the control plane; the query path has a reader and a writer of its own.
// Its traps, and what follows: messages from strangers must not come here (counts are trusted, pointers unlimited),
// and names that hold dots or are not UTF-8 come out changed, so records are never stored by way of it.
import * as dnsPacket from 'dns-packet'
import { ipv6ToText, writeIpv6FromText } from './rdata/ipv6.js'
import type { RecordData } from './rdata/record-data.js'

/** A record of a response, as text and numbers. A type that dns-packet cannot read has `UNKNOWN_` and its number for a type. */
export interface ResourceRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  /** As in an RRset of that type; bytes for a type without a form of its own. */
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
    records.push({ name, type, ttl, data: dataOf(type, data) })
  }
  return records
}

/** TXT comes as bytes, and IPv6 addresses in a form that is not RFC 5952's; all else is as our own RRsets have it. */
function dataOf(type: string, data: unknown): RecordData | Uint8Array {
  if (type === 'AAAA') return canonicalIpv6(data as string)
  if (type !== 'TXT') return data as RecordData | Uint8Array
  const strings = (data as Uint8Array[]).map((string) => Buffer.from(string).toString('utf8'))
  return strings.length === 1 ? strings[0]! : strings
}

function canonicalIpv6(text: string): string {
  const bytes = new Uint8Array(16)
  return writeIpv6FromText(text, bytes) ? ipv6ToText(bytes) : text
}
