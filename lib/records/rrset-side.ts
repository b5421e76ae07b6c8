import { RDLENGTH_SIZE } from '../wire/constants.js'
import { AFFINITIES, SELECTION_POLICIES, type SelectionOptions } from './selection-options.js'
import type { WireRRset } from './wire-rrset.js'

// The side data of an RRset: what is known of its records beside what goes over the wire. Nothing at all, or
//
//   | flags u8 | weight u16, for each record | policy u8 | affinity u8 | max answers u16 | length u16 | count u16 | records | length u8 | owner | what the store remembers |
//               \_ HAS_WEIGHTS ____________/ \_ HAS_SELECTION ___________________________/ \_ HAS_FALLBACK ____________/ \_ HAS_OWNER ____/
//
// What a selection leaves to its zone is 0; a policy is its place in SELECTION_POLICIES, counted from 1, an affinity likewise.
// The records of a fallback stand as those of the RRset do, each behind the length of its rdata.
export const HAS_WEIGHTS = 1
export const HAS_SELECTION = 2
export const HAS_FALLBACK = 4
export const HAS_OWNER = 8

const WEIGHTS = 1
const WEIGHT_SIZE = 2
const SELECTION_POLICY = 0
const SELECTION_AFFINITY = SELECTION_POLICY + 1
const SELECTION_MAX_ANSWERS = SELECTION_AFFINITY + 1
const SELECTION_SIZE = SELECTION_MAX_ANSWERS + 2
const FALLBACK_LENGTH = 0
const FALLBACK_COUNT = FALLBACK_LENGTH + 2
const FALLBACK_RECORDS = FALLBACK_COUNT + 2
const OWNER_TEXT = 1

/** Zero in a stored selection: its zone decides. */
export const UNSET = 0

/** What a store that packs its side data itself begins it with: records of which nothing is said. */
export const PLAIN_SIDE = Uint8Array.of(0)

/** What is said of an RRset beside its records, as it goes into its side data. */
export interface SideParts {
  readonly weights: readonly number[] | undefined
  readonly selection: SelectionOptions | undefined
  /** Records that stand in the place of others. */
  readonly fallback: { readonly bytes: Uint8Array; readonly count: number } | undefined
  /** Who may change it; UTF-8, up to 255 bytes. */
  readonly owner?: string | undefined
}

/** The length of side data. */
export function sideSize(parts: SideParts, store: Uint8Array): number {
  const said = saidSize(parts)
  return said === 1 && store.length === 0 ? 0 : said + store.length
}

/** Writes side data of which `sideSize` is not 0. */
export function writeSide(parts: SideParts, store: Uint8Array, target: Uint8Array, at: number): void {
  const { weights, selection, fallback, owner } = parts
  target[at] =
    (weights === undefined ? 0 : HAS_WEIGHTS) |
    (selection === undefined ? 0 : HAS_SELECTION) |
    (fallback === undefined ? 0 : HAS_FALLBACK) |
    (owner === undefined ? 0 : HAS_OWNER)
  let position = at + WEIGHTS
  for (const weight of weights ?? []) {
    writeU16(target, position, weight)
    position += WEIGHT_SIZE
  }
  if (selection !== undefined) {
    const { policy, affinity, maxAnswers = UNSET } = selection
    target[position + SELECTION_POLICY] = policy === undefined ? UNSET : SELECTION_POLICIES.indexOf(policy) + 1
    target[position + SELECTION_AFFINITY] = affinity === undefined ? UNSET : AFFINITIES.indexOf(affinity) + 1
    writeU16(target, position + SELECTION_MAX_ANSWERS, maxAnswers)
    position += SELECTION_SIZE
  }
  if (fallback !== undefined) {
    writeU16(target, position + FALLBACK_LENGTH, fallback.bytes.length)
    writeU16(target, position + FALLBACK_COUNT, fallback.count)
    target.set(fallback.bytes, position + FALLBACK_RECORDS)
    position += FALLBACK_RECORDS + fallback.bytes.length
  }
  if (owner !== undefined) {
    const bytes = Buffer.from(owner)
    target[position] = bytes.length
    target.set(bytes, position + OWNER_TEXT)
    position += OWNER_TEXT + bytes.length
  }
  target.set(store, position)
}

/** What a store that packs its side data itself begins it with: records of which nothing is said but whose they are. */
export function sideOfOwner(owner: string): Uint8Array {
  if (owner === '') return PLAIN_SIDE
  const parts: SideParts = { weights: undefined, selection: undefined, fallback: undefined, owner }
  const side = new Uint8Array(saidSize(parts))
  writeSide(parts, new Uint8Array(0), side, 0)
  return side
}

/** Whether anything is said of an RRset that bears on how it is answered. */
export function saysHowToAnswer({ side, sideStart, sideLength }: WireRRset): boolean {
  return sideLength > 0 && (side[sideStart]! & ~HAS_OWNER) !== 0
}

