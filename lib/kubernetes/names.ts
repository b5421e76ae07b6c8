import { isIP } from 'node:net'
import { ipv6ToText, writeIpv6FromText } from '../wire/rdata/ipv6.js'

const IPV6_SIZE = 16
const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** Whether this can be a label as Kubernetes has them. A dot would put a name where somebody else's is, and a `_` in front where a port's or one of ours is. */
export function isLabel(given: unknown): given is string {
  return typeof given === 'string' && LABEL.test(given)
}

/** An address in its one written form; undefined for what is none, or belongs to one interface. */
export function canonicalAddress(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  const family = isIP(given)
  if (family === 4) return given
  if (family !== 6 || given.includes('%')) return undefined
  const octets = new Uint8Array(IPV6_SIZE)
  return writeIpv6FromText(given, octets) ? ipv6ToText(octets) : undefined
}

export function isIpv4(address: string): boolean {
  return !address.includes(':')
}

/** The label of an endpoint or pod that has none: its address, with dashes. As CoreDNS has it, so that clients find them again. */
export function dashed(address: string): string {
  return address.replace(/[.:]/g, '-')
}

/** RFC 1035 §3.5 and RFC 3596 §2.5. */
export function reverseName(address: string): string {
  if (isIpv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`
  const octets = Buffer.alloc(IPV6_SIZE)
  writeIpv6FromText(address, octets)
  return `${[...octets.toString('hex')].reverse().join('.')}.ip6.arpa`
}
