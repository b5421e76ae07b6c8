import type { Bounds } from '../bounds.js'

/** How much of what upstreams have said is kept. */
export interface ParsedAnswerCacheOptions {
  readonly maxBytes: number
  readonly maxEntries: number
}

const MIB = 1 << 20

/** From a megabyte, which is a dozen pages, to what one ArrayBuffer can be addressed by in small integers. */
export const CACHE_MAX_BYTES: Bounds = { default: 64 * MIB, min: MIB, max: 1024 * MIB, unit: 'bytes' }
export const CACHE_MAX_ENTRIES: Bounds = { default: 100_000, min: 16, max: 1_000_000, unit: 'answers' }
