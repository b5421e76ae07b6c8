import { isIPv4 } from 'node:net'
import type { OwnAddresses } from '../query/query-context.js'
import { type HostInterfaces, hostInterfaces } from '../transport/host-interfaces.js'
import { isWildcard } from '../transport/socket-address.js'
import { rdataCodec } from '../wire/rdata/codec.js'

/** Of each family. A host may have hundreds of interfaces, and a response has room for few. */
const MAX_ADDRESSES = 8

/**
 * Where clients find this server, as far as it can tell: the addresses that it listens on, and for a wildcard those of the host,
 * without the ones that mean the host itself (127.0.0.1) or one of its links (fe80::).
 */
export function ownAddresses(hosts: readonly string[], interfaces: HostInterfaces = hostInterfaces()): OwnAddresses {
  const texts = new Set(hosts.flatMap((host) => (isWildcard(host) ? addressesOf(interfaces, isIPv4(host)) : [host])))
  return {
    ipv4: encoded('A', [...texts].filter(isIPv4), 4),
    ipv6: encoded(
      'AAAA',
      [...texts].filter((text) => !isIPv4(text)),
      16,
    ),
  }
}

function addressesOf(interfaces: HostInterfaces, wantsIpv4: boolean): string[] {
  return Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, internal }) => !internal && isIPv4(address) === wantsIpv4 && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address)
}

function encoded(type: 'A' | 'AAAA', texts: readonly string[], size: number): Uint8Array {
  const kept = texts.slice(0, MAX_ADDRESSES)
  const bytes = new Uint8Array(kept.length * size)
  for (const [i, text] of kept.entries()) rdataCodec(type).encode(text, bytes, i * size)
  return bytes
}
