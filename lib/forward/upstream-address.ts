import { isIP, isIPv6 } from 'node:net'
import { describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'

/** How an upstream is asked: `udp` goes on over TCP where an answer is truncated; `tls` is DoT (RFC 7858). */
export const UPSTREAM_PROTOCOLS = ['udp', 'tcp', 'tls'] as const
export type UpstreamProtocol = (typeof UPSTREAM_PROTOCOLS)[number]

/** A server that queries are forwarded to, as an object. */
export interface UpstreamOptions {
  /** An IPv4 or IPv6 address; a link-local one names its interface: `fe80::1%eth0`. */
  address: string
  /** Default 53, for `tls` 853. */
  port?: number
  /** Default `udp`. */
  protocol?: UpstreamProtocol
  /** For `tls`: the name that its certificate must have; default: its address. */
  serverName?: string
  /** For `tls`: PEM text of the certificates that its own may come from; default: those that Node trusts. */
  ca?: string
}

/** For all `tls` upstreams of a list that say nothing themselves. */
export interface UpstreamTlsOptions {
  serverName?: string
  ca?: string
}

/** Plain: it is posted to the forward thread. */
export interface UpstreamAddress {
  readonly protocol: UpstreamProtocol
  readonly host: string
  readonly port: number
  readonly serverName: string | undefined
  readonly ca: string | undefined
  /** As logs and `stats()` show it: `udp://192.0.2.53:53`. */
  readonly text: string
}

const DNS_PORT = 53
/** RFC 7858 §3.1. */
const DOT_PORT = 853
/** More than this is a list of something else; a client query asks three of them at most. */
export const MAX_UPSTREAMS = 16

/** A list of upstreams. Throws CDNS_UPSTREAM_INVALID, CDNS_OPTION_INVALID and CDNS_OPTION_UNKNOWN. */
export function parseUpstreams(
  option: string,
  given: unknown,
  tls: UpstreamTlsOptions = {},
): readonly UpstreamAddress[] {
  if (!Array.isArray(given)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option} must be an array of upstreams, got ${describe(given)}`,
    )
  }
  if (given.length === 0 || given.length > MAX_UPSTREAMS) {
    throw invalid(
      `${option} must name 1 to ${MAX_UPSTREAMS} upstreams, and ${given.length === 0 ? 'the list is empty' : `has ${given.length}`}`,
    )
  }
  const upstreams = Array.from(given, (each, i) => parseUpstream(`${option}[${i}]`, each, tls))
  const texts = upstreams.map(({ text }) => text)
  const twice = texts.find((text, i) => texts.indexOf(text) !== i)
  if (twice !== undefined) throw invalid(`${option} lists ${twice} twice`)
  return Object.freeze(upstreams)
}

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseUpstreamTls(option: string, given: UpstreamTlsOptions = {}): UpstreamTlsOptions {
  refuseUnknownKeys(option, given, ['serverName', 'ca'])
  return {
    ...(given.serverName === undefined
      ? {}
      : { serverName: parseServerName(`${option}.serverName`, given.serverName) }),
    ...(given.ca === undefined ? {} : { ca: parseCa(`${option}.ca`, given.ca) }),
  }
}

/** The upstream at an address, asked as resolv.conf means it. */
export function plainUpstream(host: string): UpstreamAddress {
  return upstreamAddress('udp', host, DNS_PORT, undefined, undefined)
}

function parseUpstream(option: string, given: unknown, tls: UpstreamTlsOptions): UpstreamAddress {
  const parts = typeof given === 'string' ? partsOfText(option, given) : (given as UpstreamOptions)
  refuseUnknownKeys(option, parts, ['address', 'port', 'protocol', 'serverName', 'ca'])
  const { address, protocol = 'udp', serverName, ca } = parts
  if (!UPSTREAM_PROTOCOLS.includes(protocol)) {
    throw invalid(`${option}.protocol must be one of ${UPSTREAM_PROTOCOLS.join(', ')}, got ${describe(protocol)}`)
  }
  if (typeof address !== 'string' || isIP(address) === 0) {
    // A name would have to be looked up, with the very servers that are configured here.
    throw invalid(`${option} must have an IPv4 or IPv6 address, got ${describe(address)}`)
  }
  const bounds = { default: protocol === 'tls' ? DOT_PORT : DNS_PORT, min: 1, max: 65535 }
  const port = numberWithin(`${option}.port`, parts.port, bounds, 'CDNS_UPSTREAM_INVALID')
  if (protocol !== 'tls') {
    if (serverName !== undefined || ca !== undefined) throw invalid(`${option}: serverName and ca go with tls`)
    return upstreamAddress(protocol, address, port, undefined, undefined)
  }
  const name = serverName === undefined ? tls.serverName : parseServerName(`${option}.serverName`, serverName)
  return upstreamAddress(protocol, address, port, name, ca === undefined ? tls.ca : parseCa(`${option}.ca`, ca))
}

function upstreamAddress(
  protocol: UpstreamProtocol,
  host: string,
  port: number,
  serverName: string | undefined,
  ca: string | undefined,
): UpstreamAddress {
  const name = serverName === undefined ? '' : `#${serverName}`
  const text = `${protocol}://${isIPv6(host) ? `[${host}]` : host}:${port}${name}`
  return Object.freeze({ protocol, host, port, serverName, ca, text })
}

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`, each with `udp://`, `tcp://` or `tls://` before it and, for tls, `#name` behind it. */
function partsOfText(option: string, text: string): UpstreamOptions {
  const groups = /^(?:(?<protocol>\w+):\/\/)?(?<place>[^#/]+)(?:#(?<serverName>.+))?$/.exec(text)?.groups
  const { protocol, place = '', serverName } = groups ?? {}
  if (isIP(place) !== 0) return parts(place, undefined)
  const { host, bracketed, port } =
    /^(?:(?<host>[^:[\]]+)|\[(?<bracketed>[^\]]+)\])(?::(?<port>\d{1,5}))?$/.exec(place)?.groups ?? {}
  const address = host ?? bracketed
  if (address === undefined || (bracketed !== undefined && !isIPv6(bracketed))) {
    throw invalid(
      `${option} must be an address such as 192.0.2.53, [2001:db8::53]:53 or tls://192.0.2.53#dns.example, got ${describe(text)}`,
    )
  }
  return parts(address, port)

  function parts(address: string, port: string | undefined): UpstreamOptions {
    return {
      address,
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(protocol === undefined ? {} : { protocol: protocol as UpstreamProtocol }),
      ...(serverName === undefined ? {} : { serverName }),
    }
  }
}

function parseServerName(option: string, given: unknown): string {
  if (typeof given === 'string' && /^[\w.-]{1,253}$/.test(given)) return given
  throw invalid(`${option} must be the name in a certificate, got ${describe(given)}`)
}

function parseCa(option: string, given: unknown): string {
  if (typeof given === 'string' && given.includes('-----BEGIN')) return given
  throw invalid(`${option} must be PEM text, got ${describe(given)}`)
}

function invalid(message: string): ContainerDnsError {
  return new ContainerDnsError('CDNS_UPSTREAM_INVALID', message)
}
