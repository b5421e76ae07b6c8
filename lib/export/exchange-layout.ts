// An exchange in a ring: a query, and the response that it came to.
//
//   | size u32 | flags u8 | protocol u8 | length of the address u8, 1 unused | query's time f64 | response's time f64 |
//   | port u16 | rcode u16 | length of the query u16 | length of the response u16 | address 16 | query | response |
//
// Times are milliseconds since 1970, with a fraction. Numbers are in the machine's byte order.

export const FLAGS = 4
export const PROTOCOL = FLAGS + 1
export const ADDRESS_LENGTH = PROTOCOL + 1
export const QUERY_TIME = 8
export const RESPONSE_TIME = QUERY_TIME + 8
/** 0 = not known */
export const PORT = RESPONSE_TIME + 8
export const RCODE = PORT + 2
export const QUERY_LENGTH = RCODE + 2
/** 0 = there was no response */
export const RESPONSE_LENGTH = QUERY_LENGTH + 2
export const ADDRESS = RESPONSE_LENGTH + 2
export const MESSAGES = ADDRESS + 16

/** For whom an exchange was chosen. */
export const FOR_LOG = 1
export const FOR_DNSTAP = 2

/** By their places: how `PROTOCOL` tells them. */
export const EXPORT_PROTOCOLS = ['udp', 'tcp', 'dot', 'doh'] as const
