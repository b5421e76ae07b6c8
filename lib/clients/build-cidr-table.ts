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
import { ADDRESS_BITS, ADDRESS_WORDS, clientToText, IPV4_START_BIT } from './client-address.js'

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
  const { data } = builder
  const shared = new Int32Array(new SharedArrayBuffer(data.byteLength))
  shared.set(data)
  return shared
}

const FIRST_ROOM = 1024

/** Goes through networks by their places in a sorted list: lists of their own for each branch would take many times as long. */
class TableBuilder {
  #words = new Int32Array(FIRST_ROOM)
  #length = HEADER_WORDS
  #sorted: readonly CidrEntry[] = []

  get data(): Int32Array {
    return this.#words.subarray(0, this.#length)
  }

  addFamily(family: 4 | 6, entries: readonly CidrEntry[]): void {
    const isIpv4 = family === 4
    const start = isIpv4 ? IPV4_START_BIT : 0
    const sorted = distinct(entries.filter(({ cidr }) => cidr.family === family))
    this.#sorted = sorted
    // The network of all clients of the family is the first, if it is there.
    const all = sorted[0] !== undefined && sorted[0].cidr.length <= start ? sorted[0] : undefined
    const value = all?.value ?? NO_VALUE
    const branch = this.#branchTo(all === undefined ? 0 : 1, sorted.length, value)
    this.#words[isIpv4 ? IPV4_BRANCH : IPV6_BRANCH] = branch
  }

  /** The branch that leads to networks `from` to `to`, all of which end behind it; `value` is that of the longest that holds all of the branch. */
  #branchTo(from: number, to: number, value: number): number {
    if (from < to) return this.#addNode(from, to, value)
    return value === NO_VALUE ? 0 : ~value
  }

  /** Adds the trie of networks `from` to `to`, at least one; returns its offset. */
  #addNode(from: number, to: number, value: number): number {
    const bit = this.#firstDifference(from, to)
    const node = this.#reserve()
    const words = this.#words
    words[node + NODE_BIT] = bit
    words[node + NODE_VALUE] = value
    words.set(this.#sorted[from]!.cidr.words, node + NODE_PREFIX)
    this.#addBranches(node, from, to, bit)
    return node
  }

  #addBranches(node: number, from: number, to: number, bit: number): void {
    const end = bit + STEP_BITS
    // Of networks that end in this step, the longest of each branch: in order, it comes last.
    const values = new Int32Array(BRANCHES).fill(NO_VALUE)
    const starts = new Int32Array(BRANCHES)
    const ends = new Int32Array(BRANCHES)
    for (let i = from; i < to; i++) {
      const { cidr, value } = this.#sorted[i]!
      const branch = branchOf(cidr, bit)
      if (cidr.length <= end) values.fill(value, branch, branch + (1 << (end - cidr.length)))
      else {
        // Those of one branch that go on follow one another.
        if (ends[branch] === 0) starts[branch] = i
        ends[branch] = i + 1
      }
    }
    for (let branch = 0; branch < BRANCHES; branch++) {
      const offset = this.#branchTo(starts[branch]!, ends[branch]!, values[branch]!)
      this.#words[node + NODE_BRANCHES + branch] = offset
    }
  }

  /** The first bit, rounded down to a step, in which networks differ or where one of them ends. */
  #firstDifference(from: number, to: number): number {
    const sorted = this.#sorted
    const first = sorted[from]!.cidr.words
    const last = sorted[to - 1]!.cidr.words
    let bit = ADDRESS_BITS
    for (let i = from; i < to; i++) bit = Math.min(bit, sorted[i]!.cidr.length - 1)
    for (let i = 0; i < ADDRESS_WORDS; i++) {
      if (first[i] === last[i]) continue
      bit = Math.min(bit, 32 * i + Math.clz32(first[i]! ^ last[i]!))
      break
    }
    return bit - (bit % STEP_BITS)
  }

  /** Room for one more node. */
  #reserve(): number {
    const node = this.#length
    this.#length += NODE_WORDS
    if (this.#length > this.#words.length) {
      const larger = new Int32Array(2 * this.#words.length)
      larger.set(this.#words)
      this.#words = larger
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

/** Which branch of a node at `bit` a network is in, or the first of those that it takes. */
function branchOf({ words }: Cidr, bit: number): number {
  return (words[bit >>> 5]! >>> (32 - STEP_BITS - (bit & 31))) & (BRANCHES - 1)
}
