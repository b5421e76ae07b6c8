import { isDeepStrictEqual } from 'node:util'
import type { Logger as Pino } from 'pino'
import type { RunningApi } from '../api/start-api.js'
import { CONFIG_OPTION_NAMES, type Config, type StoreConfig } from '../config/config.js'
import type { ContainerDns } from '../container-dns.js'
import { ContainerDnsError } from '../errors.js'
import type { ReloadableOptions } from '../reloaded-options.js'
import type { MemoryStore } from '../store/memory/memory-store.js'
import { filesIn } from './config-store.js'

/** A server that runs by a config. */
export interface Serving {
  readonly dns: ContainerDns
  readonly files: MemoryStore | undefined
  readonly api: RunningApi | undefined
  /** By which it runs now. */
  config: Config
  /** Reads the config again. */
  readonly read: () => Promise<Config>
}

/** Reads the config and the files of records again: all or nothing. Says in the log what came of it; never rejects. */
export async function reloadFromConfig(serving: Serving, logger: Pino): Promise<void> {
  try {
    const next = await serving.read()
    refuseRestart(serving.config, next)
    const { dns, files } = serving
    const paths = filesIn(next.store)
    const load = files === undefined ? undefined : () => files.reload(filesOf(next.store))
    await dns.reload(changesOf(next), load === undefined ? {} : { load })
    for (const each of next.ignored) logger.warn({}, each)
    logger.level = next.log.level
    serving.config = next
    logger.info({ files: paths, names: dns.stats().index.names }, 'read the config and the records again')
  } catch (error) {
    const { message, code } = error as ContainerDnsError
    logger.error({ err: error, code }, `the config and the records stay as they were: ${message}`)
  }
}

/** Every option, so that one that is gone from the file goes back to its default. */
function changesOf({ options }: Config): ReloadableOptions {
  return Object.fromEntries(CONFIG_OPTION_NAMES.map((name) => [name, options[name]])) as ReloadableOptions
}

function filesOf(config: StoreConfig) {
  const { rrsets: _, ...files } = 'memory' in config ? config.memory : {}
  return files
}

/** What the server itself does not know of. Throws CDNS_RESTART_NEEDED. */
function refuseRestart(before: Config, after: Config): void {
  const fixed = ({ store, api }: Config) => ({
    store: 'etcd' in store ? store : { memory: store.memory.rrsets },
    api,
  })
  for (const key of ['store', 'api'] as const) {
    if (isDeepStrictEqual(fixed(before)[key], fixed(after)[key])) continue
    throw new ContainerDnsError('CDNS_RESTART_NEEDED', `${key} is another, which takes a restart; nothing was changed`)
  }
}
