import { RECORD_TYPES } from '../../wire/rdata/record-type.js'
import type { Leaf } from './leaf.js'
import { serviceKeyOf } from './leaf-path.js'
import type { Arranged } from './leaf-precedence.js'

// A service of SkyDNS as a leaf of an owner. What it answers depends on the other services of that owner, as in CoreDNS, and
// so its rdata is not the record's alone:
//   | level u8 | groupLength u8 | group | rdata |
// `level` is how far below the owner its key stands, 0 being the owner's own; APEX for what CoreDNS looks for in a special place.
const GROUP_LENGTH = 1
const GROUP = GROUP_LENGTH + 1
export const APEX = 0xff
export const MAX_GROUP_BYTES = 255

const ADDRESS_TYPES: ReadonlySet<number> = new Set([RECORD_TYPES.A, RECORD_TYPES.AAAA, RECORD_TYPES.CNAME])

export function serviceRdata(level: number, group: Buffer, rdata: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(GROUP + group.length + rdata.length)
  bytes[0] = level
  bytes[GROUP_LENGTH] = group.length
  bytes.set(group, GROUP)
  bytes.set(rdata, GROUP + group.length)
  return bytes
}

/**
 * The services that a name answers with: those below it, or its own when there is none below; and of those, one group, if they agree on one.
 * A zone's addresses in their special place go before its others.
 */
export function chooseServices(leaves: readonly Leaf[]): Arranged {
  const hasBelow = leaves.some((leaf) => levelOf(leaf) > 0 && levelOf(leaf) !== APEX)
  const hasApex = leaves.some((leaf) => levelOf(leaf) === APEX && ADDRESS_TYPES.has(leaf.type))
  const isFound = (leaf: Leaf) => {
    if (levelOf(leaf) === APEX) return true
    if (hasApex && ADDRESS_TYPES.has(leaf.type)) return false
    return levelOf(leaf) > 0 || !hasBelow
  }
  const found = leaves.filter(isFound)
  const group = commonGroup(found)
  const isShown = (leaf: Leaf) => isFound(leaf) && (group === '' || groupOf(leaf) === '' || groupOf(leaf) === group)
  return { shown: found.filter(isShown), hidden: leaves.filter((leaf) => !isShown(leaf)) }
}

/** The group of the services nearest to the name; none where these disagree or the nearest has none, which keeps them all. */
function commonGroup(leaves: readonly Leaf[]): string {
  let nearest: Leaf | undefined
  for (const leaf of leaves) {
    if (levelOf(leaf) === APEX) continue
    if (nearest === undefined || isNearer(leaf, nearest)) nearest = leaf
  }
  if (nearest === undefined) return ''
  const group = groupOf(nearest)
  const level = levelOf(nearest)
  const disagree = leaves.some((leaf) => levelOf(leaf) === level && groupOf(leaf) !== '' && groupOf(leaf) !== group)
  return disagree ? '' : group
}

/** In the order of keys among those of one level: the first of them speaks for all. */
function isNearer(a: Leaf, b: Leaf): boolean {
  if (levelOf(a) !== levelOf(b)) return levelOf(a) < levelOf(b)
  return serviceKeyOf(a.path) < serviceKeyOf(b.path)
}

/** What an answer holds for services of one type. The weights of SRV are shares of 100 among those of one priority, at least 1. */
export function answerRdata(leaves: readonly Leaf[]): Uint8Array[] {
  const rdatas = leaves.map(rdataOf)
  if (leaves[0]!.type !== RECORD_TYPES.SRV) return rdatas
  const sums = new Map<number, number>()
  for (const rdata of rdatas) sums.set(priorityOf(rdata), (sums.get(priorityOf(rdata)) ?? 0) + weightOf(rdata))
  return rdatas.map((rdata) => {
    const weight = Math.max(1, Math.floor((100 * weightOf(rdata)) / sums.get(priorityOf(rdata))!))
    const answer = Buffer.from(rdata)
    answer.writeUInt16BE(weight, SRV_WEIGHT)
    return answer
  })
}

/** RFC 2782. */
const SRV_PRIORITY = 0
const SRV_WEIGHT = 2

function priorityOf(srv: Uint8Array): number {
  return (srv[SRV_PRIORITY]! << 8) | srv[SRV_PRIORITY + 1]!
}

function weightOf(srv: Uint8Array): number {
  return (srv[SRV_WEIGHT]! << 8) | srv[SRV_WEIGHT + 1]!
}

function levelOf(leaf: Leaf): number {
  return leaf.rdata[0]!
}

function groupOf(leaf: Leaf): string {
  const { rdata } = leaf
  return Buffer.from(rdata.buffer, rdata.byteOffset + GROUP, rdata[GROUP_LENGTH]!).toString('latin1')
}

function rdataOf({ rdata }: Leaf): Uint8Array {
  return rdata.subarray(GROUP + rdata[GROUP_LENGTH]!)
}
