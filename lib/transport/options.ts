import { isIP } from 'node:net'
import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import type { Protocol } from './datagram-transport.js'
import type { ListenAddress } from './open-sockets.js'
import type { StreamLimits } from './stream-transport.js'
import type { CertificateSource } from './tls-certificate.js'

/** Where to answer. */
export interface ListenOptions {
  /** An IPv4 or IPv6 address; `0.0.0.0` and `::` mean every address of the host. Default 127.0.0.1. */
  host?: string
  /** Default 5300; 0 lets the system choose, the same number for all protocols: see `ContainerDns.addresses`. */
  port?: number
  /**
   * Default `['udp', 'tcp']`. A client that gets a truncated response over UDP asks again over TCP. `dot` and `doh` stand alone in
   * an entry of their own, which names its port.
   */
  protocols?: Protocol[]
  /** The certificate for `dot` and `doh`, which must have one. */
  tls?: TlsOptions
  /** Where `doh` answers: default `{ path: '/dns-query' }`. */
  doh?: { path?: string }
  /** Binds although others of this user are bound there, for a hot restart. Default false: a port in use is an error. */
  share?: boolean
}

/** Each is PEM text, or the path of a file with it; files are watched, and taken anew when they change. */
export interface TlsOptions {
  /** The certificate, then those that lead to its root. */
  cert: string
  key: string
}

export interface TcpOptions {
  /** How long a connection may go without a whole message; default 10 000 ms. 100 to 3 600 000. */
  idleTimeoutMs?: number
  /** Connections in all; with more, the one that has been idle for the longest time is closed. Default 8192. 1 to 1 000 000. */
  maxConnections?: number
  /** Connections of one client address; more of them are refused. Default 256. 1 to 1 000 000. */
  maxConnectionsPerClient?: number
}

export const PORT: Bounds = { default: 5300, min: 0, max: 65535 }
/** RFC 7766 §6.2.3 asks for a few seconds; ten let a client that asks now and then keep its connection. */
export const TCP_IDLE_TIMEOUT_MS: Bounds = { default: 10_000, min: 100, max: 3_600_000, unit: 'milliseconds' }
/** An idle connection takes 4.4 KiB (5 000 on Node 20, 2026-11), and a descriptor of the process. */
export const TCP_CONNECTIONS: Bounds = { default: 8192, min: 1, max: 1_000_000, unit: 'connections' }
/** A client needs one (RFC 7766 §6.2.2); behind one address there may be many clients. */
export const TCP_CONNECTIONS_PER_CLIENT: Bounds = { default: 256, min: 1, max: 1_000_000, unit: 'connections' }

const PROTOCOLS = ['udp', 'tcp', 'dot', 'doh'] as const
const DEFAULT_PROTOCOLS = ['udp', 'tcp'] as const
/** RFC 8484 §4.1.1 has it in its examples, and clients expect it. */
const DOH_PATH = '/dns-query'

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID and CDNS_CERTIFICATE_MISSING. */
export function parseListen(given: unknown = {}): readonly ListenAddress[] {
  const entries = Array.isArray(given) ? given : [given]
  if (entries.length === 0) throw new ContainerDnsError('CDNS_OPTION_INVALID', 'listen must name an address at least')
  return Object.freeze(
    Array.from(entries, (entry, i) => parseListenEntry(entry, Array.isArray(given) ? `listen[${i}]` : 'listen')),
  )
}

