import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Bounds } from '../../bounds.js'
import { ContainerDnsError } from '../../errors.js'
import { type AlertsOptions, SILENT_SECONDS } from '../../health/alerts/options.js'
import {
  LEASE_SECONDS,
  type MonitorEtcdOptions,
  parseScannerOptions,
  parseSchedulerOptions,
  type ScannerOptions,
  type SchedulerOptions,
} from '../../health/monitor/options.js'
import { CONCURRENCY, FALL, INTERVAL_MS, TIMEOUT_MS } from '../../health/probe/options.js'
import type { LogLevel } from '../log-levels.js'
import { readIni } from './ini.js'
import { listOf, OriginEntries, programOf } from './origin-entries.js'
import type { OriginProgram } from './origin-keys.js'

/** A file of ContainerDNS's scanner or schedule, as options of ours. */
export interface OriginMonitorConfig<Options> {
  readonly options: Options
  readonly logLevel: LogLevel | undefined
  /** What has no counterpart here, each with the reason. */
  readonly ignored: readonly string[]
}

/** Reads the file of `containerdns-scanner`. Throws CDNS_CONFIG_INVALID with the line. */
export function readScannerConfig(file: string): Promise<OriginMonitorConfig<ScannerOptions>> {
  return readMonitorConfig(file, 'containerdns-scanner', scannerOptions, parseScannerOptions)
}

/** Reads the file of `containerdns-schedule`. Throws CDNS_CONFIG_INVALID with the line. */
export function readSchedulerConfig(file: string): Promise<OriginMonitorConfig<SchedulerOptions>> {
  return readMonitorConfig(file, 'containerdns-schedule', schedulerOptions, parseSchedulerOptions)
}

async function readMonitorConfig<Options>(
  file: string,
  wanted: OriginProgram,
  optionsOf: (entries: OriginEntries, file: string) => Options,
  check: (options: Options) => unknown,
): Promise<OriginMonitorConfig<Options>> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new ContainerDnsError('CDNS_CONFIG_INVALID', `${file} cannot be read: ${cause.message}`, { cause })
  })
  const ini = readIni(file, text)
  const program = programOf(file, ini)
  if (program !== wanted) {
    const reason = `this is a file of ${program}, and one of ${wanted} is wanted`
    throw new ContainerDnsError('CDNS_CONFIG_INVALID', `${file}, line 1: ${reason}`)
  }
  const entries = new OriginEntries(file, program, ini.entries)
  const options = optionsOf(entries, file)
  const logLevel = entries.log('general')?.level
  try {
    check(options)
  } catch (cause) {
    throw new ContainerDnsError('CDNS_CONFIG_INVALID', `${file}: ${(cause as Error).message}`, { cause })
  }
  return { options, logLevel, ignored: entries.ignored() }
}

function scannerOptions(entries: OriginEntries, file: string): ScannerOptions {
  // As in the samples, where agent-downtime is two heartbeats.
  const heartbeat = wholeNumber(entries, 'general', 'heartbeat-interval', { ...LEASE_SECONDS, min: 1, max: 1_800 })
  const isOn = entries.boolean(['checkHealth'], 'general', 'enable-check') ?? true
  const intervalMs = milliseconds(entries, 'check-interval', INTERVAL_MS)
  const timeoutMs = milliseconds(entries, 'check-timeout', TIMEOUT_MS)
  const fall = wholeNumber(entries, 'check', 'check-retry-count', { ...FALL, min: 0 })
  const threads = wholeNumber(entries, 'check', 'max-thread', { ...CONCURRENCY, min: 0, max: 1_000_000 })
  return {
    ...commonOptions(entries, file),
    ...(heartbeat === undefined ? {} : { leaseSeconds: Math.max(LEASE_SECONDS.min, 2 * heartbeat) }),
    // With checks switched off, everything is up.
    ...(isOn ? {} : { checkHealth: () => 'healthy' as const }),
    probes: {
      ...(isOn ? portsOf(entries) : {}),
      ...(intervalMs === undefined ? {} : { intervalMs }),
      ...(timeoutMs === undefined ? {} : { timeoutMs: Math.min(timeoutMs, intervalMs ?? INTERVAL_MS.default) }),
      // One attempt that succeeds is enough there.
      rise: 1,
      // 0 is what a file says that does not say it.
      ...(fall === undefined || fall === 0 ? {} : { fall }),
      ...(threads === undefined || threads === 0 ? {} : { concurrency: Math.min(threads, CONCURRENCY.max) }),
    },
  }
}

