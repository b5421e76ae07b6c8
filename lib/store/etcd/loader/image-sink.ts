import type { IndexImage } from '../../../record-index/index-image.js'
import { RecordIndexWriter } from '../../../record-index/record-index-writer.js'
import type { WireRRset } from '../../../records/wire-rrset.js'
import type { BadRecord } from '../../record-store.js'
import type { LeafSink } from '../leaf-index.js'

/** Bad records that a load tells one by one. Of more, the number says enough. */
const MAX_TOLD = 1000

/** What a load writes to: an index of the loader thread's own, to be handed over whole. */
export class ImageSink implements LeafSink {
  readonly defaultTtl: number
  readonly views: readonly string[]
  readonly bad: BadRecord[] = []
  readonly #index: RecordIndexWriter

  constructor(seed: number, defaultTtl: number, views: readonly string[]) {
    this.views = views
    this.defaultTtl = defaultTtl
    this.#index = new RecordIndexWriter({ readers: 0, seed, serial: 0, onSegment: () => {} })
  }

  read(name: Uint8Array): readonly WireRRset[] {
    return this.#index.read(name)
  }

  write(name: Uint8Array, rrsets: readonly WireRRset[]): void {
    this.#index.write(name, rrsets)
  }

  reportBadRecord(bad: BadRecord): void {
    if (this.bad.length < MAX_TOLD) this.bad.push(bad)
  }

  image(): IndexImage {
    return this.#index.image()
  }
}
