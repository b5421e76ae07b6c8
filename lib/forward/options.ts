import { CACHE_MAX_BYTES, CACHE_MAX_ENTRIES } from '../answer-cache/options.js'
import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { buildCidrTable } from '../clients/build-cidr-table.js'
import { parseCidrs } from '../clients/cidr.js'
import { ContainerDnsError } from '../errors.js'
import { TRUSTED_NETWORKS } from '../limits/amplification.js'
import { foldName, nameFromText, nameToText } from '../wire/name.js'
import {
  parseUpstreams,
  parseUpstreamTls,
  type UpstreamAddress,
  type UpstreamOptions,
  type UpstreamTlsOptions,
} from './upstream-address.js'

/** Which upstream is asked first: any, one after the other, the first that is up, or the one that answers soonest. */
export const FORWARD_POLICIES = ['random', 'roundRobin', 'sequential', 'fastest'] as const
export type ForwardPolicy = (typeof FORWARD_POLICIES)[number]

/** Names outside our zones are asked of other servers. */
export interface ForwardOptions {
  /**
   * 1 to 16 of `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`, `tcp://…`, `tls://192.0.2.53#dns.example`, or
   * `{ address, port, protocol, serverName, ca }`.
   */
  upstreams?: (string | UpstreamOptions)[]
  /** The path of a file whose `nameserver` lines are the upstreams; it is read again when it changes. Instead of `upstreams`. */
  resolvConf?: string
  /** Default `random`. */
  policy?: ForwardPolicy
  /** Upstreams that are asked for one query, one after the other; default 3. 1 to 3. */
  attempts?: number
  /** How long one upstream may take at most; what it has taken before can make it less. Default 1200 ms. 100 to 5000. */
  tryTimeoutMs?: number
  /** How long a query may take in all; default 4000 ms. 200 to 30 000. */
  timeoutMs?: number
  /** Networks of clients whose queries are forwarded; default: loopback, private and link-local ones. `[]`: nobody's. */
  allow?: string[]
  /** Spells names with letters in random case, which answers must repeat (0x20). Default false. */
  randomizeCase?: boolean
  /** Queries that upstreams are asked at once; more of them fail. Default 4096. 16 to 65 536. */
  maxInFlight?: number
  /** The name whose NS records an upstream is asked for that has failed, until it answers; default `.`. */
  probeName?: string
  cache?: ForwardCacheOptions
  /** For `tls` upstreams that say nothing themselves. */
  tls?: UpstreamTlsOptions
}

/** What is remembered of what upstreams have said. */
export interface ForwardCacheOptions {
  /**
   * All of the shared memory of the cache, in bytes; default 64 MiB, 1 MiB to 1 GiB. It is taken from the system as it is filled. An answer of
   * more than 64 KiB is not kept, nor is one of more than a page of a small cache: 8 KiB of one of 1 MiB, 32 KiB of one of 4 MiB.
   */
  maxBytes?: number
  /** Answers in it; default 100 000, 16 to 1 000 000. What is known of each takes about 100 bytes more of the forward thread's heap. */
  maxEntries?: number
  /** Seconds that an answer is kept at least, whatever its TTL; default 0. 0 to 3600. */
  minTtl?: number
  /** Seconds that an answer is kept at most; default 86 400. 1 to 604 800. */
  maxTtl?: number
  /** Seconds that "no such name" and "no such data" are kept at most; default, and most: the server's `negativeTtl`. */
  maxNegativeTtl?: number
  /** Seconds for which a failure is not asked again; default 1. 1 to 5. */
  servfailTtl?: number
  /** Asks for names that are much asked for before they expire; default true. */
  prefetch?: boolean
  /** Seconds for which an expired answer is given while upstreams fail (RFC 8767); default 3600, 0 for never. 0 to 604 800. */
  serveStale?: number
}

/** A zone that belongs to other servers. */
export interface ForwardZoneOptions {
  /** With all names below it, down to where a longer zone begins. */
  zone: string
  upstreams: (string | UpstreamOptions)[]
  /** Default: as in `forward`. */
  policy?: ForwardPolicy
  tls?: UpstreamTlsOptions
}

