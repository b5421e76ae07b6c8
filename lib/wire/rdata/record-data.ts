/** Data of an MX record (RFC 1035 §3.3.9). */
export interface MxData {
  /** 0 to 65535, the lowest is tried first. */
  preference: number
  exchange: string
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

/**
 * The data of one record, as its type wants it.
 *
 * A, AAAA: an address. CNAME, NS, PTR: a name. TXT: a string, or strings of at most 255 octets each.
 */
export type RecordData = string | string[] | MxData | SoaData | SrvData
