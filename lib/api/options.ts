import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import type { ContainerDns } from '../container-dns.js'
import { ContainerDnsError } from '../errors.js'
import { guardedLogger, type Logger, silentLogger } from '../log.js'
import { DEFAULT_TTL, DEFAULT_ZONES } from '../options.js'
import { type ParsedViews, parseViews, type View } from '../query/views.js'
import { type ParsedZone, parseZone } from '../query/zone.js'
import { DEFAULT_SELECTION } from '../records/selection-options.js'
import type { RecordStore } from '../store/record-store.js'
import { type ParsedWorkerFiles, type WorkerFiles, workerFiles } from '../threads/worker-files.js'
import { nameToText } from '../wire/name.js'
import type { AuditEntry } from './audit.js'
import type { TokensOption } from './tokens.js'
import type { ReloadFunction } from './v1-reload.js'

/** What the plugin takes: a `server`, or a `store` without one. */
export interface ApiOptions {
  /** The server that it is about. */
  server?: ContainerDns
  /** A store that no server of this process has: it is opened, and closed with the API. */
  store?: RecordStore
  /** With `store`: as the servers on it have them. Defaults as theirs. */
  zones?: string[]
  views?: View[]
  defaultTtl?: number
  /** Who may do what. Default: nobody but who is on this host, and they may do everything. */
  tokens?: TokensOption
  /** Takes tokens from `?token=` as well, as ContainerDNS does. They end up in logs of proxies. Default false. */
  queryToken?: boolean
  /** Requests a second of one client address. Default 5000. 1 to 1 000 000. */
  requestsPerSecond?: number
  /** The largest body. Default 1 MiB. 1024 to 67 108 864. */
  bodyLimitBytes?: number
  /** Changes in one bulk request. Default 1000. 1 to 100 000. */
  bulkLimit?: number
  /** Hears of each change. */
  onAudit?: (entry: AuditEntry) => void
  /** A file that gets a line of JSON for each change. */
  auditFile?: string
  /** Makes the text of `/metrics`. Default: all that the server counts; none without a server. */
  metrics?: () => string | Promise<string>
  /** Serves the page for people at `/ui/`. Default true. */
  ui?: boolean
  /** Reads again what the server runs by, for `POST /v1/reload`: all of it or nothing. Default: none, which the call says. */
  reload?: ReloadFunction
  /** pino, or anything of its shape. Default: silent. */
  logger?: Logger
  /** For hosts that bundle the library. */
  workerFiles?: WorkerFiles
}

export const REQUESTS_PER_SECOND: Bounds = { default: 5000, min: 1, max: 1_000_000, unit: 'requests' }
export const BODY_LIMIT_BYTES: Bounds = { default: 1_048_576, min: 1024, max: 67_108_864, unit: 'bytes' }
export const BULK_LIMIT: Bounds = { default: 1000, min: 1, max: 100_000, unit: 'changes' }

export interface ParsedApiOptions {
  readonly server: ContainerDns | undefined
  readonly store: RecordStore | undefined
  readonly zones: readonly ParsedZone[]
  readonly views: ParsedViews
  readonly defaultTtl: number
  readonly tokens: TokensOption | undefined
  readonly queryToken: boolean
  readonly requestsPerSecond: number
  readonly bodyLimitBytes: number
  readonly bulkLimit: number
  readonly onAudit: ((entry: AuditEntry) => void) | undefined
  readonly auditFile: string | undefined
  readonly metrics: (() => string | Promise<string>) | undefined
  readonly ui: boolean
  readonly reload: ReloadFunction | undefined
  readonly logger: Logger
  readonly workerFiles: ParsedWorkerFiles
}

export const API_OPTION_NAMES = [
  'server',
  'store',
  'zones',
  'views',
  'defaultTtl',
  'tokens',
  'queryToken',
  'requestsPerSecond',
  'bodyLimitBytes',
  'bulkLimit',
  'onAudit',
  'auditFile',
  'metrics',
  'ui',
  'reload',
  'logger',
  'workerFiles',
] as const satisfies readonly (keyof ApiOptions)[]

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID and CDNS_ZONE_INVALID. Keys that Fastify passes to every plugin are let through. */
export function parseApiOptions(given: ApiOptions): ParsedApiOptions {
  refuseUnknownKeys('the options of the API', given, [...API_OPTION_NAMES, 'prefix', 'logLevel', 'logSerializers'])
  const { server, store, onAudit, metrics, reload, auditFile, tokens, logger = silentLogger } = given
  if ((server === undefined) === (store === undefined)) throw invalid('the API takes a server or a store, one of them')
  for (const name of ['zones', 'views', 'defaultTtl'] as const) {
    if (server !== undefined && given[name] !== undefined)
      throw invalid(`${name} go with store; the server has its own`)
  }
  for (const [name, value] of Object.entries({ onAudit, metrics, reload })) {
    if (value !== undefined && typeof value !== 'function')
      throw invalid(`${name} must be a function, got ${describe(value)}`)
  }
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function') throw invalid(`logger must have ${level}, as pino has`)
  }
  return Object.freeze({
    ...{ server, store, onAudit, metrics, reload },
    zones: parseZones(given.zones ?? [...DEFAULT_ZONES]),
    views: parseViews(given.views),
    defaultTtl: numberWithin('defaultTtl', given.defaultTtl, DEFAULT_TTL),
    tokens: parseTokensOption(tokens),
    queryToken: booleanOption('queryToken', given.queryToken, false),
    requestsPerSecond: numberWithin('requestsPerSecond', given.requestsPerSecond, REQUESTS_PER_SECOND),
    bodyLimitBytes: numberWithin('bodyLimitBytes', given.bodyLimitBytes, BODY_LIMIT_BYTES),
    bulkLimit: numberWithin('bulkLimit', given.bulkLimit, BULK_LIMIT),
    auditFile: auditFile === undefined ? undefined : path('auditFile', auditFile),
    ui: booleanOption('ui', given.ui, true),
    logger: guardedLogger(logger),
    workerFiles: workerFiles(given.workerFiles),
  })
}

function parseZones(given: unknown): readonly ParsedZone[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid(`zones must be an array with something in it, got ${describe(given)}`)
  }
  return given.map((zone) => ({ name: nameToText(parseZone(zone)), selection: DEFAULT_SELECTION }))
}

function parseTokensOption(given: TokensOption | undefined): TokensOption | undefined {
  if (given === undefined || Array.isArray(given)) return given
  refuseUnknownKeys('tokens', given, ['file'])
  return { file: path('tokens.file', (given as { file: unknown }).file) }
}

function booleanOption(option: string, given: unknown, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (typeof given === 'boolean') return given
  throw invalid(`${option} must be true or false, got ${describe(given)}`)
}

function path(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '' && !given.includes('\0')) return given
  throw invalid(`${option} must be the path of a file, got ${describe(given)}`)
}

function invalid(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', message)
}
