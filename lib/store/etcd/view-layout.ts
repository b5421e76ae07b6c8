import type { RecordType } from '../../wire/rdata/record-type.js'
import type { Decoded, OwnerRange, WritableLayout } from './key-layout.js'
import { rrsetPath } from './leaf-path.js'

/** What a layout with views lets one write in a view that is not the default one: whole RRsets, each in a key. */
export interface ViewedLayout extends WritableLayout {
  ownerRangesIn(owner: Uint8Array, view: string): readonly OwnerRange[]
}

/** One view of a layout. */
export class ViewLayout implements WritableLayout {
  readonly view: string
  readonly #layout: ViewedLayout

  constructor(layout: ViewedLayout, view: string) {
    this.#layout = layout
    this.view = view
  }

  inView(view: string): WritableLayout {
    return this.#layout.inView(view)
  }

  decode(key: Buffer, value: Buffer): Decoded {
    return this.#layout.decode(key, value)
  }

  ownerRanges(owner: Uint8Array): readonly OwnerRange[] {
    return this.#layout.ownerRangesIn(owner, this.view)
  }

  ownerKeys(): readonly Buffer[] {
    return []
  }

  keyOf(owner: Uint8Array, path: string): Buffer {
    return this.#layout.keyOf(owner, path)
  }

  editKey(owner: Uint8Array): Buffer {
    return this.#layout.editKey(owner)
  }

  healthKey(address: string): Buffer {
    return this.#layout.healthKey(address)
  }

  rrsetPath(type: RecordType): string {
    return rrsetPath(type, this.view)
  }

  /** The origin knows no views. */
  leafPlace(): undefined {
    return undefined
  }
}
