import { ContainerDnsError } from '../errors.js'
import { SEGMENT_BYTES } from './layout.js'

export type SegmentKind = 'table' | 'arena'

/** One piece of a table's memory, as it is handed from the writer to a reader in another thread. */
export interface Segment {
  readonly kind: SegmentKind
  readonly number: number
  readonly buffer: SharedArrayBuffer
}

/**
 * The segments that one thread knows. Fixed pieces, because a growable SharedArrayBuffer reads several times slower.
 *
 * The writer posts a segment before it publishes an offset in it, so a reader that meets an unknown number finds it waiting:
 * `receive` takes the next one that has been posted, or gives undefined.
 */
export class SegmentSet {
  readonly tables: Int32Array[] = []
  readonly arenaWords: Int32Array[] = []
  readonly arenaBytes: Uint8Array[] = []
  readonly #receive: () => Segment | undefined

  constructor(segments: readonly Segment[], receive: () => Segment | undefined) {
    this.#receive = receive
    for (const segment of segments) this.add(segment)
  }

  add({ kind, number, buffer }: Segment): void {
    if (kind === 'table') {
      this.tables[number] = new Int32Array(buffer)
    } else {
      this.arenaWords[number] = new Int32Array(buffer)
      this.arenaBytes[number] = new Uint8Array(buffer)
    }
  }

  /** Everything known so far, for a thread that starts now. */
  list(): Segment[] {
    const of = (kind: SegmentKind, views: readonly Int32Array[]) =>
      views.map((view, number) => ({ kind, number, buffer: view.buffer as SharedArrayBuffer }))
    return [...of('table', this.tables), ...of('arena', this.arenaWords)]
  }

  get allocatedBytes(): number {
    return (this.tables.length + this.arenaWords.length) * SEGMENT_BYTES
  }

  fetchTable(number: number): Int32Array {
    this.#fetch(() => this.tables[number] !== undefined)
    return this.tables[number]!
  }

  fetchArena(number: number): void {
    this.#fetch(() => this.arenaWords[number] !== undefined)
  }

  #fetch(isThere: () => boolean): void {
    while (!isThere()) {
      const segment = this.#receive()
      if (segment === undefined) {
        throw new ContainerDnsError('CDNS_THREAD_FAILED', 'a segment of shared memory was published but not posted')
      }
      this.add(segment)
    }
  }
}
