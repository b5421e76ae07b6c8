/** Room for one query; `host-999999.bench.example` takes 43 bytes. */
export const QUERY_STRIDE = 64

/** Ready-made queries, one after the other. */
export interface QuerySource {
  /** `QUERY_STRIDE` bytes for each query. */
  readonly words: Uint32Array
  readonly lengths: Uint8Array
  /** The number of the next one. Its bytes stay as they are until 64 more have been taken. */
  next(): number
}
