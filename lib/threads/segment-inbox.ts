import type { Segment } from '../shared-table/segments.js'

/** The tables in shared memory that threads read, each with segments of its own. */
export const SEGMENTED_TABLES = ['records', 'health'] as const
export type SegmentedTable = (typeof SEGMENTED_TABLES)[number]

/** A segment on its way to a thread, and whose it is. */
export interface PostedSegment {
  readonly table: SegmentedTable
  readonly segment: Segment
}

/**
 * Hands each table of a thread its own segments, out of the one port that all of them come by.
 *
 * A table asks when it meets an unknown segment number; what it finds in front of its own waits here for the others.
 */
export class SegmentInbox {
  readonly #receive: () => PostedSegment | undefined
  readonly #waiting = new Map<SegmentedTable, Segment[]>(SEGMENTED_TABLES.map((table) => [table, []]))

  /** `receive` takes the next segment that was posted to this thread, or gives undefined. */
  constructor(receive: () => PostedSegment | undefined) {
    this.#receive = receive
  }

  /** The next segment of a table; undefined when none has been posted. */
  next(table: SegmentedTable): Segment | undefined {
    const waiting = this.#waiting.get(table)!.shift()
    if (waiting !== undefined) return waiting
    for (let posted = this.#receive(); posted !== undefined; posted = this.#receive()) {
      if (posted.table === table) return posted.segment
      this.#waiting.get(posted.table)!.push(posted.segment)
    }
    return undefined
  }

  /** Takes in all that has been posted so far; the segments among it wait for their tables. */
  receiveAll(): void {
    for (let posted = this.#receive(); posted !== undefined; posted = this.#receive()) {
      this.#waiting.get(posted.table)!.push(posted.segment)
    }
  }
}
