import { ContainerDnsError } from '../errors.js'
import { ReaderSlot } from '../shared-table/epochs.js'
import { type Segment, SegmentSet } from '../shared-table/segments.js'
import { TableKey } from '../shared-table/table-key.js'
import { TableReader } from '../shared-table/table-reader.js'
import { CONTROL_MAGIC, CONTROL_UNHEALTHY, HEALTH_MAGIC, hashAddress, STATE_UNHEALTHY } from './layout.js'

/** What a thread needs to know the health of addresses. A plain object: it is posted to the thread. */
export interface HealthHandle {
  readonly control: SharedArrayBuffer
  readonly table: SharedArrayBuffer
  readonly segments: readonly Segment[]
  /** The reader slot of the thread. */
  readonly slot: number
}

/**
 * Which addresses are unhealthy, read without a lock or a copy. One for each thread.
 *
 * `enter` before the first look-up of a batch, `leave` after the last. While all is well a batch costs one atomic load, and
 * a look-up nothing.
 */
export class HealthReader {
  readonly #control: Int32Array
  readonly #table: TableReader
  readonly #slot: ReaderSlot
  readonly #key = new TableKey()
  #anyUnhealthy = false

  /** `receive` takes the next segment of the health table that was posted to this thread, or gives undefined. */
  constructor(handle: HealthHandle, receive: () => Segment | undefined) {
    this.#control = new Int32Array(handle.control)
    if (this.#control[CONTROL_MAGIC] !== HEALTH_MAGIC) {
      throw new ContainerDnsError(
        'CDNS_THREAD_FAILED',
        'the shared memory does not hold a health table of this version',
      )
    }
    const tableControl = new Int32Array(handle.table)
    this.#table = new TableReader(tableControl, new SegmentSet(handle.segments, receive))
    this.#slot = new ReaderSlot(tableControl, handle.slot)
  }

  /** Whether `isUnhealthy` can be true before `leave`. */
  get anyUnhealthy(): boolean {
    return this.#anyUnhealthy
  }

  enter(): void {
    // Asked once a batch and not for each address: who has not taken its slot must not look.
    this.#anyUnhealthy = Atomics.load(this.#control, CONTROL_UNHEALTHY) > 0
    if (this.#anyUnhealthy) this.#slot.enter()
  }

  leave(): void {
    if (this.#anyUnhealthy) this.#slot.leave()
    this.#anyUnhealthy = false
  }

  /** Whether the address that stands as four or sixteen bytes at `start` is unhealthy. */
  isUnhealthy(bytes: Uint8Array, start: number, length: number): boolean {
    if (!this.#anyUnhealthy) return false
    const table = this.#table
    this.#key.set(bytes, start, length)
    if (!table.find(hashAddress(table.seed, bytes, start, length), this.#key.words, length)) return false
    return Atomics.load(table.words, table.payloadWord) === STATE_UNHEALTHY
  }
}
