import type { StartApiOptions } from '../api/start-api.js'
import { type Bounds, numberWithin } from '../bounds.js'
import type { KubernetesStoreOptions } from '../kubernetes/options.js'
import { type ContainerDnsOptions, OPTION_NAMES } from '../options.js'
import type { EtcdStoreOptions } from '../store/etcd/options.js'
import type { MemoryStoreOptions } from '../store/memory/options.js'
import type { LogConfig } from './log-config.js'

/** Where the records live. */
export type StoreConfig =
  | { readonly memory: MemoryStoreOptions }
  | { readonly etcd: EtcdStoreOptions }
  | { readonly kubernetes: KubernetesStoreOptions }

/** The API beside the server, without what is a program's: see `StartApiOptions`. */
export type ApiConfig = Omit<
  StartApiOptions,
  'server' | 'store' | 'zones' | 'views' | 'defaultTtl' | 'onAudit' | 'metrics' | 'reload' | 'logger' | 'workerFiles'
>

/** A config that has been checked. */
export interface Config {
  /** For `createContainerDns`, but for `store` and `logger`. */
  readonly options: ContainerDnsOptions
  readonly store: StoreConfig
  readonly api: ApiConfig | undefined
  readonly log: LogConfig
  /** How long to go on answering after SIGTERM. */
  readonly drainMs: number
  /** What was passed over, each with the reason. Whoever reads a config logs it. */
  readonly ignored: readonly string[]
}

/** What a config file holds. */
export interface ConfigFileContent extends Omit<ContainerDnsOptions, 'store' | 'logger' | 'signal' | 'workerFiles'> {
  store?: { memory?: MemoryStoreOptions; etcd?: EtcdStoreOptions; kubernetes?: KubernetesStoreOptions }
  api?: ApiConfig
  log?: Partial<LogConfig>
  drainMs?: number
}

export const DRAIN_MS: Bounds = { default: 0, min: 0, max: 3_600_000, unit: 'milliseconds' }

/** What only a program can say. */
const OBJECTS: readonly string[] = ['store', 'logger', 'signal', 'workerFiles']
export const CONFIG_OPTION_NAMES: readonly (keyof ContainerDnsOptions)[] = OPTION_NAMES.filter(
  (name) => !OBJECTS.includes(name),
)
export const CONFIG_KEYS: readonly string[] = [...CONFIG_OPTION_NAMES, 'store', 'api', 'log', 'drainMs']
export const API_CONFIG_KEYS = [
  'listen',
  'tokens',
  'queryToken',
  'requestsPerSecond',
  'bodyLimitBytes',
  'bulkLimit',
  'auditFile',
  'ui',
]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseDrain(given: unknown): number {
  return numberWithin('drainMs', given, DRAIN_MS)
}
