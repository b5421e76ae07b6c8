import type { TableImage } from '../shared-table/table-image.js'
import { RecordIndexReader } from './record-index-reader.js'

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
}

/** For look-ups in an image, and for a walk through it. Nobody writes to it, so nothing needs to be entered. */
export function openImage(image: IndexImage): RecordIndexReader {
  const { control, segments } = image.table
  return RecordIndexReader.open({ control: image.control, table: control, segments, slot: 0 }, () => undefined)
}
