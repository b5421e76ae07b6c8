import type { WireRRset } from './wire-rrset.js'

// The side data of an RRset: what is known of its records beside what goes over the wire. Nothing at all, or
// | isWeighted u8 | weight u16, for each record if isWeighted | what the store remembers |
const SIDE_IS_WEIGHTED = 0
const SIDE_WEIGHTS = SIDE_IS_WEIGHTED + 1
const WEIGHT_SIZE = 2

/** What a store that packs its side data itself begins it with: records without weights. */
export const SIDE_WITHOUT_WEIGHTS = 0
const WITH_WEIGHTS = 1

/** The length of side data. */
export function sideSize(weights: readonly number[] | undefined, store: Uint8Array): number {
  if (weights === undefined && store.length === 0) return 0
  return SIDE_WEIGHTS + WEIGHT_SIZE * (weights?.length ?? 0) + store.length
}

/** Writes side data of which `sideSize` is not 0. */
export function writeSide(
  weights: readonly number[] | undefined,
  store: Uint8Array,
  target: Uint8Array,
  at: number,
): void {
  target[at + SIDE_IS_WEIGHTED] = weights === undefined ? SIDE_WITHOUT_WEIGHTS : WITH_WEIGHTS
  let position = at + SIDE_WEIGHTS
  for (const weight of weights ?? []) {
    target[position] = weight >>> 8
    target[position + 1] = weight
    position += WEIGHT_SIZE
  }
  target.set(store, position)
}

/** Whether the records have weights; without, each weighs 1. */
export function isWeighted({ side, sideStart, sideLength }: WireRRset): boolean {
  return sideLength > 0 && side[sideStart + SIDE_IS_WEIGHTED] === WITH_WEIGHTS
}

/** The weight of a record of an RRset that `isWeighted`. */
export function weightAt({ side, sideStart }: WireRRset, record: number): number {
  const at = sideStart + SIDE_WEIGHTS + WEIGHT_SIZE * record
  return (side[at]! << 8) | side[at + 1]!
}

/** Where in `side` the store's own bytes begin; they go on to the end of the side data. */
export function storeSideStart(rrset: WireRRset): number {
  if (rrset.sideLength === 0) return rrset.sideStart
  return rrset.sideStart + SIDE_WEIGHTS + (isWeighted(rrset) ? WEIGHT_SIZE * rrset.count : 0)
}