/** Whether the records have weights; without, each weighs 1. */
export function isWeighted({ side, sideStart, sideLength }: WireRRset): boolean {
  return sideLength > 0 && (side[sideStart]! & HAS_WEIGHTS) !== 0
}

/** The weight of a record of an RRset that `isWeighted`. */
export function weightAt({ side, sideStart }: WireRRset, record: number): number {
  return sideWeight(side, sideStart, record)
}

/** What an RRset says of how to choose among its records. */
export function selectionOf({ side, sideStart, sideLength, count }: WireRRset): SelectionOptions | undefined {
  if (sideLength === 0 || (side[sideStart]! & HAS_SELECTION) === 0) return undefined
  const view = new SideView()
  view.read(side, sideStart, count)
  const policy = SELECTION_POLICIES[view.policy - 1]
  const affinity = AFFINITIES[view.affinity - 1]
  return {
    ...(policy === undefined ? {} : { policy }),
    ...(view.maxAnswers === UNSET ? {} : { maxAnswers: view.maxAnswers }),
    ...(affinity === undefined ? {} : { affinity }),
  }
}

/** The records that stand in when all others are down, as an RRset of their own; undefined where there are none. */
export function fallbackOf(rrset: WireRRset): WireRRset | undefined {
  const { side, sideStart, sideLength, count } = rrset
  if (sideLength === 0 || (side[sideStart]! & HAS_FALLBACK) === 0) return undefined
  const view = new SideView()
  view.read(side, sideStart, count)
  let end = view.fallbackStart
  for (let i = 0; i < view.fallbackCount; i++) end += RDLENGTH_SIZE + readU16(side, end)
  return {
    ...{ type: rrset.type, ttl: rrset.ttl, count: view.fallbackCount, bytes: side },
    ...{ start: view.fallbackStart, length: end - view.fallbackStart, side, sideStart: 0, sideLength: 0 },
  }
}

/** Who may change an RRset; undefined: nobody in particular. */
export function ownerOf({ side, sideStart, sideLength, count }: WireRRset): string | undefined {
  if (sideLength === 0 || (side[sideStart]! & HAS_OWNER) === 0) return undefined
  const view = new SideView()
  view.read(side, sideStart, count)
  return Buffer.from(side.subarray(view.ownerStart, view.storeStart)).toString()
}

/** Where in `side` the store's own bytes begin; they go on to the end of the side data. */
export function storeSideStart(rrset: WireRRset): number {
  if (rrset.sideLength === 0) return rrset.sideStart
  const view = new SideView()
  view.read(rrset.side, rrset.sideStart, rrset.count)
  return view.storeStart
}

/** The weight of a record of which the side data at `sideStart` has one. */
export function sideWeight(side: Uint8Array, sideStart: number, record: number): number {
  return readU16(side, sideStart + WEIGHTS + WEIGHT_SIZE * record)
}

/** What stands where in the side data of an RRset, read without allocating. For query threads it is made once. */
export class SideView {
  flags = 0
  /** Each UNSET, or as it is stored. */
  policy: number = UNSET
  affinity: number = UNSET
  maxAnswers: number = UNSET
  fallbackStart = 0
  fallbackCount = 0
  ownerStart = 0
  storeStart = 0

  /** `count` is that of the RRset's records. */
  read(side: Uint8Array, start: number, count: number): void {
    const flags = side[start]!
    let position = start + WEIGHTS
    if ((flags & HAS_WEIGHTS) !== 0) position += WEIGHT_SIZE * count
    this.flags = flags
    this.policy = UNSET
    this.affinity = UNSET
    this.maxAnswers = UNSET
    this.fallbackCount = 0
    if ((flags & HAS_SELECTION) !== 0) {
      this.policy = side[position + SELECTION_POLICY]!
      this.affinity = side[position + SELECTION_AFFINITY]!
      this.maxAnswers = readU16(side, position + SELECTION_MAX_ANSWERS)
      position += SELECTION_SIZE
    }
    if ((flags & HAS_FALLBACK) !== 0) {
      this.fallbackStart = position + FALLBACK_RECORDS
      this.fallbackCount = readU16(side, position + FALLBACK_COUNT)
      position = this.fallbackStart + readU16(side, position + FALLBACK_LENGTH)
    }
    this.ownerStart = position
    if ((flags & HAS_OWNER) !== 0) {
      this.ownerStart = position + OWNER_TEXT
      position = this.ownerStart + side[position]!
    }
    this.storeStart = position
  }
}

function saidSize({ weights, selection, fallback, owner }: SideParts): number {
  return (
    WEIGHTS +
    WEIGHT_SIZE * (weights?.length ?? 0) +
    (selection === undefined ? 0 : SELECTION_SIZE) +
    (fallback === undefined ? 0 : FALLBACK_RECORDS + fallback.bytes.length) +
    (owner === undefined ? 0 : OWNER_TEXT + Buffer.byteLength(owner))
  )
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}
