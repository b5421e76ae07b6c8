import type { KnownType } from './record-type.js'

/** An address and how large its share of the clients is to be. */
export interface WeightedAddress {
  address: string
  /** 1 to 65535; default 1. */
  weight?: number
}

/** At most 255 octets (RFC 1035 §3.3): text, which is written as UTF-8, or the octets themselves. Octets come back where they are not UTF-8. */
export type CharacterString = string | Uint8Array

/** Data of a CAA record (RFC 8659 §4.1). */
export interface CaaData {
  /** 0 to 255; 128 is "critical". */
  flags: number
  /** `issue`, `issuewild`, `iodef`, …: letters and digits. */
  tag: string
  value: CharacterString
}

/** Data of an MX record (RFC 1035 §3.3.9). */
export interface MxData {
  /** 0 to 65535, the lowest is tried first. */
  preference: number
  exchange: string
}

/** Data of a NAPTR record (RFC 3403 §4.1). */
export interface NaptrData {
  /** 0 to 65535, the lowest is tried first. */
  order: number
  /** 0 to 65535, the lowest of an order is tried first. */
  preference: number
  /** Letters and digits, or nothing. */
  flags: string
  services: CharacterString
  /** `!expression!replacement!`, perhaps with an `i` behind it; empty where `replacement` is a name. */
  regexp: CharacterString
  /** A name; `.` where there is a `regexp`. */
  replacement: string
}

/** Data of an SOA record (RFC 1035 §3.3.13). Numbers are 32 bits, intervals in seconds. */
export interface SoaData {
  mname: string
  rname: string
  serial: number
  refresh: number
  retry: number
  expire: number
  minimum: number
}

/** Data of an SRV record (RFC 2782). Numbers are 16 bits. */
export interface SrvData {
  priority: number
  weight: number
  port: number
  target: string
}

/** Data of an SVCB or HTTPS record (RFC 9460 §2). */
export interface SvcbData {
  /** 0 to 65535; 0 is AliasMode. */
  priority: number
  /** `.` is the owner itself. */
  target: string
  /** Left out: none. */
  params?: SvcParams
}

/** Parameters of a service, by the names of RFC 9460 §14.3.2; a key without a name is `keyNNNNN`. Their order does not matter here. */
export interface SvcParams {
  /** Keys that a client must understand. */
  mandatory?: string[]
  alpn?: CharacterString[]
  'no-default-alpn'?: true
  port?: number
  ipv4hint?: string[]
  /** Base64. */
  ech?: string
  ipv6hint?: string[]
  /** RFC 9461 §5. */
  dohpath?: string
  [key: `key${number}`]: CharacterString
}

/** What an item of `data` is, by the type of the RRset. */
export interface DataByType {
  A: string | WeightedAddress
  AAAA: string | WeightedAddress
  CAA: CaaData
  CNAME: string
  HTTPS: SvcbData
  MX: MxData
  NAPTR: NaptrData
  NS: string
  PTR: string
  SOA: SoaData
  SRV: SrvData
  SVCB: SvcbData
  TXT: CharacterString | CharacterString[]
}

/** The data of a type that we know by number only: text as RFC 3597 §5 has it (`\# 4 0a000001`), or the octets. Comes back as text. */
export type GenericData = string | Uint8Array

/** The data of one record, as its type wants it. */
export type RecordData = DataByType[KnownType] | GenericData
