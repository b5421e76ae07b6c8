import { availableParallelism } from 'node:os'
import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from './bounds.js'
import { ContainerDnsError } from './errors.js'
import { type DnstapOptions, type ParsedExport, parseExport, type QueryLogOptions } from './export/options.js'
import { type ForwardOptions, type ForwardZoneOptions, type ParsedForward, parseForward } from './forward/options.js'
import type { HookOptions } from './hooks/hooks.js'
import { HOOK_TIMEOUT_MS, type ParsedHooks, parseHooks } from './hooks/options.js'
import { type AclRule, parseAcl } from './limits/acl.js'
import { type AmplificationOptions, type ParsedAmplification, parseAmplification } from './limits/amplification.js'
import {
  type ParsedRateLimitOptions,
  parseRateLimitOptions,
  type RateLimitOptions,
} from './limits/rate-limit-options.js'
import { guardedLogger, type Logger, silentLogger } from './log.js'
import { type MetricsOptions, type ParsedMetrics, parseMetrics } from './metrics/options.js'
import type { IdentityTexts } from './query/identity.js'
import {
  type EdnsOptions,
  type HealthOptions,
  type IdentityOptions,
  type ParsedEdns,
  type ParsedHealth,
  parseEdns,
  parseHealth,
  parseIdentity,
  parseSrvWeights,
  type SrvWeightsOption,
} from './query/options.js'
import { type ParsedViews, parseViews, type View } from './query/views.js'
import { type ParsedZone, parseZone } from './query/zone.js'
import {
  type ParsedSelectionOptions,
  parseSelectionOptions,
  type SelectionOptions,
} from './records/selection-options.js'
import { memoryStore } from './store/memory/memory-store.js'
import type { RecordStore } from './store/record-store.js'
import { type ParsedWorkerFiles, type WorkerFiles, workerFiles } from './threads/worker-files.js'
import type { TransportChoice } from './transport/datagram-transport.js'
import type { ListenAddress } from './transport/open-sockets.js'
import { type ListenOptions, parseListen, parseTcp, type TcpOptions } from './transport/options.js'
import type { StreamLimits } from './transport/stream-transport.js'
import { type ParsedXdp, parseXdp, type XdpOptions } from './transport/xdp/options.js'
import { nameToText } from './wire/name.js'

/** A zone with something to say of its own. */
export interface ZoneOptions {
  name: string
  /** Which records of its RRsets are answered, and in which order; what is left out is as the server has it. */
  selection?: SelectionOptions
}

/** What `createContainerDns` takes. Everything has a default; an unknown key is an error. */
export interface ContainerDnsOptions {
  /** Zones to answer for; the longest match wins. Default `['containerdns.local']`. */
  zones?: (string | ZoneOptions)[]
  listen?: ListenOptions | ListenOptions[]
  /** DNS threads; default: as many as the system has cores for. */
  workers?: number
  /**
   * `batch` needs Linux; `auto`, the default, takes it where it works and `dgram` elsewhere. `xdp` and `auto-xdp` go past the kernel, with
   * what `xdp` says; where that fails, the one is an error and the other goes on as `auto`.
   */
  transport?: TransportChoice
  /** For these two transports; see docs/xdp.md. */
  xdp?: XdpOptions
  /** Default: `memoryStore()`. */
  store?: RecordStore
  /** Seconds for records that say nothing; default 30. */
  defaultTtl?: number
  /** Seconds that a client may remember that there is no such name or data; default 30, and with a `kubernetesStore` the TTL of its records. */
  negativeTtl?: number
  edns?: EdnsOptions
  /** What is said to clients that ask in class CH who we are; `false` refuses them. */
  identity?: IdentityOptions | false
  /** Which of the records of an RRset of A, AAAA or SRV are answered, and in which order; default: all, shuffled. */
  selection?: SelectionOptions
  /** What unhealthy addresses do to answers. */
  health?: HealthOptions
  /** `normalized`, the default, answers each SRV weight as its share of 100 among those of its priority; `kept` as it was put in. */
  srvWeights?: SrvWeightsOption
  /** Answers PTR for addresses of A and AAAA records in reverse zones that are among `zones`. Default false. */
  synthesizePtr?: boolean
  tcp?: TcpOptions
  /** What the host has to say about queries; see docs/hooks.md. */
  hooks?: HookOptions
  /** How long a query waits for a hook that is a function; default 50 ms. 1 to 5000. */
  hookTimeoutMs?: number
  /** Clients that see records of their own; default: none. */
  views?: View[]
  /** How much a client may have; default: as much as it likes. */
  rateLimit?: RateLimitOptions
  /** Whom to ask for names outside our zones; default: nobody. See docs/forwarding.md. */
  forward?: ForwardOptions
  /** Zones that belong to other servers; the longer one of these and `zones` has a name. */
  forwardZones?: ForwardZoneOptions[]
  /** Who may ask; default: everybody. */
  acl?: AclRule[]
  /** What keeps answers from being of use against others. */
  amplification?: AmplificationOptions
  /** What is measured beside what costs nothing; default: all of it. */
  metrics?: MetricsOptions
  /** A line of JSON for each query, or some of them; default: none. */
  queryLog?: QueryLogOptions
  /** Queries and responses for a reader of dnstap; default: none. */
  dnstap?: DnstapOptions
  /** pino, or anything of its shape. Default: silent. */
  logger?: Logger
  /** Aborting it ends the start, or closes the server. */
  signal?: AbortSignal
  /** How long the first load from the store may take; default 30 000 ms. */
  startTimeoutMs?: number
  /** For hosts that bundle the library. */
  workerFiles?: WorkerFiles
}

