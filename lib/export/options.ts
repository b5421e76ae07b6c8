import { hostname } from 'node:os'
import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { PACKAGE_VERSION } from '../package-version.js'

/** Lines of JSON, one for a query. */
export interface QueryLogOptions {
  /** Is appended to; default: no file, and queries are only published on the diagnostics channel `containerdns:query`. */
  file?: string
  /** One query in so many, at random; default 1: each. 1 to 1 000 000. */
  sample?: number
  /** A file that has become larger is moved to `<file>.1`, over the one that was there; default 100 MiB. 64 KiB to 1 TiB. */
  maxBytes?: number
}

/** Messages of dnstap, over a unix socket or TCP: one of `socket` and `tcp`. */
export interface DnstapOptions {
  /** The path of the unix socket that a reader listens on. */
  socket?: string
  tcp?: { host: string; port: number }
  /** One query in so many, at random; default 1: each. 1 to 1 000 000. */
  sample?: number
  /** Whether what upstreams are asked, and what they answer, is told, too: FORWARDER_QUERY and FORWARDER_RESPONSE; default false. */
  forwarder?: boolean
  /** What the reader is told this server is called; default: the host's name. */
  identity?: string
  /** What it is told of the version; default `containerdns` and the version. */
  version?: string
}

export const EXPORT_SAMPLE: Bounds = { default: 1, min: 1, max: 1_000_000, unit: 'queries' }
export const QUERY_LOG_MAX_BYTES: Bounds = { default: 100 * 2 ** 20, min: 2 ** 16, max: 2 ** 40, unit: 'bytes' }
const TCP_PORT: Bounds = { default: 6000, min: 1, max: 65535 }
/** A frame must have room for it beside the largest message. */
const MAX_IDENTITY_BYTES = 255
/** The path of a unix socket stands in 108 bytes, with a 0 behind it (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107

export interface ParsedQueryLog {
  readonly file: string | undefined
  readonly sample: number
  readonly maxBytes: number
}

export interface ParsedDnstap {
  /** As `net.connect` takes it. */
  readonly reader: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly sample: number
  readonly forwarder: boolean
  readonly identity: string
  readonly version: string
}

/** What is exported; undefined where nothing is. A plain object: it is posted to threads. */
export interface ParsedExport {
  readonly queryLog: ParsedQueryLog | undefined
  readonly dnstap: ParsedDnstap | undefined
}

/** Throws CDNS_OPTION_UNKNOWN or CDNS_OPTION_INVALID. */
export function parseExport(queryLog: QueryLogOptions | undefined, dnstap: DnstapOptions | undefined): ParsedExport {
  return Object.freeze({ queryLog: parseQueryLog(queryLog), dnstap: parseDnstap(dnstap) })
}

function parseQueryLog(given: QueryLogOptions | undefined): ParsedQueryLog | undefined {
  if (given === undefined) return undefined
  refuseUnknownKeys('queryLog', given, ['file', 'sample', 'maxBytes'])
  return Object.freeze({
    file: given.file === undefined ? undefined : text('queryLog.file', given.file, 4096),
    sample: numberWithin('queryLog.sample', given.sample, EXPORT_SAMPLE),
    maxBytes: numberWithin('queryLog.maxBytes', given.maxBytes, QUERY_LOG_MAX_BYTES),
  })
}

function parseDnstap(given: DnstapOptions | undefined): ParsedDnstap | undefined {
  if (given === undefined) return undefined
  refuseUnknownKeys('dnstap', given, ['socket', 'tcp', 'sample', 'forwarder', 'identity', 'version'])
  return Object.freeze({
    reader: parseReader(given),
    sample: numberWithin('dnstap.sample', given.sample, EXPORT_SAMPLE),
    forwarder: parseBoolean('dnstap.forwarder', given.forwarder),
    identity: text('dnstap.identity', given.identity ?? hostname(), MAX_IDENTITY_BYTES),
    version: text('dnstap.version', given.version ?? `containerdns ${PACKAGE_VERSION}`, MAX_IDENTITY_BYTES),
  })
}

function parseReader({ socket, tcp }: DnstapOptions): ParsedDnstap['reader'] {
  if ((socket === undefined) === (tcp === undefined)) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', 'dnstap must have a socket or tcp, one of them')
  }
  if (socket !== undefined) return Object.freeze({ path: text('dnstap.socket', socket, MAX_SOCKET_PATH_BYTES) })
  refuseUnknownKeys('dnstap.tcp', tcp, ['host', 'port'])
  const host = text('dnstap.tcp.host', tcp!.host, 255)
  return Object.freeze({ host, port: numberWithin('dnstap.tcp.port', tcp!.port, TCP_PORT) })
}

function text(option: string, given: unknown, maxBytes: number): string {
  if (typeof given === 'string' && given !== '' && !given.includes('\0') && Buffer.byteLength(given) <= maxBytes) {
    return given
  }
  const expected = `a string of 1 to ${maxBytes} bytes without a NUL`
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be ${expected}, got ${describe(given)}`)
}
