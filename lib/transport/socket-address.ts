import { isIPv6 } from 'node:net'
import { hostInterfaces } from './host-interfaces.js'
import type { Libc } from './libc.js'
import { AF_INET, AF_INET6 } from './linux-constants.js'

// sockaddr_in:  | family u16 LE | port u16 BE | address 4 | zero 8 |
// sockaddr_in6: | family u16 LE | port u16 BE | flowinfo 4 | address 16 | scope u32 LE |
export const FAMILY = 0
export const PORT = FAMILY + 2
export const IPV4_ADDRESS = PORT + 2
export const IPV6_ADDRESS = PORT + 2 + 4
export const IPV6_SCOPE = IPV6_ADDRESS + 16

export const SOCKADDR_IN_SIZE = IPV4_ADDRESS + 4 + 8
export const SOCKADDR_IN6_SIZE = IPV6_SCOPE + 4

export function familyOf(host: string): 4 | 6 {
  return isIPv6(host) ? 6 : 4
}

/** `0.0.0.0` and `::`, in whichever spelling. */
export function isWildcard(host: string): boolean {
  return familyOf(host) === 4 ? host === '0.0.0.0' : /^[0:]+$/.test(host)
}

/** The `sockaddr` of an address; undefined for text that is none. A link-local one carries its interface: `fe80::1%eth0`. */
export function encodeSocketAddress(libc: Pick<Libc, 'inet_pton'>, host: string, port: number): Uint8Array | undefined {
  const [address = '', zone] = host.split('%')
  const isV6 = familyOf(host) === 6
  const bytes = new Uint8Array(isV6 ? SOCKADDR_IN6_SIZE : SOCKADDR_IN_SIZE)
  const view = new DataView(bytes.buffer)
  view.setUint16(FAMILY, isV6 ? AF_INET6 : AF_INET, true)
  view.setUint16(PORT, port)
  if (isV6 && zone !== undefined) view.setUint32(IPV6_SCOPE, scopeOf(zone), true)
  const parsed = libc.inet_pton(isV6 ? AF_INET6 : AF_INET, address, bytes.subarray(isV6 ? IPV6_ADDRESS : IPV4_ADDRESS))
  return parsed === 1 ? bytes : undefined
}

export function portOf(socketAddress: Uint8Array): number {
  return (socketAddress[PORT]! << 8) | socketAddress[PORT + 1]!
}

/** The number of an interface, given as one or by name; 0, which no interface has, for a name that is not there. */
function scopeOf(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone)
  return hostInterfaces()[zone]?.find((address) => address.family === 'IPv6')?.scopeid ?? 0
}
