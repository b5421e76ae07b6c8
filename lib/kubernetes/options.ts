import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { isViewName } from '../records/view.js'
import { nameFromText, nameToText } from '../wire/name.js'
import type { ZoneClients } from './cluster-clients.js'
import type { PodNames } from './cluster-records.js'
import type { ServiceAddresses } from './cluster-service.js'
import { isLabel } from './names.js'

/** Which cluster is followed, and how: for the store and the bridge alike. */
export interface ClusterOptions {
  /** The cluster domain. Default: 'cluster.local'. */
  zone?: string
  /** The file that says where the API server is and who we are. Default: as kubectl finds it, and inside of a cluster its service account. */
  kubeconfig?: string
  /** A context of that file. Default: its current one. */
  context?: string
  /** The only namespaces that are read; they are taken to be there, and no right beyond them is needed. Default: all. */
  namespaces?: string[]
  /** The only Services that are answered for, by their labels, as `kubectl -l` has it. Default: all. */
  labelSelector?: string
  /**
   * Names of pods by their addresses: 'disabled', 'verified' for those that a pod has, or 'insecure' for any address, whoever has it.
   * Default: 'disabled'.
   */
  pods?: PodNames
  /** Pods have the name `<pod>.<namespace>.svc.<zone>` too, as `pod-enable` of ContainerDNS in Go, unless a Service has it. Default: false. */
  originPodNames?: boolean
  /** A pod that asks for a name below `<its namespace>.svc.<zone>` which is not there has its search list gone through. Needs `pods: 'verified'`. Default: false. */
  autopath?: boolean
  /** Seconds. Default: 5. */
  ttl?: number
  /** What a Service's own name is answered with: 'clusterIPs', or 'externalIPs' as `svc-ip-source` of ContainerDNS in Go. Default: 'clusterIPs'. */
  serviceAddresses?: ServiceAddresses
  /** Endpoints without a hostname are named after their pods, not after their addresses. Default: false. */
  endpointPodNames?: boolean
  /**
   * Zones of the cluster (`topology.kubernetes.io/zone`) that servers have `views` of the same names for: the clients of a view see of a
   * headless Service the endpoints that are for their zone. Default: none.
   */
  zoneViews?: string[]
  /** How often everything is read anew and compared, give or take a tenth; 0: never. Default: 1800000. */
  relistIntervalMs?: number
}

/** What `kubernetesStore` takes. */
export interface KubernetesStoreOptions extends ClusterOptions {
  /**
   * What tells which clients are in a zone: 'nodes', by their networks, or 'pods' besides, each by its address, for nodes without networks
   * of their own. Default: 'nodes'.
   */
  zoneClients?: 'nodes' | 'pods'
  /** `stats().store.stale` once the API server has been away for this long. Default: 30000. */
  staleAfterMs?: number
}

export interface ParsedClusterOptions {
  readonly zone: string
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  readonly namespaces: readonly string[] | undefined
  readonly labelSelector: string | undefined
  readonly pods: PodNames
  readonly ttl: number
  readonly serviceAddresses: ServiceAddresses
  readonly endpointPodNames: boolean
  readonly originPodNames: boolean
  readonly autopath: boolean
  readonly monitor: boolean
  readonly zoneViews: ReadonlySet<string>
  readonly zoneClients: ZoneClients
  readonly relistIntervalMs: number
  readonly tuning: ClusterTuning
}

export interface ParsedKubernetesStoreOptions extends ParsedClusterOptions {
  readonly staleAfterMs: number
}

/** What nobody had to change yet but tests. */
export interface ClusterTuning {
  /** Objects a page: of slices with 100 endpoints each this is 8 MB. */
  readonly pageSize: number
  /** Before the first new attempt. It doubles from one to the next. */
  readonly firstRetryMs: number
  readonly longestRetryMs: number
  /** How long the API server may be silent before it has answered, or between two pieces of a list. */
  readonly responseTimeoutMs: number
  /** How long a watch lasts, at least; half as long again at most. client-go has 5 to 10 minutes. */
  readonly watchSeconds: number
}

/** CoreDNS has 5 s by default and 3600 at most. */
export const CLUSTER_TTL: Bounds = { default: 5, min: 0, max: 3600, unit: 'seconds' }
/** Besides 0, which switches it off. What a watch has lost is found then. */
export const CLUSTER_RELIST_INTERVAL_MS: Bounds = {
  default: 1_800_000,
  min: 1000,
  max: 86_400_000,
  unit: 'milliseconds',
}
export const CLUSTER_STALE_AFTER_MS: Bounds = { default: 30_000, min: 1000, max: 86_400_000, unit: 'milliseconds' }

/** The cluster domain of those who say no other. */
export const CLUSTER_ZONE = 'cluster.local'
const DEFAULT_TUNING: ClusterTuning = {
  pageSize: 200,
  firstRetryMs: 100,
  longestRetryMs: 10_000,
  responseTimeoutMs: 15_000,
  watchSeconds: 300,
}

