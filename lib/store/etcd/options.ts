import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import type { LayoutName, LayoutOptions } from './choose-layout.js'
import { MAX_PREFIXES } from './leaf-path.js'
import { type EtcdTlsOptions, type ParsedTls, parseTls } from './tls.js'

/** What `etcdStore` takes. */
export interface EtcdStoreOptions {
  /** Members of one etcd cluster: 'http://127.0.0.1:2379' or several. When one fails the next is asked. */
  hosts: string | string[]
  /** What the keys of records begin with, or several such; new records go to the first. Default: '/containerdns/', or '/skydns/'. */
  prefix?: string | string[]
  /** How records stand in etcd: 'containerdns', that of ContainerDNS in Go (default), or 'skydns', which is read only. */
  layout?: LayoutName
  /** For 'skydns': how many names above its own a service is found at. Default: 1. */
  serviceLevels?: number
  /** How long a put or delete, or a single question to etcd, may take. Default: 5000. */
  requestTimeoutMs?: number
  /** For hosts with `https://`, which may also go without it: then the public authorities count, and we show no certificate. */
  tls?: EtcdTlsOptions
  /** Who we are to an etcd with authentication switched on. */
  auth?: { username: string; password: string }
  /** How often everything is read anew and compared with what is answered, give or take a tenth; 0: never. Default: 600000. */
  relistIntervalMs?: number
  /** `stats().store.stale` once what is answered may be this old. Default: 30000. */
  staleAfterMs?: number
}

/** Plain data, so that it can go to another thread. */
export interface ParsedEtcdStoreOptions extends LayoutOptions {
  readonly hosts: readonly string[]
  readonly requestTimeoutMs: number
  readonly tls: ParsedTls | undefined
  readonly auth: { readonly username: string; readonly password: string } | undefined
  readonly relistIntervalMs: number
  readonly staleAfterMs: number
  readonly tuning: EtcdTuning
}

/** What nobody had to change yet but tests, which want to see pages and outages without waiting for real ones. */
export interface EtcdTuning {
  /** Keys a page. A limited range still costs etcd the whole range: 1 000 000 keys took 121 s by 1 000, 18 s by 10 000. */
  readonly pageSize: number
  /** etcd's `--grpc-keepalive-min-time` is 5 s; who asks more often is thrown out. */
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
  /** Before the first new attempt. It doubles from one to the next. */
  readonly firstRetryMs: number
  readonly longestRetryMs: number
  /** How often we ask how far etcd is, and the watch with it. */
  readonly progressIntervalMs: number
}

export const REQUEST_TIMEOUT_MS: Bounds = { default: 5000, min: 100, max: 600_000, unit: 'milliseconds' }
/** Besides 0, which switches it off. */
export const RELIST_INTERVAL_MS: Bounds = { default: 600_000, min: 1000, max: 86_400_000, unit: 'milliseconds' }
export const STALE_AFTER_MS: Bounds = { default: 30_000, min: 1000, max: 86_400_000, unit: 'milliseconds' }

/** CoreDNS has no bound, and answers for a zone with all that is in it. An RRset has one: 64 KiB, as a message. */
export const SERVICE_LEVELS: Bounds = { default: 1, min: 0, max: 8 }

const DEFAULT_PORT = 2379
const DEFAULT_PREFIXES: Readonly<Record<LayoutName, string>> = { containerdns: '/containerdns/', skydns: '/skydns/' }
const DEFAULT_TUNING: EtcdTuning = {
  pageSize: 10_000,
  keepaliveTimeMs: 7000,
  keepaliveTimeoutMs: 2500,
  firstRetryMs: 100,
  longestRetryMs: 5000,
  progressIntervalMs: 2000,
}

