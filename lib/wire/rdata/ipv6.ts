import { isIPv6 } from 'node:net'

// Not by way of dns-packet: its codec loses a group of `::2:3:4:5:6:7:8`, and shortens the first run of zeros, not the longest.

const IPV6_SIZE = 16
const GROUP_COUNT = IPV6_SIZE / 2

/** Writes the sixteen octets of an address given as text. Writes nothing and returns false for what is none. */
export function writeIpv6FromText(text: string, target: Uint8Array, at = 0): boolean {
  // A zone index (fe80::1%eth0) means something on one host only.
  if (!isIPv6(text) || text.includes('%')) return false
  const [left = '', right] = text.split('::')
  const head = groupsOf(left)
  const tail = right === undefined ? [] : groupsOf(right)
  target.fill(0, at, at + IPV6_SIZE)
  writeGroups(head, target, at)
  writeGroups(tail, target, at + IPV6_SIZE - 2 * tail.length)
  return true
}

/** The text of an address, in the one form of RFC 5952. */
export function ipv6ToText(bytes: Uint8Array, start = 0): string {
  const groups: number[] = []
  for (let i = start; i < start + IPV6_SIZE; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!)
  const run = longestZeroRun(groups)
  // RFC 5952 §5: dotted where a well-known prefix says that it is an IPv4 address. ::ffff:0:0/96 is the one that Node knows too.
  if (run.start === 0 && run.length === 5 && groups[5] === 0xffff)
    return `::ffff:${bytes.slice(start + 12, start + 16).join('.')}`
  const hex = groups.map((group) => group.toString(16))
  if (run.length < 2) return hex.join(':')
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

/** RFC 5952 §4.2.3: the longest run of groups that are zero; the first of several. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < GROUP_COUNT; start++) {
    let end = start
    while (groups[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
  }
  return best
}

/** The groups of one side of a `::`; a dotted quad at its end is two. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const [a, b, c, d] = part.split('.').map(Number) as [number, number, number, number]
    return [(a << 8) | b, (c << 8) | d]
  })
}

function writeGroups(groups: readonly number[], target: Uint8Array, at: number): void {
  groups.forEach((group, i) => {
    target[at + 2 * i] = group >>> 8
    target[at + 2 * i + 1] = group
  })
}
