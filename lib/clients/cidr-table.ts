import { isIpv4Client, prefixMask } from './client-address.js'

// A table of networks is one Int32Array that never changes, so that every thread can have the same one. Two tries, four bits a
// step, in which a node stands only where networks differ or end:
//
//   | IPv4 branch | IPv6 branch | nodes …
//   node: | bit | prefix, 4 words | value | branch, 16 times |
//   branch: 0 = no network; above 0 = the offset of a node; below = the value of a network, all its bits inverted
//
// A node's `bit`, a multiple of 4, is the first of those that choose its branch; the bits before it are those of `prefix`.
// Its value is that of the longest network that ends before it, on the branch that leads to it; NO_VALUE without one.
export const IPV4_BRANCH = 0
export const IPV6_BRANCH = IPV4_BRANCH + 1
export const HEADER_WORDS = IPV6_BRANCH + 1

export const STEP_BITS = 4
export const BRANCHES = 1 << STEP_BITS
const BRANCH_MASK = BRANCHES - 1
export const NODE_BIT = 0
export const NODE_PREFIX = NODE_BIT + 1
export const NODE_VALUE = NODE_PREFIX + 4
export const NODE_BRANCHES = NODE_VALUE + 1
export const NODE_WORDS = NODE_BRANCHES + BRANCHES

/** What `find` gives for a client in none of the networks. */
export const NO_VALUE = -1

/** Which of many networks a client is in: the longest prefix that matches. Any number of threads may read one. */
export class CidrTable {
  readonly #data: Int32Array

  /** `data` is what `buildCidrTable` has made. */
  constructor(data: Int32Array) {
    this.#data = data
  }

  /** The value of the longest network that holds the client whose address stands at `at`; NO_VALUE for none. */
  find(words: Int32Array, at: number): number {
    const data = this.#data
    const isIpv4 = isIpv4Client(words, at)
    let value = NO_VALUE
    let branch = data[isIpv4 ? IPV4_BRANCH : IPV6_BRANCH]!
    // What stands before it has been compared: the families by the choice of the branch, the rest on the way.
    let from = isIpv4 ? 3 : 0
    while (branch > 0) {
      const own = data[branch + NODE_VALUE]!
      if (own !== NO_VALUE) value = own
      const bit = data[branch + NODE_BIT]!
      const word = bit >>> 5
      for (; from < word; from++) if (words[at + from] !== data[branch + NODE_PREFIX + from]) return value
      const current = words[at + word]!
      if (((current ^ data[branch + NODE_PREFIX + word]!) & prefixMask(bit & 31)) !== 0) return value
      branch = data[branch + NODE_BRANCHES + ((current >>> (32 - STEP_BITS - (bit & 31))) & BRANCH_MASK)]!
    }
    return branch < 0 ? ~branch : value
  }
}
