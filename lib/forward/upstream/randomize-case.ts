import type { Random } from './secure-random.js'

const CASE_BIT = 0x20

/** Gives each letter of a name a case at random, where it stands (0x20, draft-vixie-dnsext-dns0x20): a bit more for a forger to guess. */
export function randomizeCase(name: Uint8Array, length: number, random: Random): void {
  let bits = 0
  let left = 0
  for (let i = 0; i < length; i++) {
    const lower = name[i]! | CASE_BIT
    // Length octets are at most 63, and no letter with the bit set.
    if (lower < 0x61 || lower > 0x7a) continue
    if (left === 0) {
      bits = random.u16()
      left = 16
    }
    name[i] = (bits & 1) === 0 ? lower : lower & ~CASE_BIT
    bits >>>= 1
    left--
  }
}
