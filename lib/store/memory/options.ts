import { describe, refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'

/** What `memoryStore` takes. */
export interface MemoryStoreOptions {
  /** Path of a JSON file: an array of RRsets. `reload()` reads it again. Default: none. */
  recordsFile?: string
  /** RRsets to start with, beside the file's. They count as put by the program: a reload leaves them alone. Default: none. */
  rrsets?: RRset[]
}

export interface ParsedMemoryStoreOptions {
  readonly recordsFile: string | undefined
  readonly rrsets: readonly RRset[]
}

const KEYS = ['recordsFile', 'rrsets'] as const satisfies readonly (keyof MemoryStoreOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. The RRsets themselves are checked when the store opens. */
export function parseMemoryStoreOptions(given: MemoryStoreOptions = {}): ParsedMemoryStoreOptions {
  refuseUnknownKeys('memoryStore', given, KEYS)
  const { recordsFile, rrsets } = given
  if (recordsFile !== undefined && (typeof recordsFile !== 'string' || recordsFile === '')) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `memoryStore.recordsFile must be a path, got ${describe(recordsFile)}`,
    )
  }
  if (rrsets !== undefined && !Array.isArray(rrsets)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `memoryStore.rrsets must be an array of RRsets, got ${describe(rrsets)}`,
    )
  }
  return Object.freeze({ recordsFile, rrsets: Object.freeze([...(rrsets ?? [])]) })
}
