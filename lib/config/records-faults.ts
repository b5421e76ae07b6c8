import { ContainerDnsError } from '../errors.js'
import { silentLogger } from '../log.js'
import type { ParsedOptions } from '../options.js'
import { openRecords } from '../publish/open-records.js'
import { checkRRset, type RRset } from '../records/rrset.js'
import { RRsetEncoder } from '../records/wire-rrset.js'
import { memoryStore } from '../store/memory/memory-store.js'
import type { MemoryStoreOptions } from '../store/memory/options.js'
import type { ConfigPath } from '../yaml-document.js'

/** A fault of the records in a config, and where it is below `store.memory`. */
export interface RecordsFault {
  readonly path: ConfigPath
  readonly error: Error
}

/** More than anybody mends at once; each of them takes a look at all RRsets. */
const MAX_FAULTS = 100

/** What a store in memory would find wrong: each of the RRsets, then the first fault of the files. */
export async function memoryFaults(memory: MemoryStoreOptions, parsed: ParsedOptions): Promise<RecordsFault[]> {
  const { rrsets = [], ...files } = memory
  const faults: RecordsFault[] = []
  const left = [...rrsets.entries()]
  const rightOnes = () => left.map(([, rrset]) => rrset)
  while (left.length > 0 && faults.length < MAX_FAULTS) {
    const error = await faultOf({ rrsets: rightOnes() }, parsed)
    if (error === undefined) break
    const said = /^memoryStore\.rrsets\[(\d+)\]: /.exec(error.message)
    if (said === null) {
      // It is about some of them together.
      faults.push({ path: ['rrsets'], error })
      left.length = 0
      break
    }
    const [[index, rrset]] = left.splice(Number(said[1]), 1) as [[number, RRset]]
    faults.push({ path: ['rrsets', index, ...partAtFault(rrset)], error: withMessage(error, said[0].length) })
  }
  const error = await faultOf({ ...files, rrsets: rightOnes() }, parsed)
  return error === undefined ? faults : [...faults, { path: pathOfFile(error), error }]
}

async function faultOf(
  memory: MemoryStoreOptions,
  { zones, views, defaultTtl }: ParsedOptions,
): Promise<Error | undefined> {
  try {
    const opened = await openRecords({
      ...{ store: memoryStore(memory), zones, views: views.names, viewClients: new Map(), defaultTtl },
      // Only etcd has so much to load that a thread does it.
      ...{ loaderFile: '', logger: silentLogger },
    })
    await opened.close()
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** The item of its data that is no right one of its type. */
function partAtFault(rrset: RRset): ConfigPath {
  try {
    checkRRset(rrset)
  } catch {
    return []
  }
  const item = rrset.data.findIndex((each) => !isDataOf(rrset, each))
  return item < 0 ? [] : ['data', item]
}

function isDataOf({ type }: RRset, item: RRset['data'][number]): boolean {
  try {
    new RRsetEncoder().encode(type, 0, [item])
    return true
  } catch {
    return false
  }
}

const KEYS: Readonly<Record<string, string>> = {
  CDNS_RECORDS_FILE_INVALID: 'recordsFile',
  CDNS_ZONE_FILE_INVALID: 'zoneFile',
  CDNS_HOSTS_FILE_INVALID: 'hostsFile',
}

function pathOfFile(error: Error): ConfigPath {
  const key = KEYS[(error as ContainerDnsError).code]
  return key === undefined ? [] : [key]
}

/** Where it is, a path says. */
function withMessage(cause: Error, from: number): Error {
  return new ContainerDnsError((cause as ContainerDnsError).code, cause.message.slice(from), { cause })
}