export const ATTEMPTS: Bounds = { default: 3, min: 1, max: 3, unit: 'upstreams' }
/** What a resolver takes for a name that it has to look up; beyond a second, most clients wait for a lost packet. */
export const TRY_TIMEOUT_MS: Bounds = { default: 1_200, min: 100, max: 5_000, unit: 'milliseconds' }
/** Clients ask again after five seconds (resolv.conf(5)): they are to have our SERVFAIL, or a stale answer, before that. */
export const FORWARD_TIMEOUT_MS: Bounds = { default: 4_000, min: 200, max: 30_000, unit: 'milliseconds' }
export const MAX_IN_FLIGHT: Bounds = { default: 4_096, min: 16, max: 65_536, unit: 'queries' }
export const CACHE_MIN_TTL: Bounds = { default: 0, min: 0, max: 3_600, unit: 'seconds' }
export const CACHE_MAX_TTL: Bounds = { default: 86_400, min: 1, max: 604_800, unit: 'seconds' }
/** RFC 9520 §3.2: a second at least, and we know no reason for more than five. */
export const CACHE_SERVFAIL_TTL: Bounds = { default: 1, min: 1, max: 5, unit: 'seconds' }
/** RFC 8767 §5 speaks of one to three days; an hour is what an upstream's outage takes to be noticed and mended. */
export const CACHE_SERVE_STALE: Bounds = { default: 3_600, min: 0, max: 604_800, unit: 'seconds' }

export const FORWARD_OPTION_NAMES = [
  'upstreams',
  'resolvConf',
  'policy',
  'attempts',
  'tryTimeoutMs',
  'timeoutMs',
  'allow',
  'randomizeCase',
  'maxInFlight',
  'probeName',
  'cache',
  'tls',
] as const satisfies readonly (keyof ForwardOptions)[]

export const FORWARD_CACHE_OPTION_NAMES = [
  'maxBytes',
  'maxEntries',
  'minTtl',
  'maxTtl',
  'maxNegativeTtl',
  'servfailTtl',
  'prefetch',
  'serveStale',
] as const satisfies readonly (keyof ForwardCacheOptions)[]

/** Upstreams that stand in for each other. */
export interface UpstreamGroup {
  readonly upstreams: readonly UpstreamAddress[]
  readonly policy: ForwardPolicy
}

export interface ParsedForwardZone extends UpstreamGroup {
  /** As text, folded. */
  readonly zone: string
}

export interface ParsedForwardCache {
  readonly maxBytes: number
  readonly maxEntries: number
  readonly minTtl: number
  readonly maxTtl: number
  readonly maxNegativeTtl: number
  readonly servfailTtl: number
  readonly prefetch: boolean
  readonly serveStale: number
}

/** Plain: it is posted to threads. */
export interface ParsedForward extends UpstreamGroup {
  /** Empty where they come from `resolvConf`, and where there are `forwardZones` alone. */
  readonly upstreams: readonly UpstreamAddress[]
  readonly resolvConf: string | undefined
  readonly zones: readonly ParsedForwardZone[]
  readonly attempts: number
  readonly tryTimeoutMs: number
  readonly timeoutMs: number
  /** The data of a `CidrTable` whose values are all 0. */
  readonly allow: Int32Array
  readonly randomizeCase: boolean
  readonly maxInFlight: number
  /** In wire form. */
  readonly probeName: Uint8Array
  readonly cache: ParsedForwardCache
}

/**
 * Undefined where nothing is forwarded: neither of the two is given. `negativeTtl` is the server's.
 *
 * Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, CDNS_UPSTREAM_INVALID, CDNS_ZONE_INVALID and CDNS_CIDR_INVALID.
 */
export function parseForward(
  given: ForwardOptions | undefined,
  zones: ForwardZoneOptions[] | undefined,
  negativeTtl: number,
): ParsedForward | undefined {
  if (given === undefined && zones === undefined) return undefined
  const options = given === undefined ? {} : given
  refuseUnknownKeys('forward', options, FORWARD_OPTION_NAMES)
  const policy = parsePolicy('forward.policy', options.policy, 'random')
  const tls = parseUpstreamTls('forward.tls', options.tls)
  const parsedZones = parseForwardZones(zones, policy)
  const allow = parseCidrs('forward.allow', options.allow === undefined ? TRUSTED_NETWORKS : options.allow)
  const tryTimeoutMs = numberWithin('forward.tryTimeoutMs', options.tryTimeoutMs, TRY_TIMEOUT_MS)
  return Object.freeze({
    ...parseSources(options, tls, parsedZones.length > 0),
    policy,
    zones: parsedZones,
    attempts: numberWithin('forward.attempts', options.attempts, ATTEMPTS),
    tryTimeoutMs,
    timeoutMs: numberWithin('forward.timeoutMs', options.timeoutMs, FORWARD_TIMEOUT_MS),
    allow: buildCidrTable(allow.map((cidr) => ({ cidr, value: 0 }))),
    randomizeCase: booleanOption('forward.randomizeCase', options.randomizeCase, false),
    maxInFlight: numberWithin('forward.maxInFlight', options.maxInFlight, MAX_IN_FLIGHT),
    probeName: parseProbeName(options.probeName),
    cache: parseCache(options.cache, negativeTtl),
  })
}

