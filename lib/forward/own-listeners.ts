import { ContainerDnsError } from '../errors.js'
import { hostInterfaces } from '../transport/host-interfaces.js'
import { familyOf, isWildcard } from '../transport/socket-address.js'
import type { UpstreamGroup } from './options.js'

/** An address that this server answers on. */
export interface Listener {
  readonly host: string
  readonly port: number
}

/**
 * Whether an upstream is plainly this server. A loop that is not plain (port 0, another address of a NAT, a forwarder between) is found
 * by a query that comes back.
 */
export function isOwnListener(upstream: Listener, listeners: readonly Listener[]): boolean {
  return listeners.some(
    ({ host, port }) => port === upstream.port && (isSameHost(host, upstream.host) || coversHost(host, upstream.host)),
  )
}

/** Throws CDNS_UPSTREAM_INVALID when one of the upstreams is plainly this server. */
export function refuseOwnListeners(groups: readonly UpstreamGroup[], listeners: readonly Listener[]): void {
  for (const { upstreams } of groups) {
    const own = upstreams.find((upstream) => isOwnListener(upstream, listeners))
    if (own === undefined) continue
    throw new ContainerDnsError(
      'CDNS_UPSTREAM_INVALID',
      `upstream ${own.text} is an address that this server listens on`,
    )
  }
}

/** A wildcard listener has all addresses of the host, and all of 127/8. */
function coversHost(listener: string, host: string): boolean {
  if (!isWildcard(listener) || familyOf(listener) !== familyOf(host)) return false
  if (isWildcard(host) || host.startsWith('127.')) return true
  return Object.values(hostInterfaces()).some((each) => each?.some(({ address }) => isSameHost(address, host)))
}

function isSameHost(a: string, b: string): boolean {
  return a === b || (familyOf(a) === 6 && familyOf(b) === 6 && canonical(a) === canonical(b))
}

/** IPv6 addresses have many spellings; a URL has one. Zones of link-local ones are compared as they are. */
function canonical(host: string): string {
  const [address, zone = ''] = host.split('%')
  return `${new URL(`http://[${address}]`).hostname}${zone}`
}
