import type { HostInterfaces } from '../host-interfaces.js'
import type { Libc } from '../libc.js'
import { encodeSocketAddress, familyOf, IPV4_ADDRESS, IPV6_ADDRESS, isWildcard } from '../socket-address.js'
import type { SocketPlace } from '../socket-error.js'
import { isVlan, type NetworkInterface } from './network-interface.js'
import { placeKey } from './place-key.js'

/**
 * The keys of all places where frames that come on an interface are for us. A wildcard stands for the addresses that the host has by now,
 * so that what a router passes on to others is not taken for ours.
 *
 * Addresses of a VLAN count in tagged frames alone: where a card takes tags off, we would answer without, and the kernel has to.
 */
export function listeningPlaces(
  libc: Libc,
  on: NetworkInterface,
  listeners: readonly SocketPlace[],
  host: HostInterfaces,
): Uint8Array[] {
  const own = hostAddresses(libc, on, host)
  return listeners.flatMap(({ host: address, port }) => {
    const family = familyOf(address)
    const places = isWildcard(address)
      ? own.filter((each) => each.family === family)
      : [own.find((each) => isSame(libc, each.address, address)) ?? { address, family, tags: BOTH }]
    return places
      .filter((place) => mayComeOver(on, place.address))
      .flatMap((place) => place.tags.map((isTagged) => placeKey(addressBytes(libc, place.address), port, isTagged)))
  })
}

/** In 4 or 16 octets. */
export function addressOctets(libc: Libc, host: string): Uint8Array {
  const encoded = encodeSocketAddress(libc, host, 0)!
  return familyOf(host) === 4
    ? encoded.slice(IPV4_ADDRESS, IPV4_ADDRESS + 4)
    : encoded.slice(IPV6_ADDRESS, IPV6_ADDRESS + 16)
}

interface HostAddress {
  readonly address: string
  readonly family: 4 | 6
  readonly tags: readonly boolean[]
}

const BOTH = [false, true] as const
const TAGGED = [true] as const
const UNTAGGED = [false] as const

function hostAddresses(libc: Libc, on: NetworkInterface, host: HostInterfaces): HostAddress[] {
  return Object.entries(host).flatMap(([name, addresses = []]) => {
    // An address of IPv4 may go by a label: `eth0:1`.
    const device = name.split(':')[0]!
    const tags = isVlan(libc, device) ? TAGGED : BOTH
    return addresses.flatMap(({ address }): HostAddress[] => {
      const family = familyOf(address)
      if (!isLinkLocal(address)) return [{ address, family, tags }]
      // It means something on its own interface alone, or in a VLAN of it.
      if (device === on.name) return [{ address, family, tags: UNTAGGED }]
      return tags === TAGGED ? [{ address, family, tags }] : []
    })
  })
}

/** Nobody is asked at a loopback address over the network (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
function mayComeOver(on: NetworkInterface, address: string): boolean {
  const isLoopback = address.startsWith('127.') || address === '::1'
  return !isLoopback || on.mac.every((octet) => octet === 0)
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address)
}

function isSame(libc: Libc, one: string, other: string): boolean {
  return Buffer.compare(addressBytes(libc, one), addressBytes(libc, other)) === 0
}

function addressBytes(libc: Libc, host: string): Uint8Array {
  const octets = addressOctets(libc, host)
  if (octets.length === 16) return octets
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets)
}
