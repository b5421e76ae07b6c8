import { describe, refuseUnknownKeys } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import type { RRset } from '../../records/rrset.js'
import { isViewName } from '../../records/view.js'
import { nameFromText } from '../../wire/name.js'

/** A zone file and the name that its relative names are below until `$ORIGIN` says another. */
export interface ZoneFileOptions {
  path: string
  /** Default: none, so that a relative name before the first `$ORIGIN` is an error. */
  origin?: string
  /** The view that all of its records are for; default: the default view. */
  view?: string
}

/** What `memoryStore` takes. `reload()` reads all files again. */
export interface MemoryStoreOptions {
  /** Path of a JSON file: an array of RRsets. Default: none. */
  recordsFile?: string
  /** Zone files (RFC 1035 §5), by path or with an origin. Default: none. */
  zoneFile?: string | ZoneFileOptions | (string | ZoneFileOptions)[]
  /** Paths of files such as /etc/hosts. Default: none. */
  hostsFile?: string | string[]
  /** RRsets to start with, beside the files'. They count as put by the program: a reload leaves them alone. Default: none. */
  rrsets?: RRset[]
}

/** The files of a store, which a reload may exchange. */
export type MemoryStoreFiles = Omit<MemoryStoreOptions, 'rrsets'>

export interface ParsedZoneFile {
  readonly path: string
  readonly origin: string | undefined
  readonly view: string | undefined
}

export interface ParsedMemoryStoreOptions {
  readonly recordsFile: string | undefined
  readonly zoneFiles: readonly ParsedZoneFile[]
  readonly hostsFiles: readonly string[]
  readonly rrsets: readonly RRset[]
}

const KEYS = ['recordsFile', 'zoneFile', 'hostsFile', 'rrsets'] as const satisfies readonly (keyof MemoryStoreOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. The RRsets themselves are checked when the store opens. */
export function parseMemoryStoreOptions(given: MemoryStoreOptions = {}): ParsedMemoryStoreOptions {
  refuseUnknownKeys('memoryStore', given, KEYS)
  const { recordsFile, zoneFile, hostsFile, rrsets } = given
  if (rrsets !== undefined && !Array.isArray(rrsets)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `memoryStore.rrsets must be an array of RRsets, got ${describe(rrsets)}`,
    )
  }
  return Object.freeze({
    recordsFile: recordsFile === undefined ? undefined : parsePath('memoryStore.recordsFile', recordsFile),
    zoneFiles: Object.freeze(listOf(zoneFile).map(parseZoneFile)),
    hostsFiles: Object.freeze(listOf(hostsFile).map((path) => parsePath('memoryStore.hostsFile', path))),
    rrsets: Object.freeze([...(rrsets ?? [])]),
  })
}

function parseZoneFile(given: string | ZoneFileOptions): ParsedZoneFile {
  if (typeof given !== 'object')
    return { path: parsePath('memoryStore.zoneFile', given), origin: undefined, view: undefined }
  refuseUnknownKeys('memoryStore.zoneFile', given, ['path', 'origin', 'view'])
  const { origin, view } = given
  if (view !== undefined && !isViewName(view)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `memoryStore.zoneFile.view must be the name of a view, got ${describe(view)}`,
    )
  }
  try {
    if (origin !== undefined) nameFromText(origin)
  } catch (cause) {
    const reason = (cause as Error).message
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `memoryStore.zoneFile.origin: ${reason}`, { cause })
  }
  return { path: parsePath('memoryStore.zoneFile.path', given.path), origin, view }
}

function parsePath(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '') return given
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be a path, got ${describe(given)}`)
}

function listOf<T>(given: T | T[] | undefined): T[] {
  if (given === undefined) return []
  // Array.from, because map passes over the holes of a sparse array.
  return Array.isArray(given) ? Array.from(given) : [given]
}
