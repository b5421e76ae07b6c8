import { ContainerDnsError } from '../errors.js'
import type { Cidr } from './cidr.js'
import {
  BRANCHES,
  HEADER_WORDS,
  IPV4_BRANCH,
  IPV6_BRANCH,
  NO_VALUE,
  NODE_BIT,
  NODE_BRANCHES,
  NODE_PREFIX,
  NODE_VALUE,
  NODE_WORDS,
  STEP_BITS,
} from './cidr-table.js'
import { ADDRESS_WORDS, clientToText, IPV4_START_BIT } from './client-address.js'

/** A network and what `CidrTable.find` gives for the clients in it: a whole number from 0 to 2147483647. */
export interface CidrEntry {
  readonly cidr: Cidr
  readonly value: number
}

/**
 * Makes the data of a `CidrTable`, in shared memory: posting it to a thread copies nothing.
 *
 * Throws CDNS_CIDR_INVALID when a network is listed with two values: which of them was meant is not ours to guess.
 */
export function buildCidrTable(entries: readonly CidrEntry[]): Int32Array {
  const builder = new TableBuilder()
  builder.addFamily(4, entries)
  builder.addFamily(6, entries)
  const shared = new Int32Array(new SharedArrayBuffer(4 * builder.data.length))
  shared.set(builder.data)
  return shared
}

class TableBuilder {
  readonly data: number[] = new Array<number>(HEADER_WORDS).fill(0)

  addFamily(family: 4 | 6, entries: readonly CidrEntry[]): void {
    const isIpv4 = family === 4
    const start = isIpv4 ? IPV4_START_BIT : 0
    const sorted = distinct(entries.filter(({ cidr }) => cidr.family === family))
    this.data[isIpv4 ? IPV4_BRANCH : IPV6_BRANCH] = this.#branchTo(sorted, start)
  }

  /** The branch that leads to networks in sorted order, none of which begins outside it; it is `end` bits from the root. */
  #branchTo(entries: readonly CidrEntry[], end: number): number {
    // In order, those that end here stand from the shortest to the longest.
    const value = entries.findLast(({ cidr }) => cidr.length <= end)?.value ?? NO_VALUE
    const deeper = entries.filter(({ cidr }) => cidr.length > end)
    if (deeper.length > 0) return this.#addNode(deeper, value)
    return value === NO_VALUE ? 0 : ~value
  }

  /** Adds the trie of sorted networks, at least one; returns its offset. */
  #addNode(entries: readonly CidrEntry[], value: number): number {
    const bit = firstDifference(entries)
    const node = this.data.length
    this.data.push(...new Array<number>(NODE_WORDS).fill(0))
    this.data[node + NODE_BIT] = bit
    this.data[node + NODE_VALUE] = value
    entries[0]!.cidr.words.forEach((word, i) => {
      this.data[node + NODE_PREFIX + i] = word
    })
    for (let branch = 0; branch < BRANCHES; branch++) {
      const inside = entries.filter(({ cidr }) => mayHold(cidr, bit, branch))
      this.data[node + NODE_BRANCHES + branch] = this.#branchTo(inside, bit + STEP_BITS)
    }
    return node
  }
}

/** Sorted by address, then from the shortest to the longest prefix; the same network once. */
function distinct(entries: readonly CidrEntry[]): CidrEntry[] {
  const sorted = [...entries].sort((a, b) => compare(a.cidr, b.cidr))
  return sorted.filter((entry, i) => {
    const before = sorted[i - 1]
    if (before === undefined || compare(before.cidr, entry.cidr) !== 0) return true
    if (before.value === entry.value) return false
    const text = clientToText(entry.cidr.words)
    throw new ContainerDnsError('CDNS_CIDR_INVALID', `the network ${text} is listed twice, for different things`)
  })
}

function compare(a: Cidr, b: Cidr): number {
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    const order = (a.words[i]! >>> 0) - (b.words[i]! >>> 0)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** The first bit, rounded down to a step, in which sorted networks differ or where one of them ends. */
function firstDifference(entries: readonly CidrEntry[]): number {
  const first = entries[0]!.cidr.words
  const last = entries.at(-1)!.cidr.words
  let bit = Math.min(...entries.map(({ cidr }) => cidr.length - 1))
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    if (first[i] === last[i]) continue
    bit = Math.min(bit, 32 * i + Math.clz32(first[i]! ^ last[i]!))
    break
  }
  return bit - (bit % STEP_BITS)
}

/** Whether a network holds clients whose bits from `bit` on are those of a branch; it has more than `bit` bits. */
function mayHold(cidr: Cidr, bit: number, branch: number): boolean {
  const nibble = (cidr.words[bit >>> 5]! >>> (32 - STEP_BITS - (bit & 31))) & (BRANCHES - 1)
  const free = Math.max(0, bit + STEP_BITS - cidr.length)
  return nibble >>> free === branch >>> free
}
