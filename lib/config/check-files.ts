import { readTokens } from '../api/tokens.js'
import type { ContainerDnsError, DetailedError } from '../errors.js'
import { silentLogger } from '../log.js'
import { type ParsedOptions, parseOptions } from '../options.js'
import { openRecords } from '../publish/open-records.js'
import { memoryStore } from '../store/memory/memory-store.js'
import type { MemoryStoreOptions } from '../store/memory/options.js'
import { readCertificate } from '../transport/tls-certificate.js'
import type { ConfigPath } from '../yaml-document.js'
import type { Config } from './config.js'
import type { ConfigDraft } from './config-draft.js'
import type { ConfigSource } from './config-fault.js'
import { pathIn } from './fault-path.js'

/**
 * Reads what a config names as a server would: files of records with the zones and views that they are for, certificates with their keys, and
 * tokens. Nothing is listened on, and nobody is asked. Resolves with the faults, each with the place in the config, and in the file. What
 * the config itself has a fault in is left alone.
 */
export async function checkFiles(
  { options, store, api }: Omit<Config, 'ignored'>,
  draft: ConfigDraft,
  source: ConfigSource,
): Promise<readonly DetailedError[]> {
  const parsed = parseOptions(options)
  const faults: DetailedError[] = []
  const check = async (path: ConfigPath, read: () => Promise<unknown>, pathOf: PathOfFault = pathOfFile) => {
    const place = draft.placeOf(path)
    if (draft.isChanged(place)) return
    await read().catch((error: Error) => faults.push(source.fault(pathOf(place, error), error.message, error)))
  }
  if ('memory' in store && !RECORDS_DEPEND_ON.some((key) => draft.isChanged([key]))) {
    await check(['store', 'memory'], () => readRecords(store.memory, parsed), pathOfRecords)
  }
  for (const [i, { tls }] of parsed.listen.entries()) {
    const path = Array.isArray(options.listen) ? ['listen', i] : ['listen']
    if (tls !== undefined) await check(path, () => readCertificate(tls), pathOfCertificate)
  }
  const { listen: { tls } = {}, tokens } = api ?? {}
  if (tls !== undefined) await check(['api', 'listen'], () => readCertificate(tls), pathOfCertificate)
  if (tokens !== undefined && 'file' in tokens) await check(['api', 'tokens', 'file'], () => readTokens(tokens.file))
  return faults
}

/** With other zones or views than the config's, records would be wrong that are right. */
const RECORDS_DEPEND_ON = ['zones', 'views', 'defaultTtl'] as const

/** Where the fault of a file is shown, of what names the file. */
type PathOfFault = (place: ConfigPath, error: Error) => ConfigPath

const pathOfFile: PathOfFault = (place) => place
/** The message says which of the two files it is. */
const pathOfCertificate: PathOfFault = (place, { message }) => pathIn(message, place)

const KEYS: Readonly<Record<string, string>> = {
  CDNS_RECORDS_FILE_INVALID: 'recordsFile',
  CDNS_ZONE_FILE_INVALID: 'zoneFile',
  CDNS_HOSTS_FILE_INVALID: 'hostsFile',
}

const pathOfRecords: PathOfFault = (place, error) => {
  const key = KEYS[(error as ContainerDnsError).code]
  return key === undefined ? place : [...place, key]
}

async function readRecords(memory: MemoryStoreOptions, { zones, views, defaultTtl }: ParsedOptions): Promise<void> {
  const opened = await openRecords({
    ...{ store: memoryStore(memory), zones, views: views.names, viewClients: new Map(), defaultTtl },
    // Only etcd has so much to load that a thread does it.
    ...{ loaderFile: '', logger: silentLogger },
  })
  await opened.close()
}
