import { API_OPTION_NAMES, parseApiOptions } from '../api/options.js'
import { parseApiListen } from '../api/start-api.js'
import { parseTokens } from '../api/tokens.js'
import { refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError, type DetailedError } from '../errors.js'
import { CLUSTER_ZONE, parseKubernetesStoreOptions } from '../kubernetes/options.js'
import { type ContainerDnsOptions, parseOptions } from '../options.js'
import { type EtcdStoreOptions, parseEtcdStoreOptions } from '../store/etcd/options.js'
import { memoryStore } from '../store/memory/memory-store.js'
import { parseMemoryStoreOptions } from '../store/memory/options.js'
import type { ConfigPath } from '../yaml-document.js'
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
import { ConfigDraft, isOneWay } from './config-draft.js'
import { type ConfigSource, MAX_FAULTS } from './config-fault.js'
import { hintIn, PlacedFault, placed, placedOption } from './fault-path.js'
import { parseLog } from './log-config.js'

const STORE_KINDS = ['memory', 'etcd', 'kubernetes'] as const

/** Of a config of thousands of zones, each fault takes a second: the first ones are said while somebody waits for them. */
const MAX_MS = 5_000

/** What has come of a check: a config, or the faults of it. */
export interface CheckedConfig {
  /** Where there are faults, with what is right in their places; undefined where that cannot be. */
  readonly config: Omit<Config, 'ignored'> | undefined
  readonly faults: readonly DetailedError[]
  /** Whose values these are. */
  readonly draft: ConfigDraft
}

/**
 * Checks all of a config by the functions that parse options. Those stop at the first fault; it gives way to something that is right, and
 * they go on. Of a section that is wrong as a whole, and as long as anything in it is wrong too, the one is found after the other has been mended.
 */
export function checkConfig(content: ConfigFileContent, source: ConfigSource): CheckedConfig {
  const draft = new ConfigDraft(content)
  const faults: DetailedError[] = []
  const endMs = performance.now() + MAX_MS
  for (let round = 1; ; round++) {
    const { config, fault } = parsed(draft)
    if (fault === undefined) return { config, faults, draft }
    const place = draft.placeOf(fault.path)
    if (!draft.isSupposed(place)) faults.push(source.fault(place, fault.message, fault.cause))
    const isEnough = round === MAX_FAULTS || performance.now() > endMs
    if (isEnough || !giveWay(draft, draft.wholePlaceOf(place), fault.cause)) return { config: undefined, faults, draft }
  }
}

type Parsed =
  | { readonly config: Omit<Config, 'ignored'>; readonly fault?: undefined }
  | { readonly config?: undefined; readonly fault: PlacedFault }

function parsed(draft: ConfigDraft): Parsed {
  try {
    return { config: parseConfig(draft.content) }
  } catch (error) {
    if (error instanceof PlacedFault) return { fault: error }
    throw error
  }
}

/** Brings a draft to where the parsers find nothing wrong at a place any more, nor around it; false where there is no such way. */
function giveWay(draft: ConfigDraft, place: ConfigPath, cause: Error): boolean {
  const isUnknown = (cause as Partial<ContainerDnsError>).code === 'CDNS_OPTION_UNKNOWN'
  if (isUnknown && place.length > 0 && draft.valueAt(place) !== undefined) {
    correctKey(draft, place, cause)
    return true
  }
  for (let at = place; at.length > 0; at = at.slice(0, -1)) {
    // A value that is needed elsewhere, too, is better another one than none.
    if ([...samples(at), ...wordsIn(cause.message)].some((value) => isRightWith(draft, at, value))) return true
    draft.takeOut(at)
    if (isRight(draft, at)) return true
  }
  return false
}

/** An unknown key stands for the one that is meant, which nobody misses then. */
function correctKey(draft: ConfigDraft, place: ConfigPath, { message }: Error): void {
  const value = draft.valueAt(place)
  draft.takeOut(place)
  const key = hintIn(message)
  const meant = [...place.slice(0, -1), ...(key === undefined ? [] : [key])]
  if (key === undefined || draft.valueAt(meant) !== undefined) return
  draft.suppose(meant)
  if (![value, ...samples(meant)].some((each) => isRightWith(draft, meant, each))) draft.takeOut(meant)
}

function isRightWith(draft: ConfigDraft, at: ConfigPath, value: unknown): boolean {
  draft.put(at, value)
  return isRight(draft, at)
}

function isRight(draft: ConfigDraft, at: ConfigPath): boolean {
  const { fault } = parsed(draft)
  return fault === undefined || !isOneWay(draft.placeOf(fault.path), at)
}

/** What most options could be. Those of two places differ, as names that are listed twice are a fault, too. */
function samples(place: ConfigPath): readonly unknown[] {
  const number = 1 + ((place.findLast((step) => typeof step === 'number') as number | undefined) ?? 0)
  const address = `2001:db8::${number.toString(16)}`
  const mail = `x${number}@example.org`
  return [1, `x${number}`, address, `http://x${number}.example`, mail, [address], [`${address}/128`], [mail], {}, true]
}

/** Where an option is one of some words, the message has them. */
function wordsIn(message: string): readonly string[] {
  const wanted = / must be (.{1,200}?)(?:, got |$)/.exec(message)?.[1]
  return wanted?.match(/[\w-]+/g)?.slice(0, 20) ?? []
}

function parseConfig(content: ConfigFileContent): Omit<Config, 'ignored'> {
  placed(() => refuseUnknownKeys('the config', content, CONFIG_KEYS), [])
  const store = placed(() => parseStore(content.store), ['store'])
  const options = { ...zonesOf(store), ...optionsIn(content) }
  placedOption(options, (given) => void parseOptions(given))
  return {
    options,
    store,
    api: placed(() => parseApi(content.api), ['api']),
    log: placed(() => parseLog(content.log), ['log']),
    drainMs: placed(() => parseDrain(content.drainMs), ['drainMs']),
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
  if (Array.isArray(rest.tokens)) parseTokens(rest.tokens, 'api.tokens')
  return api
}

/** For the test that holds both lists together. */
export const API_PROGRAM_KEYS = API_OPTION_NAMES.filter((name) => !API_CONFIG_KEYS.includes(name))