export const CLUSTER_OPTION_NAMES = [
  'zone',
  'kubeconfig',
  'context',
  'namespaces',
  'labelSelector',
  'pods',
  'ttl',
  'serviceAddresses',
  'endpointPodNames',
  'originPodNames',
  'autopath',
  'zoneViews',
  'relistIntervalMs',
] as const satisfies readonly (keyof ClusterOptions)[]

export const KUBERNETES_STORE_OPTION_NAMES = [
  ...CLUSTER_OPTION_NAMES,
  'zoneClients',
  'staleAfterMs',
] as const satisfies readonly (keyof KubernetesStoreOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseKubernetesStoreOptions(
  given: KubernetesStoreOptions = {},
  tuning: Partial<ClusterTuning> = {},
): ParsedKubernetesStoreOptions {
  refuseUnknownKeys('kubernetesStore', given, KUBERNETES_STORE_OPTION_NAMES)
  const parsed = parseClusterOptions('kubernetesStore', given, tuning)
  const zoneClients = parseChoice('kubernetesStore.zoneClients', given.zoneClients, ['nodes', 'pods'])
  return Object.freeze({
    ...parsed,
    zoneClients: parsed.zoneViews.size === 0 ? 'none' : zoneClients,
    staleAfterMs: numberWithin('kubernetesStore.staleAfterMs', given.staleAfterMs, CLUSTER_STALE_AFTER_MS),
  })
}

/** `of` is what the options are of, for errors. */
export function parseClusterOptions(
  of: string,
  given: ClusterOptions,
  tuning: Partial<ClusterTuning> = {},
): ParsedClusterOptions {
  const { relistIntervalMs } = given
  const pods = parseChoice(`${of}.pods`, given.pods, ['disabled', 'verified', 'insecure'])
  return {
    zone: parseZone(`${of}.zone`, given.zone),
    kubeconfig: parseText(`${of}.kubeconfig`, given.kubeconfig),
    context: parseText(`${of}.context`, given.context),
    namespaces: parseNamespaces(`${of}.namespaces`, given.namespaces),
    labelSelector: parseText(`${of}.labelSelector`, given.labelSelector),
    pods,
    ttl: numberWithin(`${of}.ttl`, given.ttl, CLUSTER_TTL),
    serviceAddresses: parseChoice(`${of}.serviceAddresses`, given.serviceAddresses, ['clusterIPs', 'externalIPs']),
    endpointPodNames: parseBoolean(`${of}.endpointPodNames`, given.endpointPodNames),
    originPodNames: parseBoolean(`${of}.originPodNames`, given.originPodNames),
    autopath: parseAutopath(`${of}.autopath`, given.autopath, pods),
    // Only who writes to etcd has scanners to tell.
    monitor: false,
    // Only who answers itself knows where its clients are.
    zoneClients: 'none',
    zoneViews: parseZoneViews(`${of}.zoneViews`, given.zoneViews),
    relistIntervalMs:
      relistIntervalMs === 0 ? 0 : numberWithin(`${of}.relistIntervalMs`, relistIntervalMs, CLUSTER_RELIST_INTERVAL_MS),
    tuning: Object.freeze({ ...DEFAULT_TUNING, ...tuning }),
  }
}

function parseZone(option: string, given: unknown = CLUSTER_ZONE): string {
  if (typeof given !== 'string') {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be a domain name, got ${describe(given)}`)
  }
  try {
    return nameToText(nameFromText(given)).toLowerCase()
  } catch (cause) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option}: ${(cause as Error).message}`, { cause })
  }
}

/** Whose search list it is, only verified names of pods tell. */
function parseAutopath(option: string, given: unknown, pods: PodNames): boolean {
  const isOn = parseBoolean(option, given)
  if (!isOn || pods === 'verified') return isOn
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} needs pods: "verified", got "${pods}"`)
}

function parseText(option: string, given: unknown): string | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string' && given !== '' && !given.includes('\0')) return given
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be text, got ${describe(given)}`)
}

function parseNamespaces(option: string, given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined
  if (Array.isArray(given) && given.length > 0 && given.every(isLabel)) return Object.freeze([...new Set(given)])
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be an array of names of namespaces, got ${describe(given)}`,
  )
}

function parseZoneViews(option: string, given: unknown): ReadonlySet<string> {
  if (given === undefined) return new Set()
  if (Array.isArray(given) && given.every(isViewName)) return new Set(given)
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be an array of names of views, got ${describe(given)}`,
  )
}

function parseChoice<Choice extends string>(option: string, given: unknown, choices: readonly Choice[]): Choice {
  if (given === undefined) return choices[0]!
  if (choices.includes(given as Choice)) return given as Choice
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `${option} must be ${choices.map((choice) => `"${choice}"`).join(' or ')}, got ${describe(given)}`,
  )
}
