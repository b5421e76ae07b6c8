import type { RRset } from '../../records/rrset.js'
import { MAX_LABEL_LENGTH } from '../../wire/constants.js'
import type { RecordType } from '../../wire/rdata/record-type.js'
import { isKeyText } from './key-labels.js'
import type { Decoded, LeafPlace, OwnerRange, WritableLayout } from './key-layout.js'

/**
 * A layout in which the first new MX or TXT record of a zone goes where the origin's API puts it: below the label that whoever
 * wrote it has chosen. Where that cannot be a key, or is taken, it goes where others go.
 */
export class LabelledLayout implements WritableLayout {
  readonly view: string
  readonly #layout: WritableLayout
  readonly #label: string | undefined

  constructor(layout: WritableLayout, label: string) {
    this.#layout = layout
    this.view = layout.view
    this.#label = label.length <= MAX_LABEL_LENGTH && isKeyText(label) && !label.includes('/') ? label : undefined
  }

  inView(view: string): WritableLayout {
    return this.#layout.inView(view)
  }

  decode(key: Buffer, value: Buffer): Decoded {
    return this.#layout.decode(key, value)
  }

  ownerRanges(owner: Uint8Array): readonly OwnerRange[] {
    return this.#layout.ownerRanges(owner)
  }

  ownerKeys(owner: Uint8Array): readonly Buffer[] {
    return this.#layout.ownerKeys(owner)
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
    return this.#layout.rrsetPath(type)
  }

  /** Addresses and services are told by what they say, and stand in no folder. */
  leafPlace(owner: Uint8Array, rrset: RRset): LeafPlace | undefined {
    const place = this.#layout.leafPlace(owner, rrset)
    if (place === undefined || place.folder === '' || this.#label === undefined) return place
    return { ...place, label: this.#label }
  }
}
