import type { RRset } from '../../records/rrset.js'
import { DEFAULT_VIEW } from '../../records/view.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import {
  type Decoded,
  IGNORED,
  type KeyLayout,
  type KeyRange,
  type LayoutRecord,
  type LeafPlace,
  type OwnerRange,
  type Spot,
  type WritableLayout,
} from './key-layout.js'
import { prefixOf, withoutPrefix, withPrefix } from './leaf-path.js'
import { type ViewedLayout, ViewLayout } from './view-layout.js'

/** Several prefixes of one layout, as one: records of a name add up, whichever prefix they stand under. New ones go under the first. */
export class PrefixesLayout implements KeyLayout, ViewedLayout {
  readonly view = DEFAULT_VIEW
  readonly ranges: readonly KeyRange[]
  readonly rangeStart: Buffer
  readonly rangeEnd: Buffer
  readonly #layouts: readonly KeyLayout[]

  constructor(layouts: readonly KeyLayout[]) {
    this.#layouts = layouts
    this.ranges = layouts.flatMap(({ ranges }) => ranges).sort((a, b) => Buffer.compare(a.start, b.start))
    this.rangeStart = this.ranges[0]!.start
    this.rangeEnd = this.ranges.at(-1)!.end
  }

  get writable(): WritableLayout | undefined {
    return this.#layouts[0]!.writable === undefined ? undefined : this
  }

  decode(key: Buffer, value: Buffer): Decoded {
    const prefix = this.#prefixOf(key)
    if (prefix === -1) return IGNORED
    const decoded = this.#layouts[prefix]!.decode(key, value)
    if (prefix === 0 || decoded.kind !== 'records') return decoded
    const records = decoded.records.map(
      (record): LayoutRecord => ({ ...record, path: withPrefix(record.path, prefix) }),
    )
    return { kind: 'records', records }
  }

  spots(key: Buffer): readonly Spot[] {
    const prefix = this.#prefixOf(key)
    if (prefix === -1) return []
    return this.#layouts[prefix]!.spots(key).map(({ owner, path }) => ({ owner, path: withPrefix(path, prefix) }))
  }

  healthAddress(key: Buffer): string | undefined {
    return this.#layouts[this.#prefixOf(key)]?.healthAddress(key)
  }

  ownerRanges(owner: Uint8Array): readonly OwnerRange[] {
    return this.#layouts.flatMap(({ writable }) => writable!.ownerRanges(owner))
  }

  ownerRangesIn(owner: Uint8Array, view: string): readonly OwnerRange[] {
    return this.#layouts.flatMap(({ writable }) => writable!.inView(view).ownerRanges(owner))
  }

  inView(view: string): WritableLayout {
    return view === DEFAULT_VIEW ? this : new ViewLayout(this, view)
  }

  ownerKeys(owner: Uint8Array): readonly Buffer[] {
    return this.#layouts.flatMap(({ writable }) => writable!.ownerKeys(owner))
  }

  keyOf(owner: Uint8Array, path: string): Buffer {
    return this.#layouts[prefixOf(path)]!.keyOf(owner, withoutPrefix(path))
  }

  editKey(owner: Uint8Array): Buffer {
    return this.#layouts[0]!.writable!.editKey(owner)
  }

  healthKey(address: string): Buffer {
    return this.#layouts[0]!.writable!.healthKey(address)
  }

  rrsetPath(type: RecordType): string {
    return this.#layouts[0]!.writable!.rrsetPath(type)
  }

  leafPlace(owner: Uint8Array, rrset: RRset): LeafPlace | undefined {
    return this.#layouts[0]!.writable!.leafPlace(owner, rrset)
  }

  #prefixOf(key: Buffer): number {
    return this.#layouts.findIndex(({ ranges }) =>
      ranges.some(({ start, end }) => Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0),
    )
  }
}
