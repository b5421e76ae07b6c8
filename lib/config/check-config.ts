import { API_OPTION_NAMES, parseApiOptions } from '../api/options.js'
import { parseApiListen } from '../api/start-api.js'
import { parseTokens } from '../api/tokens.js'
import { refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { CLUSTER_ZONE, parseKubernetesStoreOptions } from '../kubernetes/options.js'
import { type ContainerDnsOptions, parseOptions } from '../options.js'
import { type EtcdStoreOptions, parseEtcdStoreOptions } from '../store/etcd/options.js'
import { memoryStore } from '../store/memory/memory-store.js'
import { parseMemoryStoreOptions } from '../store/memory/options.js'
import {
  API_CONFIG_KEYS,
  type ApiConfig,
  CONFIG_KEYS,
  CONFIG_OPTION_NAMES,
  type Config,
  type ConfigFileContent,
  parseDrain,
  type StoreConfig,
} from './config.js'
import type { ConfigSource } from './config-fault.js'
import { parseLog } from './log-config.js'

const STORE_KINDS = ['memory', 'etcd', 'kubernetes'] as const

/** Checks all of a config by the functions that parse options. Throws CDNS_CONFIG_INVALID with the place of the fault. */
export function checkConfig(content: ConfigFileContent, source: ConfigSource): Omit<Config, 'ignored'> {
  source.checked(() => refuseUnknownKeys('the config', content, CONFIG_KEYS), [])
  const store = source.checked(() => parseStore(content.store), ['store'])
  const options = { ...zonesOf(store), ...optionsIn(content) }
  source.checkedOptions(options, (given) => void parseOptions(given))
  return {
    options,
    store,
    api: source.checked(() => parseApi(content.api), ['api']),
    log: source.checked(() => parseLog(content.log), ['log']),
    drainMs: source.checked(() => parseDrain(content.drainMs), ['drainMs']),
  }
}

function optionsIn(content: ConfigFileContent): ContainerDnsOptions {
  const given = content as Record<string, unknown>
  const names = CONFIG_OPTION_NAMES.filter((name) => given[name] !== undefined && given[name] !== null)
  return Object.fromEntries(names.map((name) => [name, given[name]]))
}

/** A cluster's own zones, as CoreDNS has them, where none are said. */
function zonesOf(store: StoreConfig): Pick<ContainerDnsOptions, 'zones'> {
  if (!('kubernetes' in store)) return {}
  return { zones: [store.kubernetes.zone ?? CLUSTER_ZONE, 'in-addr.arpa', 'ip6.arpa'] }
}

function parseStore(given: ConfigFileContent['store'] = {}): StoreConfig {
  refuseUnknownKeys('store', given, STORE_KINDS)
  const kinds = STORE_KINDS.filter((kind) => given[kind] !== undefined)
  const [kind = 'memory'] = kinds
  if (kinds.length > 1)
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `store has ${kinds.join(' and ')}; it is one of them`)
  switch (kind) {
    case 'memory':
      parseMemoryStoreOptions(given.memory ?? {})
      return { memory: given.memory ?? {} }
    case 'etcd':
      parseEtcdStoreOptions(given.etcd ?? ({} as EtcdStoreOptions))
      return { etcd: given.etcd! }
    case 'kubernetes':
      // All of it has a default: a pod knows its cluster.
      parseKubernetesStoreOptions(given.kubernetes ?? {})
      return { kubernetes: given.kubernetes ?? {} }
    default:
      return kind satisfies never
  }
}

/** `api: {}` and `api: true` are the API with its defaults; without the key, or with false, there is none. */
function parseApi(given: unknown): ApiConfig | undefined {
  if (given === undefined || given === null || given === false) return undefined
  const api = (given === true ? {} : given) as ApiConfig
  refuseUnknownKeys('api', api, API_CONFIG_KEYS)
  const { listen = {}, ...rest } = api
  // Any store will do: it is not opened.
  parseApiListen(listen, parseApiOptions({ ...rest, store: memoryStore() }))
  if (Array.isArray(rest.tokens)) parseTokens(rest.tokens, 'tokens')
  return api
}

/** For the test that holds both lists together. */
export const API_PROGRAM_KEYS = API_OPTION_NAMES.filter((name) => !API_CONFIG_KEYS.includes(name))
