import { type Bounds, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { type Cidr, parseCidrs } from '../clients/cidr.js'
import { ENTRIES_PER_SET, MAX_SETS } from './rate-table.js'

/** How much a client may have. Everything is off by default. */
export interface RateLimitOptions {
  /** Like responses a second to each network of clients, over UDP and without a valid cookie; default 0, no limit. Up to 1 000 000. */
  responsesPerSecond?: number
  /** Of the responses that are over the limit, one in so many goes out truncated, so that an honest client asks over TCP; 0: none. Default 2, up to 10. */
  slip?: number
  /** Bits of an IPv4 address that make the network; default 24. 1 to 32. */
  ipv4Prefix?: number
  /** Bits of an IPv6 address that make the network; default 56. 1 to 128. */
  ipv6Prefix?: number
  /** Queries a second of each client address; default 0, no limit. Up to 1 000 000. */
  queriesPerSecond?: number
  /** Queries a second of each client address that have to be forwarded; default 0, no limit. Up to 1 000 000. */
  forwardedPerSecond?: number
  /** Clients without limits, as networks; default none. */
  allow?: string[]
  /** Clients and networks counted at a time, whatever the number of clients; default 245 760, which take 1 MiB. 960 to 983 040. */
  entries?: number
}

export interface ParsedRateLimitOptions {
  /** 0: no limit; so with the other rates. */
  readonly responsesPerSecond: number
  readonly slip: number
  readonly ipv4Prefix: number
  readonly ipv6Prefix: number
  readonly queriesPerSecond: number
  readonly forwardedPerSecond: number
  readonly allow: readonly Cidr[]
  readonly entries: number
}

export const RATE_LIMIT: Bounds = { default: 0, min: 0, max: 1_000_000 }
/** As in NSD and BIND: half of what is left out goes out truncated, so an honest client gets through in a query or two. */
export const SLIP: Bounds = { default: 2, min: 0, max: 10 }
export const IPV4_PREFIX: Bounds = { default: 24, min: 1, max: 32, unit: 'bits' }
/** What one customer usually gets (RFC 6177). */
export const IPV6_PREFIX: Bounds = { default: 56, min: 1, max: 128, unit: 'bits' }
export const RATE_ENTRIES: Bounds = {
  default: (1 << 14) * ENTRIES_PER_SET,
  min: (1 << 6) * ENTRIES_PER_SET,
  max: MAX_SETS * ENTRIES_PER_SET,
}

const KEYS = [
  'responsesPerSecond',
  'slip',
  'ipv4Prefix',
  'ipv6Prefix',
  'queriesPerSecond',
  'forwardedPerSecond',
  'allow',
  'entries',
] as const satisfies readonly (keyof RateLimitOptions)[]

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID and, for `allow`, CDNS_CIDR_INVALID. */
export function parseRateLimitOptions(given: RateLimitOptions = {}): ParsedRateLimitOptions {
  refuseUnknownKeys('rateLimit', given, KEYS)
  const number = (key: Exclude<(typeof KEYS)[number], 'allow'>, bounds: Bounds) =>
    numberWithin(`rateLimit.${key}`, given[key], bounds)
  return Object.freeze({
    responsesPerSecond: number('responsesPerSecond', RATE_LIMIT),
    slip: number('slip', SLIP),
    ipv4Prefix: number('ipv4Prefix', IPV4_PREFIX),
    ipv6Prefix: number('ipv6Prefix', IPV6_PREFIX),
    queriesPerSecond: number('queriesPerSecond', RATE_LIMIT),
    forwardedPerSecond: number('forwardedPerSecond', RATE_LIMIT),
    allow: Object.freeze(given.allow === undefined ? [] : parseCidrs('rateLimit.allow', given.allow)),
    entries: number('entries', RATE_ENTRIES),
  })
}