function parseListenEntry(given: ListenOptions, option: string): ListenAddress {
  refuseUnknownKeys(option, given, ['host', 'port', 'protocols', 'share', 'tls', 'doh'])
  const { host = '127.0.0.1', share = false } = given
  if (typeof host !== 'string' || isIP(host) === 0 || host.includes('%')) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option}.host must be an IPv4 or IPv6 address, got ${describe(host)}`,
    )
  }
  parseBoolean(`${option}.share`, share)
  const port = numberWithin(`${option}.port`, given.port, PORT)
  const protocols = parseProtocols(`${option}.protocols`, given.protocols)
  return Object.freeze({ host, port, protocols, share, ...parseEncryption(option, given, protocols) })
}

function parseEncryption(
  option: string,
  given: ListenOptions,
  protocols: readonly Protocol[],
): Pick<ListenAddress, 'tls' | 'dohPath'> {
  const protocol = protocols.find((each) => each === 'dot' || each === 'doh')
  if (protocol !== 'doh' && given.doh !== undefined) throw misplaced(`${option}.doh`, "protocols: ['doh']")
  if (protocol === undefined) {
    if (given.tls === undefined) return {}
    throw misplaced(`${option}.tls`, "protocols: ['dot'] or ['doh']")
  }
  if (protocols.length > 1) {
    const wanted = `${option}.protocols must have '${protocol}' alone; other protocols go into entries of their own`
    throw new ContainerDnsError('CDNS_OPTION_INVALID', wanted)
  }
  if (given.port === undefined) {
    // 853 and 443 take a privilege, and are likely to be somebody else's: whoever wants them says so.
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option}.port must be given for '${protocol}'; 0 is any`)
  }
  const tls = parseTls(`${option}.tls`, given.tls)
  return protocol === 'dot' ? { tls } : { tls, dohPath: parseDohPath(`${option}.doh`, given.doh) }
}

function misplaced(option: string, place: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', `${option} goes with ${place}`)
}

function parseTls(option: string, given: unknown = {}): CertificateSource {
  refuseUnknownKeys(option, given, ['cert', 'key'])
  const { cert, key } = given as Partial<TlsOptions>
  for (const [name, value] of Object.entries({ cert, key })) {
    if (typeof value === 'string' && value !== '') continue
    // A key that was given in a wrong way must not end up in a log.
    const got = value === undefined ? 'nothing' : typeof value
    const wanted = `${option}.${name} must be PEM text or the path of a file with it, got ${got}`
    throw new ContainerDnsError(value === undefined ? 'CDNS_CERTIFICATE_MISSING' : 'CDNS_OPTION_INVALID', wanted)
  }
  return Object.freeze({ cert: cert!, key: key! })
}

function parseDohPath(option: string, given: unknown = {}): string {
  refuseUnknownKeys(option, given, ['path'])
  const { path = DOH_PATH } = given as { path?: unknown }
  if (typeof path === 'string' && /^\/[\w\-.~/]*$/.test(path)) return path
  const wanted = `${option}.path must begin with / and have letters, digits and -._~/ only, got ${describe(path)}`
  throw new ContainerDnsError('CDNS_OPTION_INVALID', wanted)
}

function parseProtocols(option: string, given: unknown = DEFAULT_PROTOCOLS): readonly Protocol[] {
  const isGood =
    Array.isArray(given) &&
    given.length > 0 &&
    given.every((protocol, i) => PROTOCOLS.includes(protocol) && given.indexOf(protocol) === i)
  if (isGood) return Object.freeze([...given])
  const known = PROTOCOLS.join(', ')
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be an array of one or more of ${known}, each once, got ${describe(given)}`,
  )
}

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseTcp(given: TcpOptions = {}): StreamLimits {
  refuseUnknownKeys('tcp', given, ['idleTimeoutMs', 'maxConnections', 'maxConnectionsPerClient'])
  const perClient = given.maxConnectionsPerClient
  return Object.freeze({
    idleTimeoutMs: numberWithin('tcp.idleTimeoutMs', given.idleTimeoutMs, TCP_IDLE_TIMEOUT_MS),
    maxConnections: numberWithin('tcp.maxConnections', given.maxConnections, TCP_CONNECTIONS),
    maxConnectionsPerClient: numberWithin('tcp.maxConnectionsPerClient', perClient, TCP_CONNECTIONS_PER_CLIENT),
  })
}
