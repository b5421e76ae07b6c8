import { isDeepStrictEqual } from 'node:util'
import type { Logger as Pino } from 'pino'
import type { ReloadReport } from '../api/v1-reload.js'
import { CONFIG_OPTION_NAMES, type Config, type StoreConfig } from '../config/config.js'
import { isSection } from '../config/config-fault.js'
import type { ContainerDns } from '../container-dns.js'
import type { ContainerDnsError } from '../errors.js'
import { type ReloadableOptions, restartNeeded, restartOptions } from '../reloaded-options.js'
import type { MemoryStore } from '../store/memory/memory-store.js'
import { TaskQueue } from '../store/task-queue.js'
import { filesIn } from './config-store.js'

/** A server, and where its config comes from. */
export interface ServedConfigOptions {
  readonly dns: ContainerDns
  readonly files: MemoryStore | undefined
  /** By which it was started. */
  readonly config: Config
  /** Reads the config again. */
  readonly read: () => Promise<Config>
  readonly logger: Pino
}

/** The config that a server runs by. It is read again by SIGHUP and by the API: one after the other, in the order they came. */
export class ServedConfig {
  readonly #options: ServedConfigOptions
  readonly #reloads = new TaskQueue()
  #config: Config

  constructor(options: ServedConfigOptions) {
    this.#options = options
    this.#config = options.config
  }

  get config(): Config {
    return this.#config
  }

  /** Reads the config and the files of records again: all or nothing. Says in the log what came of it, and rejects with what was wrong. */
  reload(): Promise<ReloadReport> {
    const { logger, dns } = this.#options
    return this.#reloads.run(async () => {
      try {
        const report = await this.#reload()
        logger.info({ ...report, names: dns.stats().index.names }, 'read the config and the records again')
        return report
      } catch (error) {
        const { message, code } = error as ContainerDnsError
        logger.error({ err: error, code }, `the config and the records stay as they were: ${message}`)
        throw error
      }
    })
  }

  async #reload(): Promise<ReloadReport> {
    const { dns, logger, read } = this.#options
    const before = this.#config
    const next = await read()
    const load = this.#loadFor(before, next)
    await dns.reload(changesOf(next), load === undefined ? {} : { load }).catch((error: unknown) => {
      // The server has not come to what is ours to refuse.
      const others = restartOptions(error)
      throw others.length === 0 ? error : restartNeeded([...new Set([...others, ...fixedIn(before, next)])])
    })
    for (const each of next.ignored) logger.warn({}, each)
    logger.level = next.log.level
    this.#config = next
    return { changed: changedIn(before, next), files: filesIn(next.store) }
  }

  /** Runs when the server has found no fault with the options, and nothing has changed yet. */
  #loadFor(before: Config, next: Config): (() => Promise<void>) | undefined {
    const fixed = fixedIn(before, next)
    const { files } = this.#options
    if (fixed.length > 0) return async () => Promise.reject(restartNeeded(fixed))
    return files === undefined ? undefined : () => files.reload(filesOf(next.store))
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

/** What takes a restart and is none of the server's options. */
function fixedIn(before: Config, after: Config): string[] {
  const fixed = ({ store, api, log: { format, file } }: Config): Record<string, unknown> => ({
    store: 'memory' in store ? { memory: store.memory.rrsets } : store,
    api,
    'log.format': format,
    'log.file': file,
  })
  return differences(fixed(before), fixed(after))
}

/** Where two sections differ: `store.etcd.hosts`. A section that one of them does not have is named as a whole. */
function differences(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key) => {
    const [now, then] = [before[key], after[key]]
    if (isDeepStrictEqual(now, then)) return []
    if (!isSection(now) || !isSection(then)) return [key]
    // Where they have nothing in common it is another thing, no part of one.
    if (!Object.keys(now).some((each) => Object.hasOwn(then, each))) return [key]
    return differences(now as Record<string, unknown>, then as Record<string, unknown>).map((each) => `${key}.${each}`)
  })
}

/** Keys of the config that say something else. */
function changedIn(before: Config, after: Config): string[] {
  const keys = ({ options, store, api, log, drainMs }: Config): Record<string, unknown> => ({
    ...Object.fromEntries(CONFIG_OPTION_NAMES.map((name) => [name, options[name]])),
    ...{ store, api, log, drainMs },
  })
  const [now, then] = [keys(before), keys(after)]
  return Object.keys(now).filter((key) => !isDeepStrictEqual(now[key], then[key]))
}