export const DEFAULT_ZONES: readonly string[] = ['containerdns.local']
export const WORKERS: Bounds = { default: availableParallelism(), min: 1, max: 256, unit: 'threads' }
export const DEFAULT_TTL: Bounds = { default: 30, min: 0, max: 0x7fffffff, unit: 'seconds' }
/** RFC 2308 §5 would allow three hours and more; operators want changes seen in half a minute. */
export const NEGATIVE_TTL: Bounds = { default: 30, min: 0, max: 86400, unit: 'seconds' }
export const START_TIMEOUT_MS: Bounds = { default: 30_000, min: 1, max: 86_400_000, unit: 'milliseconds' }

export interface ParsedOptions {
  readonly zones: readonly ParsedZone[]
  readonly listen: readonly ListenAddress[]
  readonly workers: number
  readonly transport: TransportChoice
  readonly xdp: ParsedXdp | undefined
  readonly store: RecordStore
  readonly defaultTtl: number
  readonly negativeTtl: number
  readonly edns: ParsedEdns
  readonly identity: IdentityTexts
  readonly health: ParsedHealth
  readonly srvWeights: SrvWeightsOption
  readonly synthesizePtr: boolean
  readonly tcp: StreamLimits
  readonly hooks: ParsedHooks
  readonly hookTimeoutMs: number
  readonly views: ParsedViews
  readonly rateLimit: ParsedRateLimitOptions
  /** Undefined where nothing is forwarded. */
  readonly forward: ParsedForward | undefined
  readonly acl: Int32Array | undefined
  readonly amplification: ParsedAmplification
  readonly metrics: ParsedMetrics
  readonly export: ParsedExport
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
  readonly startTimeoutMs: number
  readonly workerFiles: ParsedWorkerFiles
}

