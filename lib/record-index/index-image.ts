import type { TableImage } from '../shared-table/table-image.js'
import { ALL_VIEWS, RecordIndexReader } from './record-index-reader.js'

/**
 * A whole record index that a thread has built for the server's to take over, or to be compared with. A plain object: it is posted.
 *
 * It must have been made with the seed of the index that it is for.
 */
export interface IndexImage {
  readonly control: SharedArrayBuffer
  readonly table: TableImage
  /** Owners with RRsets. */
  readonly names: number
  /** Whether there are RRsets in it that a server has made up: those of a snapshot, which holds what was answered with. */
  readonly hasSynthesized: boolean
  /** How many names there are of each label count with an NS RRset, and wildcards: see `Depths`. */
  readonly nsDepths: Uint32Array
  readonly wildcardDepths: Uint32Array
  /** How many names have each mark: see `HashMarks`. */
  readonly nsMarks: Uint8Array
  readonly wildcardMarks: Uint8Array
}

/** For look-ups in an image, and for a walk through it. Nobody writes to it, so nothing needs to be entered. */
export function openImage(image: IndexImage): RecordIndexReader {
  const { control, segments } = image.table
  const reader = RecordIndexReader.open({ control: image.control, table: control, segments, slot: 0 }, () => undefined)
  reader.view = ALL_VIEWS
  return reader
}
