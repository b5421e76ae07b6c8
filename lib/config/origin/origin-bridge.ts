import { readFile } from 'node:fs/promises'
import { ContainerDnsError } from '../../errors.js'
import type { KubernetesBridgeOptions } from '../../kubernetes/bridge-options.js'
import type { LogLevel } from '../log-levels.js'
import { type IniEntry, readIni } from './ini.js'
import { NO_COUNTERPART } from './origin-keys.js'

/** What a file of ContainerDNS's kubeapi says of its bridge from a cluster to etcd. */
export interface OriginBridge {
  readonly options: KubernetesBridgeOptions
  readonly level: LogLevel
  /** What has no counterpart, each with the reason. */
  readonly ignored: readonly string[]
}

/** What its code has where the file says nothing: seconds. */
const RECORD_TTL = 30
const DEFAULT_SYNC_SECONDS = 600
/** Less is not taken there either. */
const LEAST_SYNC_SECONDS = 60
const DEFAULT_DOMAIN = 'cluster.local'
/** Where the scanners' states stand with the prefix that its records have. */
const MONITOR_PATH = /^\/containerdns\/monitor\/status\/?$/

/** Reads such a file. Throws CDNS_CONFIG_INVALID with the line. */
export async function readOriginBridge(file: string): Promise<OriginBridge> {
  try {
    return originBridge(file, await readFile(file, 'utf8'))
  } catch (cause) {
    if (cause instanceof ContainerDnsError) throw cause
    throw new ContainerDnsError('CDNS_CONFIG_INVALID', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Throws CDNS_CONFIG_INVALID with the line. */
export function originBridge(file: string, text: string): OriginBridge {
  const { sections, entries } = readIni(file, text)
  const reader = new BridgeReader(file, entries)
  if (!sections.includes('kube2dns') && !sections.includes('dnsapi')) {
    throw reader.fault(undefined, 'no file of containerdns-kubeapi: there is no [Kube2DNS] and no [DNSApi]')
  }
  const options = reader.options()
  return { options, level: reader.level(), ignored: reader.ignored() }
}

class BridgeReader {
  readonly #file: string
  readonly #entries: readonly IniEntry[]
  readonly #used = new Set<string>()

  constructor(file: string, entries: readonly IniEntry[]) {
    this.#file = file
    this.#entries = entries
  }

  options(): KubernetesBridgeOptions {
    const enabled = this.#entry('kube2dns', 'kube-enable')
    if (this.#boolean(enabled) === false) {
      throw this.fault(enabled, `${enabled!.name} is ${enabled!.value}: this file wants no records of Kubernetes`)
    }
    const kubeconfig = this.#text('kube2dns', 'kube-config-file')
    const source = this.#text('kube2dns', 'svc-ip-source')
    return {
      etcd: this.#etcd(),
      cluster: this.#text('general', 'cluster-name') ?? '',
      zone: this.#zone(),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      // Whatever else it says, or does not.
      serviceAddresses: source === 'clusterIP' ? 'clusterIPs' : 'externalIPs',
      originPodNames: this.#boolean(this.#entry('kube2dns', 'pod-enable')) ?? false,
      ttl: RECORD_TTL,
      monitor: this.#hasKnownMonitorPath(),
      reconcileIntervalMs: 1000 * this.#syncSeconds(),
    }
  }

  /** glog: 0 is what happens, more is more of it. */
  level(): LogLevel {
    const entry = this.#entry('general', 'log-level')
    return entry !== undefined && entry.value !== '' && this.#number(entry) > 2 ? 'debug' : 'info'
  }

  ignored(): string[] {
    return this.#entries.flatMap((entry) => {
      const { section, key, name, line } = entry
      if (this.#used.has(`${section}.${key}`)) return []
      const isOfApi = section === 'dnsapi' ? 'is ignored: containerdns api reads it' : undefined
      const reason = isOfApi ?? NO_COUNTERPART[key] ?? 'is no key of containerdns-kubeapi'
      return [`${this.#file}, line ${line}: ${name} ${reason}`]
    })
  }

  fault(entry: IniEntry | undefined, reason: string): ContainerDnsError {
    return new ContainerDnsError('CDNS_CONFIG_INVALID', `${this.#file}, line ${entry?.line ?? 1}: ${reason}`)
  }

  #etcd(): KubernetesBridgeOptions['etcd'] {
    const hosts = (this.#text('general', 'etcd-server') ?? '')
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== '')
    if (hosts.length === 0) throw this.fault(undefined, 'there is no etcd-server in [General]')
    const file = (name: 'ca' | 'cert' | 'key', key: string) => {
      const path = this.#text('general', key)
      return path === undefined ? {} : { [name]: { file: path } }
    }
    const tls = { ...file('ca', 'etcd-cafile'), ...file('cert', 'etcd-certfile'), ...file('key', 'etcd-keyfile') }
    return { hosts, ...(Object.keys(tls).length === 0 ? {} : { tls }) }
  }

  /** As its README has it, `[General] domain` is the same. */
  #zone(): string {
    const domain = this.#text('general', 'domain')
    return (this.#text('kube2dns', 'kube-domain') ?? domain ?? DEFAULT_DOMAIN).replace(/(?<=.)\.$/, '')
  }

  /** Health is read from below the prefix of the records, and nowhere else. */
  #hasKnownMonitorPath(): boolean {
    const entry = this.#find('general', 'ip-monitor-path')
    if (entry !== undefined && entry.value !== '' && !MONITOR_PATH.test(entry.value)) return false
    this.#used.add('general.ip-monitor-path')
    return true
  }

  #syncSeconds(): number {
    const entry = this.#entry('general', 'sync-time')
    const seconds = entry === undefined || entry.value === '' ? 0 : this.#number(entry)
    return seconds > LEAST_SYNC_SECONDS ? seconds : DEFAULT_SYNC_SECONDS
  }

  #boolean(entry: IniEntry | undefined): boolean | undefined {
    if (entry === undefined || entry.value === '') return undefined
    if (/^(?:true|yes|on|1|t)$/i.test(entry.value)) return true
    if (/^(?:false|no|off|0|f)$/i.test(entry.value)) return false
    throw this.fault(entry, `${entry.name} must be true or false, got ${JSON.stringify(entry.value)}`)
  }

  #number(entry: IniEntry): number {
    if (/^\d{1,5}$/.test(entry.value)) return Number(entry.value)
    throw this.fault(entry, `${entry.name} must be a whole number, got ${JSON.stringify(entry.value)}`)
  }

  #text(section: string, key: string): string | undefined {
    const value = this.#entry(section, key)?.value.trim() ?? ''
    return value === '' ? undefined : value
  }

  #entry(section: string, key: string): IniEntry | undefined {
    this.#used.add(`${section}.${key}`)
    return this.#find(section, key)
  }

  /** The last of a key counts, as in gcfg. */
  #find(section: string, key: string): IniEntry | undefined {
    return this.#entries.findLast((entry) => entry.section === section && entry.key === key)
  }
}
