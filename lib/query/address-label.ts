const DASH = 0x2d
const ZERO = 0x30
const NINE = 0x39
const LOWER_A = 0x61
const LOWER_F = 0x66
const NO_DIGIT = -1

const IPV4_SIZE = 4
const IPV6_SIZE = 16
const MAX_GROUP_DIGITS = 4
const NO_GAP = -1
const GROUPS = 8

/** What a label says that is an address with dashes in the place of dots or colons, as CoreDNS has them. Made once per thread. */
export class AddressLabel {
  /** The address that was read. */
  readonly octets = new Uint8Array(IPV6_SIZE)

  /** Reads `length` folded octets from `start` on; returns the size of the address, 4 or 16, or 0 for what is none. */
  read(bytes: Uint8Array, start: number, length: number): number {
    const end = start + length
    if (this.#readIpv4(bytes, start, end)) return IPV4_SIZE
    return this.#readIpv6(bytes, start, end) ? IPV6_SIZE : 0
  }

  /** Four numbers up to 255, none with a zero before it: that may mean octal. */
  #readIpv4(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start
    for (let i = 0; i < IPV4_SIZE; i++) {
      if (i > 0 && (at >= end || bytes[at++] !== DASH)) return false
      const from = at
      let value = 0
      while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE && at - from < 3)
        value = 10 * value + bytes[at++]! - ZERO
      const digits = at - from
      if (digits === 0 || value > 0xff || (digits > 1 && bytes[from] === ZERO)) return false
      this.octets[i] = value
    }
    return at === end
  }

  /** RFC 4291 §2.2: eight groups of up to four digits; two dashes, once, stand for one group of zeros or more. */
  #readIpv6(bytes: Uint8Array, start: number, end: number): boolean {
    const octets = this.octets
    let at = start
    let size = 0
    let gap = NO_GAP
    if (at < end && bytes[at] === DASH) {
      // What begins with a dash begins with two.
      if (bytes[++at] !== DASH || at >= end) return false
    }
    while (at < end) {
      if (bytes[at] === DASH) {
        if (gap !== NO_GAP) return false
        gap = size
        at++
        continue
      }
      const from = at
      let group = 0
      for (let digit = digitAt(bytes, at, end); digit !== NO_DIGIT; digit = digitAt(bytes, at, end)) {
        group = (group << 4) | digit
        if (++at - from > MAX_GROUP_DIGITS) return false
      }
      if (at === from || size === IPV6_SIZE) return false
      octets[size++] = group >>> 8
      octets[size++] = group
      if (at === end) break
      // A dash stands between two groups, or begins a gap.
      if (bytes[at++] !== DASH || at === end) return false
    }
    if (gap === NO_GAP) return size === IPV6_SIZE
    if (size === IPV6_SIZE) return false
    octets.copyWithin(IPV6_SIZE - (size - gap), gap, size)
    octets.fill(0, gap, IPV6_SIZE - (size - gap))
    return true
  }
}

/** Writes the label of an address, without the octet of its length, and returns where it ends. The reverse of `AddressLabel.read`. */
export function writeAddressLabel(octets: Uint8Array, size: number, target: Uint8Array, start: number): number {
  return size === IPV4_SIZE ? writeIpv4(octets, target, start) : writeIpv6(octets, target, start)
}

function writeIpv4(octets: Uint8Array, target: Uint8Array, start: number): number {
  let at = start
  for (let i = 0; i < IPV4_SIZE; i++) {
    const octet = octets[i]!
    if (i > 0) target[at++] = DASH
    if (octet > 99) target[at++] = ZERO + Math.floor(octet / 100)
    if (octet > 9) target[at++] = ZERO + (Math.floor(octet / 10) % 10)
    target[at++] = ZERO + (octet % 10)
  }
  return at
}

/** RFC 5952 §4: the first of the longest runs of two or more groups of zeros is left out. */
function writeIpv6(octets: Uint8Array, target: Uint8Array, start: number): number {
  const run = longestRun(octets)
  const gapStart = run >>> 4
  const gapEnd = gapStart + (run & 0xf)
  let at = start
  for (let group = 0; group < GROUPS; group++) {
    if (group === gapStart && gapEnd > gapStart) {
      target[at++] = DASH
      if (group === 0) target[at++] = DASH
      group = gapEnd - 1
      continue
    }
    at = writeGroup((octets[2 * group]! << 8) | octets[2 * group + 1]!, target, at)
    if (group < GROUPS - 1) target[at++] = DASH
  }
  return at
}

/** Where it begins, and in the lowest four bits how long it is: 0 for none. */
function longestRun(octets: Uint8Array): number {
  let best = 0
  let length = 0
  for (let group = 0; group < GROUPS; group++) {
    length = octets[2 * group] === 0 && octets[2 * group + 1] === 0 ? length + 1 : 0
    if (length > 1 && length > (best & 0xf)) best = ((group - length + 1) << 4) | length
  }
  return best
}

function writeGroup(group: number, target: Uint8Array, start: number): number {
  let at = start
  for (let shift = 12; shift >= 0; shift -= 4) {
    const rest = group >>> shift
    if (rest === 0 && shift > 0) continue
    const digit = rest & 0xf
    target[at++] = digit < 10 ? ZERO + digit : LOWER_A + digit - 10
  }
  return at
}

function digitAt(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return NO_DIGIT
  const byte = bytes[at]!
  if (byte >= ZERO && byte <= NINE) return byte - ZERO
  return byte >= LOWER_A && byte <= LOWER_F ? byte - LOWER_A + 10 : NO_DIGIT
}
