import { type Bounds, numberWithin, refuseUnknownKeys } from '../bounds.js'

/** How much of what upstreams have said is kept. */
export interface AnswerCacheOptions {
  /**
   * All of the shared memory of the cache, in bytes; default 64 MiB. It is taken from the system as it is filled. An answer of more than 64 KiB
   * is not kept, nor is one of more than a page of a small cache: 8 KiB of one of 1 MiB, 32 KiB of one of 4 MiB.
   */
  readonly maxBytes?: number
  /** Answers; default 100 000. What the writer knows of each takes about 100 bytes more of its thread's heap. */
  readonly maxEntries?: number
}

export interface ParsedAnswerCacheOptions {
  readonly maxBytes: number
  readonly maxEntries: number
}

const MIB = 1 << 20

/** From a megabyte, which is a dozen pages, to what one ArrayBuffer can be addressed by in small integers. */
export const CACHE_MAX_BYTES: Bounds = { default: 64 * MIB, min: MIB, max: 1024 * MIB, unit: 'bytes' }
export const CACHE_MAX_ENTRIES: Bounds = { default: 100_000, min: 16, max: 1_000_000, unit: 'answers' }

const KEYS: readonly (keyof AnswerCacheOptions)[] = ['maxBytes', 'maxEntries']

/** Throws CDNS_OPTION_INVALID and CDNS_OPTION_UNKNOWN; `option` is what the user calls the whole. */
export function parseAnswerCacheOptions(
  given: AnswerCacheOptions = {},
  option = 'forward.cache',
): ParsedAnswerCacheOptions {
  refuseUnknownKeys(option, given, KEYS)
  return Object.freeze({
    maxBytes: numberWithin(`${option}.maxBytes`, given.maxBytes, CACHE_MAX_BYTES),
    maxEntries: numberWithin(`${option}.maxEntries`, given.maxEntries, CACHE_MAX_ENTRIES),
  })
}