export const ETCD_OPTION_NAMES = [
  'hosts',
  'prefix',
  'layout',
  'serviceLevels',
  'requestTimeoutMs',
  'tls',
  'auth',
  'relistIntervalMs',
  'staleAfterMs',
] as const satisfies readonly (keyof EtcdStoreOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseEtcdStoreOptions(
  given: EtcdStoreOptions,
  tuning: Partial<EtcdTuning> = {},
): ParsedEtcdStoreOptions {
  refuseUnknownKeys('etcdStore', given, ETCD_OPTION_NAMES)
  const { hosts, isSecure } = parseHosts(given.hosts, given.tls !== undefined)
  const layout = parseLayout(given.layout)
  return Object.freeze({
    hosts,
    layout,
    prefixes: parsePrefixes(given.prefix ?? DEFAULT_PREFIXES[layout]),
    serviceLevels: numberWithin('etcdStore.serviceLevels', given.serviceLevels, SERVICE_LEVELS),
    requestTimeoutMs: numberWithin('etcdStore.requestTimeoutMs', given.requestTimeoutMs, REQUEST_TIMEOUT_MS),
    tls: isSecure ? parseTls(given.tls) : undefined,
    auth: parseAuth(given.auth),
    relistIntervalMs:
      given.relistIntervalMs === 0
        ? 0
        : numberWithin('etcdStore.relistIntervalMs', given.relistIntervalMs, RELIST_INTERVAL_MS),
    staleAfterMs: numberWithin('etcdStore.staleAfterMs', given.staleAfterMs, STALE_AFTER_MS),
    tuning: Object.freeze({ ...DEFAULT_TUNING, ...tuning }),
  })
}

/** All members with TLS or none: a password must not leave in the clear because one scheme was mistyped. */
function parseHosts(given: unknown, hasTls: boolean): { hosts: readonly string[]; isSecure: boolean } {
  const hosts: unknown[] = Array.isArray(given) ? given : [given]
  if (hosts.length === 0)
    throw new ContainerDnsError('CDNS_OPTION_INVALID', 'etcdStore.hosts must name at least one member of the cluster')
  const begins = (scheme: string) => hosts.filter((host) => typeof host === 'string' && host.startsWith(scheme)).length
  const isSecure = hasTls || begins('https://') > 0
  if (isSecure && (begins('http://') > 0 || (!hasTls && begins('https://') < hosts.length))) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      'etcdStore.hosts must all be reached with TLS ("https://") or all without it',
    )
  }
  return { hosts: Object.freeze(hosts.map(parseHost)), isSecure }
}

/** A host, port and nothing else, with or without its scheme. gRPC would take anything, and then fail to find it for ever. */
function parseHost(given: unknown): string {
  // A scheme that URL does not know keeps `:80`, which it would take out of `http:`.
  const text = typeof given === 'string' ? `etcd://${given.replace(/^https?:\/\//, '')}` : ''
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain =
    url !== undefined && /^\/?$/.test(url.pathname) && url.search + url.hash + url.username + url.password === ''
  if (!isPlain || url.hostname === '') {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `etcdStore.hosts must be like "http://127.0.0.1:2379", got ${describe(given)}`,
    )
  }
  return `${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`
}

function parseLayout(given: unknown): LayoutName {
  if (given === undefined) return 'containerdns'
  if (given === 'containerdns' || given === 'skydns') return given
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `etcdStore.layout must be "containerdns" or "skydns", got ${describe(given)}`,
  )
}

function parsePrefixes(given: unknown): readonly string[] {
  const prefixes = (Array.isArray(given) ? given : [given]).map(parsePrefix)
  if (prefixes.length === 0 || prefixes.length > MAX_PREFIXES) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `etcdStore.prefix must be 1 to ${MAX_PREFIXES} paths, got ${prefixes.length}`,
    )
  }
  // What begins with `/a.v1/` belongs to `/a/`, where our own layout has its place.
  const [one, other] = overlapping(prefixes.flatMap((prefix) => [prefix, prefix.replace(/\/$/, '.v1/')]))
  if (one === undefined) return Object.freeze(prefixes)
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `etcdStore.prefix must not name keys twice, but ${describe(one)} begins with ${describe(other)}`,
  )
}

function overlapping(prefixes: readonly string[]): readonly string[] {
  for (const [i, one] of prefixes.entries()) {
    const other = prefixes.find((each, j) => i !== j && one.startsWith(each))
    if (other !== undefined) return [one, other]
  }
  return []
}

function parseAuth(given: unknown): ParsedEtcdStoreOptions['auth'] {
  if (given === undefined) return undefined
  refuseUnknownKeys('etcdStore.auth', given, ['username', 'password'])
  const { username, password } = given as Record<string, unknown>
  if (typeof username !== 'string' || username === '' || typeof password !== 'string') {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      'etcdStore.auth must be { username, password }, both of them text',
    )
  }
  return Object.freeze({ username, password })
}

function parsePrefix(given: unknown): string {
  if (typeof given !== 'string' || !/^\/[\x21-\x7e]*$/.test(given) || given === '/') {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `etcdStore.prefix must be a path like "${DEFAULT_PREFIXES.containerdns}", got ${describe(given)}`,
    )
  }
  return given.endsWith('/') ? given : `${given}/`
}
