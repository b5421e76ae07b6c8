import { type Bounds, describe, numberWithin, parseBoolean, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { type Logger, silentLogger } from '../log.js'
import { type EtcdStoreOptions, type ParsedEtcdStoreOptions, parseEtcdStoreOptions } from '../store/etcd/options.js'
import { isLabel } from './names.js'
import {
  CLUSTER_OPTION_NAMES,
  type ClusterOptions,
  type ClusterTuning,
  type ParsedClusterOptions,
  parseClusterOptions,
} from './options.js'

/** What `startKubernetesBridge` takes. */
export interface KubernetesBridgeOptions extends ClusterOptions {
  /** Where the records go: as for `etcdStore`, in the layout of ContainerDNS in Go. */
  etcd: Pick<EtcdStoreOptions, 'hosts' | 'prefix' | 'requestTimeoutMs' | 'tls' | 'auth'>
  /**
   * Tells the records of several clusters apart that share an etcd. Bridges of the same cluster have the same, and one of them leads. '' is that
   * of a ContainerDNS in Go without a `cluster-name`, whose records are taken over.
   */
  cluster: string
  /** Addresses of Services are told to scanners, below `monitor/status/`, which say then whether they are alive. Default: false. */
  monitor?: boolean
  /** How long a leader may be silent before another takes over. Default: 15000. */
  leaseMs?: number
  /** How often everything in etcd is read anew and compared. Default: 600000. */
  reconcileIntervalMs?: number
  /** Default: none. */
  logger?: Logger
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

export interface ParsedBridgeOptions extends ParsedClusterOptions {
  readonly etcd: ParsedEtcdStoreOptions
  readonly prefix: string
  readonly cluster: string
  readonly monitor: boolean
  readonly leaseMs: number
  readonly reconcileIntervalMs: number
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
}

/** As client-go's leader election has it. */
export const LEASE_MS: Bounds = { default: 15_000, min: 300, max: 600_000, unit: 'milliseconds' }
export const RECONCILE_INTERVAL_MS: Bounds = { default: 600_000, min: 1000, max: 86_400_000, unit: 'milliseconds' }

export const BRIDGE_OPTION_NAMES = [
  ...CLUSTER_OPTION_NAMES,
  'etcd',
  'cluster',
  'monitor',
  'leaseMs',
  'reconcileIntervalMs',
  'logger',
  'signal',
] as const satisfies readonly (keyof KubernetesBridgeOptions)[]

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseBridgeOptions(
  given: KubernetesBridgeOptions,
  tuning: Partial<ClusterTuning> = {},
): ParsedBridgeOptions {
  refuseUnknownKeys('startKubernetesBridge', given, BRIDGE_OPTION_NAMES)
  const { cluster, logger = silentLogger, signal } = given
  if (cluster !== '' && !isLabel(cluster)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `startKubernetesBridge.cluster must be a name of letters, digits and hyphens, got ${describe(cluster)}`,
    )
  }
  const etcd = parseEtcdStoreOptions(given.etcd)
  if (etcd.layout !== 'containerdns') {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', 'startKubernetesBridge.etcd.layout can only be "containerdns"')
  }
  return Object.freeze({
    ...parseClusterOptions('startKubernetesBridge', given, tuning),
    etcd,
    prefix: etcd.prefixes[0]!,
    cluster,
    monitor: parseBoolean('startKubernetesBridge.monitor', given.monitor),
    leaseMs: numberWithin('startKubernetesBridge.leaseMs', given.leaseMs, LEASE_MS),
    reconcileIntervalMs: numberWithin(
      'startKubernetesBridge.reconcileIntervalMs',
      given.reconcileIntervalMs,
      RECONCILE_INTERVAL_MS,
    ),
    logger,
    signal,
  })
}
