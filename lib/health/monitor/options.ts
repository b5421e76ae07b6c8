import { hostname } from 'node:os'
import { type Bounds, describe, numberWithin, refuseUnknownKeys, wholeNumber } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { guardedLogger, type Logger, silentLogger } from '../../log.js'
import { type EtcdStoreOptions, type ParsedEtcdStoreOptions, parseEtcdStoreOptions } from '../../store/etcd/options.js'
import { workerFiles } from '../../threads/worker-files.js'
import { type AlertsOptions, parseAlerts } from '../alerts/options.js'
import type { CheckHealth } from '../probe/health-hook.js'
import { type ProbesOptions, parseProbes } from '../probe/options.js'
import { MAX_QUORUM, NO_QUORUM, type Quorum } from './assignment.js'
import { isAgentName } from './monitor-keys.js'
import type { ParsedScannerOptions } from './scanner.js'
import type { ParsedSchedulerOptions } from './scheduler.js'

/** How etcd is reached, as for `etcdStore`. */
export type MonitorEtcdOptions = Pick<EtcdStoreOptions, 'hosts' | 'tls' | 'auth' | 'requestTimeoutMs'>

export interface MonitorOptions {
  etcd: MonitorEtcdOptions
  /** Where the keys of monitoring are; default `/containerdns/monitor/`. */
  prefix?: string
  /** Default: the host's name. Letters, digits, `.`, `_` and `-`. */
  name?: string
  /** How long it counts as alive without a word; default 10. 2 to 3600 seconds. */
  leaseSeconds?: number
  /** pino, or anything of its shape. Default: silent. */
  logger?: Logger
}

export interface SchedulerOptions extends MonitorOptions {
  /** How many scanners probe each address, and how many of them must find it down before it is; default: one probes it, and its word counts. */
  quorum?: QuorumOptions
  /** Whom the leader tells when an address goes down or comes back, whoever has found out; default: nobody. Give it to all schedulers. */
  alerts?: AlertsOptions
}

export interface QuorumOptions {
  /** How many scanners probe each address. 1 to 16. */
  agents: number
  /** How many of these must find an address down. 1 to `agents`. */
  down: number
}

export interface ScannerOptions extends MonitorOptions {
  /** As for a server, but for `zones`. The ports of a TCP check are those in an address' status, else those of the check, by default 22, 80 and 8080, any of them. */
  probes?: Omit<ProbesOptions, 'zones'>
  /** For a check of type `hook`: a function, or a module's URL. */
  checkHealth?: CheckHealth | URL | string
  /** For hosts that bundle the library: where `workers/probe-worker.js` lies. */
  workerFile?: string | URL
}

export const LEASE_SECONDS: Bounds = { default: 10, min: 2, max: 3_600, unit: 'seconds' }
export const MONITOR_PREFIX = '/containerdns/monitor/'
/** As ContainerDNS's scanner has it. */
export const SCANNED_PORTS = [22, 80, 8080]

const COMMON_KEYS = ['etcd', 'prefix', 'name', 'leaseSeconds', 'logger']

/** Throws CDNS_OPTION_UNKNOWN or CDNS_OPTION_INVALID. */
export function parseSchedulerOptions(given: SchedulerOptions): ParsedSchedulerOptions {
  refuseUnknownKeys('scheduler', given, [...COMMON_KEYS, 'quorum', 'alerts'])
  return Object.freeze({
    ...parseCommon('scheduler', given),
    quorum: parseQuorum('scheduler.quorum', given.quorum),
    alerts: parseAlerts('scheduler.alerts', given.alerts),
  })
}

/** Throws CDNS_OPTION_UNKNOWN, CDNS_OPTION_INVALID, or the codes of probes. */
export function parseScannerOptions(given: ScannerOptions): ParsedScannerOptions {
  refuseUnknownKeys('scanner', given, [...COMMON_KEYS, 'probes', 'checkHealth', 'workerFile'])
  const { checkHealth, probes = {} } = given
  if ((probes as ProbesOptions).zones !== undefined) {
    throw new ContainerDnsError(
      'CDNS_OPTION_UNKNOWN',
      'scanner.probes has no key "zones": its addresses come from etcd',
    )
  }
  const hasHook = checkHealth !== undefined
  const check = hasHook ? ({ type: 'hook' } as const) : ({ type: 'tcp', ports: SCANNED_PORTS } as const)
  return Object.freeze({
    ...parseCommon('scanner', given),
    probes: parseProbes('scanner.probes', { check: { ...check }, ...probes } as ProbesOptions, hasHook),
    checkHealth: typeof checkHealth === 'object' ? checkHealth.href : checkHealth,
    workerFile: workerFiles(given.workerFile === undefined ? {} : { probe: given.workerFile }).probe,
  })
}

function parseQuorum(option: string, given: QuorumOptions | undefined): Quorum {
  if (given === undefined) return NO_QUORUM
  refuseUnknownKeys(option, given, ['agents', 'down'])
  const within = (name: string, value: unknown, max: number) =>
    wholeNumber(`${option}.${name}`, value, { min: 1, max, unit: 'scanners' }, 'CDNS_OPTION_INVALID')
  const agents = within('agents', given.agents, MAX_QUORUM)
  return Object.freeze({ agents, down: within('down', given.down, agents) })
}

function parseCommon(option: string, given: MonitorOptions): Omit<ParsedSchedulerOptions, 'quorum' | 'alerts'> {
  const { prefix = MONITOR_PREFIX, name = hostname(), logger = silentLogger } = given
  if (typeof prefix !== 'string' || !/^\/[\x21-\x7e]+$/.test(prefix)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option}.prefix must be a path like "${MONITOR_PREFIX}", got ${describe(prefix)}`,
    )
  }
  if (typeof name !== 'string' || !isAgentName(name)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `${option}.name must be letters, digits, ".", "_" and "-", got ${describe(name)}`,
    )
  }
  return {
    etcd: parseEtcd(`${option}.etcd`, given.etcd),
    prefix: prefix.endsWith('/') ? prefix : `${prefix}/`,
    name,
    leaseSeconds: numberWithin(`${option}.leaseSeconds`, given.leaseSeconds, LEASE_SECONDS),
    logger: guardedLogger(logger),
  }
}

function parseEtcd(option: string, given: MonitorEtcdOptions): ParsedEtcdStoreOptions {
  refuseUnknownKeys(option, given, ['hosts', 'tls', 'auth', 'requestTimeoutMs'])
  return parseEtcdStoreOptions(given)
}
