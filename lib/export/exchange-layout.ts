// An exchange in a ring: a query, and the response that it came to.
//
//   | size u32 | flags u8 | protocol u8 | length of the client's address u8 | of the server's u8 | query's time f64 | response's time f64 |
//   | client's port u16 | server's port u16 | rcode u16 | length of the query u16 | length of the response u16
//   | client's address 16 | server's address 16 | query | response |
//
// What we ask upstreams has one for the query, and another one for each response. We are the client there, and of us nothing is said.
// Times are milliseconds since 1970, with a fraction. Numbers are in the machine's byte order.

export const FLAGS = 4
export const PROTOCOL = FLAGS + 1
export const CLIENT_LENGTH = PROTOCOL + 1
export const SERVER_LENGTH = CLIENT_LENGTH + 1
export const QUERY_TIME = SERVER_LENGTH + 1
export const RESPONSE_TIME = QUERY_TIME + 8
/** 0 = not known */
export const CLIENT_PORT = RESPONSE_TIME + 8
/** 0 = not known */
export const SERVER_PORT = CLIENT_PORT + 2
export const RCODE = SERVER_PORT + 2
export const QUERY_LENGTH = RCODE + 2
/** 0 = there was no response */
export const RESPONSE_LENGTH = QUERY_LENGTH + 2
export const CLIENT = RESPONSE_LENGTH + 2
export const ADDRESS_ROOM = 16
export const SERVER = CLIENT + ADDRESS_ROOM
export const MESSAGES = SERVER + ADDRESS_ROOM

/** For whom an exchange was chosen. */
export const FOR_LOG = 1
export const FOR_DNSTAP = 2
/** The server is an upstream, and we are its client. */
export const WITH_UPSTREAM = 4

/** By their places: how `PROTOCOL` tells them. */
export const EXPORT_PROTOCOLS = ['udp', 'tcp', 'dot', 'doh'] as const
