import { readTokens } from '../api/tokens.js'
import type { ContainerDnsError } from '../errors.js'
import { silentLogger } from '../log.js'
import { type ParsedOptions, parseOptions } from '../options.js'
import { openRecords } from '../publish/open-records.js'
import { memoryStore } from '../store/memory/memory-store.js'
import type { MemoryStoreOptions } from '../store/memory/options.js'
import { readCertificate } from '../transport/tls-certificate.js'
import type { Config } from './config.js'
import type { ConfigSource } from './config-fault.js'

/**
 * Reads what a config names as a server would: files of records with the zones and views that they are for, certificates with their keys, and
 * tokens. Nothing is listened on, and nobody is asked. Throws CDNS_CONFIG_INVALID with the place in the config, and in the file.
 */
export async function checkFiles(
  { options, store, api }: Omit<Config, 'ignored'>,
  source: ConfigSource,
): Promise<void> {
  const parsed = parseOptions(options)
  if ('memory' in store) await checkRecords(store.memory, parsed, source)
  for (const [i, { tls }] of parsed.listen.entries()) {
    const place = Array.isArray(options.listen) ? ['listen', i] : ['listen']
    if (tls !== undefined) await source.checkedFile(() => readCertificate(tls), place, true)
  }
  const { listen: { tls } = {}, tokens } = api ?? {}
  if (tls !== undefined) await source.checkedFile(() => readCertificate(tls), ['api', 'listen'], true)
  if (tokens !== undefined && 'file' in tokens) {
    await source.checkedFile(() => readTokens(tokens.file), ['api', 'tokens', 'file'])
  }
}

const KEYS: Readonly<Record<string, string>> = {
  CDNS_RECORDS_FILE_INVALID: 'recordsFile',
  CDNS_ZONE_FILE_INVALID: 'zoneFile',
  CDNS_HOSTS_FILE_INVALID: 'hostsFile',
}

async function checkRecords(
  memory: MemoryStoreOptions,
  { zones, views, defaultTtl }: ParsedOptions,
  source: ConfigSource,
) {
  const options = {
    ...{ store: memoryStore(memory), zones, views: views.names, viewClients: new Map(), defaultTtl },
    // Only etcd has so much to load that a thread does it.
    ...{ loaderFile: '', logger: silentLogger },
  }
  try {
    const opened = await openRecords(options)
    await opened.close()
  } catch (error) {
    const { code, message } = error as ContainerDnsError
    const key = KEYS[code]
    throw source.fault(['store', 'memory', ...(key === undefined ? [] : [key])], message, error as Error)
  }
}
