import {
  CONTROL_BUCKET_COUNT,
  CONTROL_EPOCH,
  CONTROL_MAGIC,
  CONTROL_READER_COUNT,
  CONTROL_READERS,
  CONTROL_SEED,
  CONTROL_VERSION,
  READER_STRIDE,
  TABLE_MAGIC,
  TABLE_VERSION,
} from './layout.js'

/** The control block of a new table, with a slot for each of its readers. */
export function newControlBlock(seed: number, readers: number, bucketCount: number): Int32Array {
  const control = new Int32Array(new SharedArrayBuffer(4 * (CONTROL_READERS + readers * READER_STRIDE)))
  control[CONTROL_MAGIC] = TABLE_MAGIC
  control[CONTROL_VERSION] = TABLE_VERSION
  control[CONTROL_EPOCH] = 1
  control[CONTROL_BUCKET_COUNT] = bucketCount
  control[CONTROL_SEED] = seed
  control[CONTROL_READER_COUNT] = readers
  return control
}
