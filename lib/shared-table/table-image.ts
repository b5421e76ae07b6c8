import type { ArenaBooks } from './arena.js'
import type { Segment } from './segments.js'

/**
 * A whole table that nobody writes to any more, on its way from the thread that has built it to the one that takes it over
 * (`TableWriter.adopt`) or reads it (`TableReader`). A plain object: it may be posted.
 */
export interface TableImage {
  readonly control: SharedArrayBuffer
  readonly segments: readonly Segment[]
  readonly arena: ArenaBooks
  readonly bucketCount: number
  readonly entryCount: number
}