function schedulerOptions(entries: OriginEntries, file: string): SchedulerOptions {
  const alerts = alertsOf(entries)
  return { ...commonOptions(entries, file), ...(alerts === undefined ? {} : { alerts }) }
}

function commonOptions(
  entries: OriginEntries,
  file: string,
): { etcd: MonitorEtcdOptions; prefix?: string; name?: string } {
  const name = entries.text('general', 'hostname')
  const prefix = prefixOf(entries)
  return {
    etcd: etcdOf(entries, file),
    ...(prefix === undefined ? {} : { prefix }),
    ...(name === undefined ? {} : { name }),
  }
}

function etcdOf(entries: OriginEntries, file: string): MonitorEtcdOptions {
  const hosts = listOf(entries.entry(['etcd', 'hosts'], 'etcd', 'etcd-servers', 'etcd-machine'))
  const pem = (name: string, ...keys: string[]) => {
    const path = entries.text('etcd', ...keys)
    return path === undefined ? {} : { [name]: { file: resolve(dirname(file), path) } }
  }
  const tls = {
    ...pem('ca', 'etcd-cafile', 'ca-cert'),
    ...pem('cert', 'etcd-certfile', 'tls-pem'),
    ...pem('key', 'etcd-keyfile', 'tls-key'),
  }
  return { hosts, ...(Object.keys(tls).length === 0 ? {} : { tls }) }
}

/** Our keys stand beside the folder of the statuses, which has one name. */
function prefixOf(entries: OriginEntries): string | undefined {
  const entry = entries.entry(['prefix'], 'etcd', 'status-path')
  if (entry === undefined || entry.value === '') return undefined
  const match = /^(\/.+\/)status\/?$/.exec(entry.value)
  if (match === null) throw entries.fault(entry, `${entry.name} must be a path that ends with /status`)
  return match[1]!
}

function portsOf(entries: OriginEntries): Pick<NonNullable<ScannerOptions['probes']>, 'check'> {
  const entry = entries.entry(['probes', 'check', 'ports'], 'check', 'default-scann-ports', 'scann-ports')
  const ports = listOf(entry).map((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
    if (port >= 1 && port <= 65_535) return port
    throw entries.fault(entry!, `${entry!.name} must be ports with commas between, got ${JSON.stringify(text)}`)
  })
  return ports.length === 0 ? {} : { check: { type: 'tcp', ports } }
}

/** [Mail], as the scanner of ContainerDNS has it, and beside it what its code knows by heart: where mail goes. */
function alertsOf(entries: OriginEntries): AlertsOptions | undefined {
  const to = listOf(entries.entry(['alerts', 'mail', 'to'], 'mail', 'alert-to'))
  const server = entries.entry(['alerts', 'mail', 'host'], 'mail', 'smtp-server')
  const from = entries.text('mail', 'mail-from')
  const name = entries.text('mail', 'service-room')
  const silent = wholeNumber(entries, 'mail', 'silent-time', { ...SILENT_SECONDS, min: 0 })
  if (to.length === 0) return undefined
  if (server === undefined || server.value === '') {
    entries.ignore('mail', 'alert-to', 'is ignored: there is no smtp-server beside it to send mail by')
    return undefined
  }
  const match = /^(.+?)(?::(\d{1,5}))?$/.exec(server.value)!
  return {
    mail: { host: match[1]!, ...(match[2] === undefined ? {} : { port: Number(match[2]) }), from: from ?? to[0]!, to },
    ...(name === undefined ? {} : { name }),
    ...(silent === undefined ? {} : { silentSeconds: Math.max(SILENT_SECONDS.min, silent) }),
  }
}

/** Of seconds. */
function milliseconds(entries: OriginEntries, key: string, bounds: Bounds): number | undefined {
  const max = Math.floor(bounds.max / 1_000)
  const seconds = wholeNumber(entries, 'check', key, { ...bounds, min: 1, max })
  return seconds === undefined ? undefined : 1_000 * seconds
}

function wholeNumber(entries: OriginEntries, section: string, key: string, bounds: Bounds): number | undefined {
  const entry = entries.entry([key], section, key)
  if (entry === undefined || entry.value === '') return undefined
  const value = entries.number(entry)
  if (value >= bounds.min && value <= bounds.max) return value
  throw entries.fault(entry, `${entry.name} must be from ${bounds.min} to ${bounds.max}, got ${value}`)
}