function parseSources(
  given: ForwardOptions,
  tls: UpstreamTlsOptions,
  hasZones: boolean,
): Pick<ParsedForward, 'upstreams' | 'resolvConf'> {
  const { upstreams, resolvConf } = given
  if (resolvConf !== undefined) {
    if (typeof resolvConf !== 'string' || resolvConf === '') {
      throw invalid(`forward.resolvConf must be the path of a file, got ${describe(resolvConf)}`)
    }
    if (upstreams !== undefined) throw invalid('forward.upstreams and forward.resolvConf exclude each other')
    return { upstreams: [], resolvConf }
  }
  if (upstreams !== undefined) {
    return { upstreams: parseUpstreams('forward.upstreams', upstreams, tls), resolvConf: undefined }
  }
  if (hasZones) return { upstreams: [], resolvConf: undefined }
  throw new ContainerDnsError('CDNS_UPSTREAM_INVALID', 'forward must have upstreams or resolvConf')
}

function parseForwardZones(given: unknown, policy: ForwardPolicy): readonly ParsedForwardZone[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw invalid(`forwardZones must be an array of zones, got ${describe(given)}`)
  const zones = Array.from(given, (each, i) => parseForwardZone(`forwardZones[${i}]`, each, policy))
  const names = zones.map(({ zone }) => zone)
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice !== undefined) throw invalidZone(`forwardZones lists ${describe(twice)} twice`)
  return Object.freeze(zones)
}

function parseForwardZone(option: string, given: ForwardZoneOptions, policy: ForwardPolicy): ParsedForwardZone {
  refuseUnknownKeys(option, given, ['zone', 'upstreams', 'policy', 'tls'])
  const tls = parseUpstreamTls(`${option}.tls`, given.tls)
  return Object.freeze({
    zone: parseZoneName(`${option}.zone`, given.zone),
    upstreams: parseUpstreams(`${option}.upstreams`, given.upstreams, tls),
    policy: parsePolicy(`${option}.policy`, given.policy, policy),
  })
}

function parseZoneName(option: string, given: string): string {
  let apex: Uint8Array
  try {
    apex = nameFromText(given)
  } catch (cause) {
    throw invalidZone(`${option} must be a domain name, got ${describe(given)}`, cause)
  }
  if (apex.length === 1) throw invalidZone(`${option} must not be the root, which is what forward.upstreams are for`)
  foldName(apex, 0, apex.length)
  return nameToText(apex)
}

function parseProbeName(given = '.'): Uint8Array {
  try {
    return nameFromText(given)
  } catch (cause) {
    throw invalid(`forward.probeName must be a domain name, got ${describe(given)}`, cause)
  }
}

function parseCache(given: ForwardCacheOptions = {}, negativeTtl: number): ParsedForwardCache {
  refuseUnknownKeys('forward.cache', given, FORWARD_CACHE_OPTION_NAMES)
  const minTtl = numberWithin('forward.cache.minTtl', given.minTtl, CACHE_MIN_TTL)
  const maxTtl = numberWithin('forward.cache.maxTtl', given.maxTtl, CACHE_MAX_TTL)
  if (minTtl > maxTtl) throw invalid(`forward.cache.minTtl must not be above maxTtl, got ${minTtl} and ${maxTtl}`)
  return Object.freeze({
    maxBytes: numberWithin('forward.cache.maxBytes', given.maxBytes, CACHE_MAX_BYTES),
    maxEntries: numberWithin('forward.cache.maxEntries', given.maxEntries, CACHE_MAX_ENTRIES),
    minTtl,
    maxTtl,
    maxNegativeTtl: numberWithin('forward.cache.maxNegativeTtl', given.maxNegativeTtl, {
      default: negativeTtl,
      min: 0,
      max: negativeTtl,
      unit: 'seconds',
    }),
    servfailTtl: numberWithin('forward.cache.servfailTtl', given.servfailTtl, CACHE_SERVFAIL_TTL),
    prefetch: booleanOption('forward.cache.prefetch', given.prefetch, true),
    serveStale: numberWithin('forward.cache.serveStale', given.serveStale, CACHE_SERVE_STALE),
  })
}

function parsePolicy(option: string, given: unknown, byDefault: ForwardPolicy): ForwardPolicy {
  if (given === undefined) return byDefault
  const found = FORWARD_POLICIES.find((each) => each === given)
  if (found === undefined)
    throw invalid(`${option} must be one of ${FORWARD_POLICIES.join(', ')}, got ${describe(given)}`)
  return found
}

function booleanOption(option: string, given: unknown, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (typeof given === 'boolean') return given
  throw invalid(`${option} must be true or false, got ${describe(given)}`)
}

function invalid(message: string, cause?: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', message, { cause })
}

function invalidZone(message: string, cause?: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_ZONE_INVALID', message, { cause })
}
