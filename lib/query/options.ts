import { hostname } from 'node:os'
import { type Bounds, describe, numberWithin, refuseUnknownKeys } from '../bounds.js'
import { buildCidrTable } from '../clients/build-cidr-table.js'
import { parseCidrs } from '../clients/cidr.js'
import { ContainerDnsError } from '../errors.js'
import { type AlertsOptions, type ParsedAlerts, parseAlerts } from '../health/alerts/options.js'
import { type ParsedProbes, type ProbesOptions, parseProbes } from '../health/probe/options.js'
import { type IdentityTexts, MAX_IDENTITY_SIZE } from './identity.js'

export interface EdnsOptions {
  /** The largest UDP response; default 1232, which avoids fragments (DNS flag day 2020). 512 to 4096 bytes. */
  udpPayloadSize?: number
  /** What this server is called, for clients that ask (NSID, RFC 5001); default: nothing is said. At most 128 bytes. */
  nsid?: string
  /**
   * DNS cookies (RFC 7873, RFC 9018). `on`, the default, gives one to each client that knows them. `require` answers such a client
   * over UDP only when it brings one of ours; clients that know no cookies are answered as ever.
   */
  cookies?: CookieMode
  /** Whose word on the network of a client counts (EDNS Client Subnet, RFC 7871); default: nobody's. */
  clientSubnet?: ClientSubnetOptions
}

export interface ClientSubnetOptions {
  /** Networks of resolvers that tell for whom they ask, such as `10.0.0.0/8`. */
  trusted: string[]
}

/** What is answered where all that an RRset leads to is unhealthy: all of it, nothing, or the RRset's `fallback`. */
export const ALL_UNHEALTHY = ['all', 'none', 'fallback'] as const
export type AllUnhealthy = (typeof ALL_UNHEALTHY)[number]

export interface HealthOptions {
  /** Default `all`: a check that is wrong about everything does less harm than an empty answer. */
  allUnhealthy?: AllUnhealthy
  /** Finds out which addresses of the server's own records are alive; default: nothing is probed. See docs/health.md. */
  probes?: ProbesOptions
  /** Whom to tell when probes or the program have called an address down, or up again; default: nobody. See docs/health.md. */
  alerts?: AlertsOptions
}

export const COOKIE_MODES = ['off', 'on', 'require'] as const
export type CookieMode = (typeof COOKIE_MODES)[number]

/** What is answered in class CH; `false` refuses. */
export interface IdentityOptions {
  /** For `version.bind` and `version.server`; default `containerdns`, which says nothing about the version. */
  version?: string | false
  /** For `hostname.bind` and `id.server`; default: the host's name. */
  hostname?: string | false
}

/** How SRV weights are answered: as shares of 100, as the origin does, or as they were put in. */
export const SRV_WEIGHTS = ['normalized', 'kept'] as const
export type SrvWeightsOption = (typeof SRV_WEIGHTS)[number]

export const UDP_PAYLOAD_SIZE: Bounds = { default: 1232, min: 512, max: 4096, unit: 'bytes' }
/** A response of 512 bytes has room for it beside the longest question. */
export const MAX_NSID_BYTES = 128

export interface ParsedEdns {
  readonly udpPayloadSize: number
  readonly nsid: Uint8Array
  readonly cookies: CookieMode
  /** The data of a `CidrTable`. */
  readonly subnetSources: Int32Array | undefined
}

export interface ParsedHealth {
  readonly allUnhealthy: AllUnhealthy
  readonly probes: ParsedProbes | undefined
  readonly alerts: ParsedAlerts | undefined
}

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID or CDNS_CIDR_INVALID. */
export function parseEdns(given: EdnsOptions = {}): ParsedEdns {
  refuseUnknownKeys('edns', given, ['udpPayloadSize', 'nsid', 'cookies', 'clientSubnet'])
  return Object.freeze({
    udpPayloadSize: numberWithin('edns.udpPayloadSize', given.udpPayloadSize, UDP_PAYLOAD_SIZE),
    nsid: given.nsid === undefined ? new Uint8Array(0) : textBytes('edns.nsid', given.nsid, MAX_NSID_BYTES),
    cookies: oneOf('edns.cookies', given.cookies, COOKIE_MODES, 'on'),
    subnetSources: parseSubnetSources(given.clientSubnet),
  })
}

/** `hasHook`: there is a hook `checkHealth`. Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, or the codes of probes. */
export function parseHealth(given: HealthOptions = {}, hasHook = false): ParsedHealth {
  refuseUnknownKeys('health', given, ['allUnhealthy', 'probes', 'alerts'])
  return Object.freeze({
    allUnhealthy: oneOf('health.allUnhealthy', given.allUnhealthy, ALL_UNHEALTHY, 'all'),
    probes: given.probes === undefined ? undefined : parseProbes('health.probes', given.probes, hasHook),
    alerts: parseAlerts('health.alerts', given.alerts),
  })
}

function parseSubnetSources(given: ClientSubnetOptions | undefined): Int32Array | undefined {
  if (given === undefined) return undefined
  refuseUnknownKeys('edns.clientSubnet', given, ['trusted'])
  const trusted = parseCidrs('edns.clientSubnet.trusted', given.trusted)
  return trusted.length === 0 ? undefined : buildCidrTable(trusted.map((cidr) => ({ cidr, value: 0 })))
}

/** Throws CDNS_OPTION_UNKNOWN or CDNS_OPTION_INVALID. */
export function parseIdentity(given: IdentityOptions | false = {}): IdentityTexts {
  if (given === false) return Object.freeze({ version: undefined, hostname: undefined })
  refuseUnknownKeys('identity', given, ['version', 'hostname'])
  return Object.freeze({
    version: identityText('identity.version', given.version, () => 'containerdns'),
    hostname: identityText('identity.hostname', given.hostname, hostname),
  })
}

/** Throws CDNS_OPTION_INVALID. */
export function parseSrvWeights(given: unknown): SrvWeightsOption {
  return oneOf('srvWeights', given, SRV_WEIGHTS, 'normalized')
}

function identityText(option: string, given: string | false | undefined, byDefault: () => string): string | undefined {
  if (given === false) return undefined
  const text = given ?? byDefault()
  textBytes(option, text, MAX_IDENTITY_SIZE)
  return text
}

function textBytes(option: string, given: unknown, maxBytes: number): Uint8Array {
  if (typeof given === 'string' && given !== '') {
    const bytes = new Uint8Array(Buffer.from(given, 'utf8'))
    if (bytes.length <= maxBytes) return bytes
  }
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be a string of 1 to ${maxBytes} bytes, got ${describe(given)}`,
  )
}

function oneOf<T extends string>(option: string, given: unknown, known: readonly T[], byDefault: T): T {
  if (given === undefined) return byDefault
  const found = known.find((each) => each === given)
  if (found !== undefined) return found
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be one of ${known.join(', ')}, got ${describe(given)}`,
  )
}
