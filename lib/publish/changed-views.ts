import type { WireRRset } from '../records/wire-rrset.js'

/** Where there are no others. */
export const DEFAULT_VIEW_ALONE: readonly number[] = [0]

/** The numbers of the views in which an owner's RRsets are others than before. */
export function changedViews(before: readonly WireRRset[], after: readonly WireRRset[]): readonly number[] {
  const views = new Set([...before, ...after].map(viewOf))
  return [...views].filter((view) => !areSame(ofView(before, view), ofView(after, view)))
}

function areSame(before: readonly WireRRset[], after: readonly WireRRset[]): boolean {
  return before.length === after.length && before.every((rrset, i) => isSame(rrset, after[i]!))
}

function isSame(one: WireRRset, other: WireRRset): boolean {
  return (
    one.type === other.type &&
    one.ttl === other.ttl &&
    one.count === other.count &&
    Buffer.compare(wireOf(one), wireOf(other)) === 0 &&
    Buffer.compare(sideOf(one), sideOf(other)) === 0
  )
}

function wireOf({ bytes, start, length }: WireRRset): Uint8Array {
  return bytes.subarray(start, start + length)
}

function sideOf({ side, sideStart, sideLength }: WireRRset): Uint8Array {
  return side.subarray(sideStart, sideStart + sideLength)
}

function ofView(rrsets: readonly WireRRset[], view: number): readonly WireRRset[] {
  return rrsets.filter((rrset) => viewOf(rrset) === view)
}

function viewOf({ view = 0 }: WireRRset): number {
  return view
}
