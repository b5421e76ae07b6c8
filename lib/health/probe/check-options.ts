import { isIP } from 'node:net'
import { describe, parseBoolean, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { CLASS_IN, HEADER_SIZE, Rcode } from '../../wire/constants.js'
import { nameFromText } from '../../wire/name.js'
import { type RecordType, typeCode } from '../../wire/rdata/record-type.js'
import type { Check, DnsCheck, HttpCheck, TcpCheck } from './check.js'

/** How a backend is probed. */
export type CheckOptions = TcpCheckOptions | HttpCheckOptions | IcmpCheckOptions | DnsCheckOptions | HookCheckOptions

/** Whether a TCP connection comes about. It is closed at once. */
export interface TcpCheckOptions {
  type: 'tcp'
  /** For addresses to which no SRV record gives a port; default: none. At most 16. */
  ports?: number[]
  /** How many of an address' ports must take a connection; default `any`. */
  require?: 'any' | 'all'
}

/** Whether a GET is answered as it should be. No redirect is followed, and no more than 64 KiB of a body is read. */
export interface HttpCheckOptions {
  type: 'http'
  /** Default 80; 443 with `tls`. */
  port?: number
  /** Default `/`. */
  path?: string
  /** HTTPS; default false. */
  tls?: boolean
  /** The Host header, and the name that is sent with TLS; default: the address. */
  host?: string
  /** Default: 200 to 299. */
  statuses?: number[]
  /** What the body must hold, within its first 64 KiB; default: it is not looked at. */
  body?: string
  /** Whether the certificate must be valid for `host`, as Node sees it; default false. */
  verifyCertificate?: boolean
}

/** Whether an ICMP echo request (a ping) is answered. Linux only; needs CAP_NET_RAW, or a group in `net.ipv4.ping_group_range`. */
export interface IcmpCheckOptions {
  type: 'icmp'
}

/** Whether a DNS query over UDP is answered. */
export interface DnsCheckOptions {
  type: 'dns'
  name: string
  /** Default `A`. */
  recordType?: RecordType
  /** Default 53. */
  port?: number
  /** Default `['NOERROR']`. */
  rcodes?: ('NOERROR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED')[]
}

/** Asks `hooks.checkHealth`. */
export interface HookCheckOptions {
  type: 'hook'
}

const PORT = { min: 1, max: 65_535 }
const STATUS = { min: 100, max: 599 }
/** Each is a connection for each probe. */
const MAX_PORTS = 16
const DNS_RCODES = ['NOERROR', 'SERVFAIL', 'NXDOMAIN', 'REFUSED'] as const

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, or the codes of names and types. */
export function parseCheck(option: string, given: CheckOptions): Check {
  switch (given?.type) {
    case 'tcp':
      return parseTcp(option, given)
    case 'http':
      return parseHttp(option, given)
    case 'dns':
      return parseDns(option, given)
    case 'icmp':
    case 'hook':
      refuseUnknownKeys(option, given, ['type'])
      return Object.freeze({ type: given.type })
    default: {
      const type = (given as { type?: unknown } | null | undefined)?.type
      throw invalid(`${option}.type`, 'one of tcp, http, icmp, dns, hook', type)
    }
  }
}

function parseTcp(option: string, given: TcpCheckOptions): TcpCheck {
  refuseUnknownKeys(option, given, ['type', 'ports', 'require'])
  const { ports = [], require = 'any' } = given
  if (require !== 'any' && require !== 'all') throw invalid(`${option}.require`, 'any or all', require)
  if (!Array.isArray(ports) || ports.length > MAX_PORTS) {
    throw invalid(`${option}.ports`, `an array of at most ${MAX_PORTS} ports`, ports)
  }
  const parsed = Array.from(ports, (port, i) => number(`${option}.ports[${i}]`, port, PORT))
  return Object.freeze({ type: 'tcp', ports: Object.freeze([...new Set(parsed)]), require })
}

function parseHttp(option: string, given: HttpCheckOptions): HttpCheck {
  const known = ['type', 'port', 'path', 'tls', 'host', 'statuses', 'body', 'verifyCertificate']
  refuseUnknownKeys(option, given, known)
  const { path = '/', host, statuses, body } = given
  const tls = parseBoolean(`${option}.tls`, given.tls)
  // What Node would refuse when the request is made, in the thread.
  if (typeof path !== 'string' || !/^\/[\x21-\x7e]*$/.test(path))
    throw invalid(`${option}.path`, 'a path such as /healthz', path)
  if (host !== undefined && (typeof host !== 'string' || !/^[\w.:[\]-]{1,255}$/.test(host))) {
    throw invalid(`${option}.host`, 'the name of a host', host)
  }
  if (body !== undefined && (typeof body !== 'string' || body === '')) throw invalid(`${option}.body`, 'text', body)
  if (statuses !== undefined && (!Array.isArray(statuses) || statuses.length === 0)) {
    throw invalid(`${option}.statuses`, 'an array with a status in it', statuses)
  }
  return Object.freeze({
    type: 'http',
    port: given.port === undefined ? (tls ? 443 : 80) : number(`${option}.port`, given.port, PORT),
    path,
    tls,
    host,
    statuses: statuses && Array.from(statuses, (status, i) => number(`${option}.statuses[${i}]`, status, STATUS)),
    body,
    verifyCertificate: parseBoolean(`${option}.verifyCertificate`, given.verifyCertificate),
  })
}

function parseDns(option: string, given: DnsCheckOptions): DnsCheck {
  refuseUnknownKeys(option, given, ['type', 'name', 'recordType', 'port', 'rcodes'])
  const { rcodes = ['NOERROR'] } = given
  if (!Array.isArray(rcodes) || rcodes.length === 0)
    throw invalid(`${option}.rcodes`, 'an array with an RCODE in it', rcodes)
  const unknown = rcodes.find((rcode) => !DNS_RCODES.includes(rcode))
  if (unknown !== undefined) throw invalid(`${option}.rcodes`, `among ${DNS_RCODES.join(', ')}`, unknown)
  return Object.freeze({
    type: 'dns',
    port: given.port === undefined ? 53 : number(`${option}.port`, given.port, PORT),
    query: dnsQuery(nameFromText(given.name), typeCode(given.recordType ?? 'A')),
    rcodes: rcodes.map((rcode) => Rcode[rcode]),
  })
}

/** RFC 1035 §4.1: a header with one question; recursion is desired, since the backend may be a resolver. */
function dnsQuery(name: Uint8Array, type: number): Uint8Array {
  const query = new Uint8Array(HEADER_SIZE + name.length + 4)
  const view = new DataView(query.buffer)
  view.setUint16(2, RECURSION_DESIRED)
  view.setUint16(4, 1)
  query.set(name, HEADER_SIZE)
  view.setUint16(HEADER_SIZE + name.length, type)
  view.setUint16(HEADER_SIZE + name.length + 2, CLASS_IN)
  return query
}

const RECURSION_DESIRED = 0x0100

function number(option: string, given: unknown, range: { min: number; max: number }): number {
  return wholeNumber(option, given, range, 'CDNS_OPTION_INVALID')
}

function invalid(option: string, expected: string, given: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be ${expected}, got ${describe(given)}`)
}

/** Whether what a backend is asked as may be sent as a name with TLS (RFC 6066 §3: an address may not). */
export function isServerName(host: string | undefined): host is string {
  return host !== undefined && isIP(host) === 0
}
