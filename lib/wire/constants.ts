import { RECORD_TYPES } from './rdata/record-type.js'

// Numbers of the DNS protocol, as IANA and the RFCs give them.

/** RFC 1035 §4.1.1: a header is twelve octets. */
export const HEADER_SIZE = 12
/** RFC 1035 §2.3.4, in wire form: length octets and the root label count. */
export const MAX_NAME_LENGTH = 255
export const MAX_LABEL_LENGTH = 63
/** 127 labels of one octet and the root fill 255 octets. */
export const MAX_LABELS = 128
/** RFC 1035 §3.2.1: two octets of length stand before each rdata. */
export const RDLENGTH_SIZE = 2
/** RFC 1035 §4.2.1: what a client without EDNS can take over UDP. */
export const MIN_UDP_PAYLOAD = 512
/** RFC 1035 §4.2.2: what the two length octets of a stream can say. */
export const MAX_MESSAGE_SIZE = 65535

/** RFC 1035 §4.1.1 as RFC 6895 §2.3 has extended it; above 15 only with EDNS. */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const

/** Type codes: those that records can have, and those that only messages have. */
export const Type = {
  ...RECORD_TYPES,
  OPT: 41,
  DS: 43,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

export const CLASS_IN = 1
export const CLASS_CH = 3
/** RFC 1035 §2.3.4 and RFC 2181 §8: a TTL is 31 bits. */
export const MAX_TTL = 0x7fffffff