export const OPTION_NAMES = [
  'zones',
  'listen',
  'workers',
  'transport',
  'xdp',
  'store',
  'defaultTtl',
  'negativeTtl',
  'edns',
  'identity',
  'selection',
  'health',
  'srvWeights',
  'synthesizePtr',
  'tcp',
  'hooks',
  'hookTimeoutMs',
  'views',
  'rateLimit',
  'forward',
  'forwardZones',
  'acl',
  'amplification',
  'metrics',
  'queryLog',
  'dnstap',
  'logger',
  'signal',
  'startTimeoutMs',
  'workerFiles',
] as const satisfies readonly (keyof ContainerDnsOptions)[]
export const TRANSPORTS = ['auto', 'batch', 'dgram', 'xdp', 'auto-xdp'] as const

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID or CDNS_ZONE_INVALID; nothing has been opened by then. */
export function parseOptions(given: ContainerDnsOptions = {}): ParsedOptions {
  refuseUnknownKeys('options', given, OPTION_NAMES)
  refuseUnknownKeys('workerFiles', given.workerFiles === undefined ? {} : given.workerFiles, [
    'dns',
    'stream',
    'forward',
    'export',
    'loader',
    'probe',
  ])
  const negativeTtl = numberWithin('negativeTtl', given.negativeTtl ?? given.store?.negativeTtl, NEGATIVE_TTL)
  return Object.freeze({
    zones: parseZones(given.zones, parseSelectionOptions('selection', given.selection)),
    listen: parseListen(given.listen),
    workers: numberWithin('workers', given.workers, WORKERS),
    transport: parseTransport(given.transport, given.xdp),
    xdp: parseXdp(given.xdp),
    store: parseStore(given.store),
    defaultTtl: numberWithin('defaultTtl', given.defaultTtl, DEFAULT_TTL),
    negativeTtl,
    edns: parseEdns(given.edns),
    identity: parseIdentity(given.identity),
    health: parseHealth(given.health, given.hooks?.checkHealth !== undefined),
    srvWeights: parseSrvWeights(given.srvWeights),
    synthesizePtr: parseBoolean('synthesizePtr', given.synthesizePtr),
    tcp: parseTcp(given.tcp),
    hooks: parseHooks(given.hooks),
    hookTimeoutMs: numberWithin('hookTimeoutMs', given.hookTimeoutMs, HOOK_TIMEOUT_MS),
    views: parseViews(given.views),
    rateLimit: parseRateLimitOptions(given.rateLimit),
    // What a store says of its own names is nothing about those of others.
    forward: parseForward(given.forward, given.forwardZones, given.negativeTtl ?? NEGATIVE_TTL.default),
    acl: parseAcl(given.acl),
    amplification: parseAmplification(given.amplification),
    metrics: parseMetrics(given.metrics),
    export: parseExport(given.queryLog, given.dnstap),
    logger: parseLogger(given.logger),
    signal: parseSignal(given.signal),
    startTimeoutMs: numberWithin('startTimeoutMs', given.startTimeoutMs, START_TIMEOUT_MS),
    workerFiles: workerFiles(given.workerFiles),
  })
}

function parseZones(given: unknown = DEFAULT_ZONES, selection: ParsedSelectionOptions): readonly ParsedZone[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `zones must be an array with something in it, got ${describe(given)}`,
    )
  }
  // Array.from, because map passes over the holes of a sparse array.
  const zones = Array.from(given, (zone, i) => parseZoneOptions(zone, `zones[${i}]`, selection))
  const names = zones.map(({ name }) => name)
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice !== undefined) throw new ContainerDnsError('CDNS_ZONE_INVALID', `zone ${describe(twice)} is listed twice`)
  return Object.freeze(zones)
}

function parseZoneOptions(given: string | ZoneOptions, option: string, selection: ParsedSelectionOptions): ParsedZone {
  if (typeof given !== 'object' || given === null) {
    return Object.freeze({ name: nameToText(parseZone(given)), selection })
  }
  refuseUnknownKeys(option, given, ['name', 'selection'])
  return Object.freeze({
    name: nameToText(parseZone(given.name)),
    selection: parseSelectionOptions(`${option}.selection`, given.selection, selection),
  })
}

function parseTransport(given: unknown = 'auto', xdp: unknown): TransportChoice {
  const transport = TRANSPORTS.find((known) => known === given)
  if (transport === undefined) {
    const known = TRANSPORTS.join(', ')
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `transport must be one of ${known}, got ${describe(given)}`)
  }
  if (xdp === undefined && (transport === 'xdp' || transport === 'auto-xdp')) {
    // Which interfaces, nobody can guess: what comes over them goes past firewalls of the host.
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `transport ${transport} needs xdp.interfaces`)
  }
  return transport
}

function parseStore(given: RecordStore | undefined): RecordStore {
  if (given === undefined) return memoryStore()
  const methods = ['open', 'put', 'delete', 'status', 'close'] as const
  for (const method of methods) {
    if (typeof given?.[method] === 'function') continue
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `store must be a store, such as memoryStore(): ${method}() is missing`,
    )
  }
  return given
}

function parseLogger(given: Logger | undefined): Logger {
  if (given === undefined) return silentLogger
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof given?.[level] === 'function') continue
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `logger must have pino's shape: ${level}() is missing`)
  }
  return guardedLogger(given)
}

function parseSignal(given: unknown): AbortSignal | undefined {
  if (given === undefined || given instanceof AbortSignal) return given
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `signal must be an AbortSignal, got ${describe(given)}`)
}
