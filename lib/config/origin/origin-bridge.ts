import { readFile } from 'node:fs/promises'
import { ContainerDnsError } from '../../errors.js'
import type { KubernetesBridgeOptions } from '../../kubernetes/bridge-options.js'
import { faultAt } from '../../yaml-document.js'
import type { LogLevel } from '../log-levels.js'
import { readIni } from './ini.js'
import { listOf, OriginEntries } from './origin-entries.js'

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
  const ini = readIni(file, text)
  if (!ini.sections.includes('kube2dns') && !ini.sections.includes('dnsapi')) {
    throw faultAt(
      'CDNS_CONFIG_INVALID',
      file,
      1,
      'no file of containerdns-kubeapi: there is no [Kube2DNS] and no [DNSApi]',
    )
  }
  const entries = new OriginEntries(file, 'containerdns-kubeapi', ini.entries)
  const options = new BridgeReader(file, entries).options()
  const level = entries.log('general')?.level ?? 'info'
  for (const { section, key } of ini.entries) {
    if (section === 'dnsapi') entries.ignore(section, key, 'is ignored: containerdns api reads it')
  }
  return { options, level, ignored: entries.ignored() }
}

class BridgeReader {
  readonly #file: string
  readonly #of: OriginEntries

  constructor(file: string, entries: OriginEntries) {
    this.#file = file
    this.#of = entries
  }

  options(): KubernetesBridgeOptions {
    const of = this.#of
    if (of.boolean([], 'kube2dns', 'kube-enable') === false) {
      const enabled = of.find('kube2dns', 'kube-enable')!
      throw of.fault(enabled, `${enabled.name} is ${enabled.value}: this file wants no records of Kubernetes`)
    }
    const kubeconfig = of.text('kube2dns', 'kube-config-file')
    const source = of.text('kube2dns', 'svc-ip-source')
    return {
      etcd: this.#etcd(),
      cluster: of.text('general', 'cluster-name') ?? '',
      zone: this.#zone(),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      // Whatever else it says, or does not.
      serviceAddresses: source === 'clusterIP' ? 'clusterIPs' : 'externalIPs',
      originPodNames: of.boolean([], 'kube2dns', 'pod-enable') ?? false,
      ttl: RECORD_TTL,
      monitor: this.#hasKnownMonitorPath(),
      reconcileIntervalMs: 1000 * this.#syncSeconds(),
    }
  }

  #etcd(): KubernetesBridgeOptions['etcd'] {
    const hosts = listOf(this.#of.entry([], 'general', 'etcd-server'))
    if (hosts.length === 0) throw faultAt('CDNS_CONFIG_INVALID', this.#file, 1, 'there is no etcd-server in [General]')
    const file = (name: 'ca' | 'cert' | 'key', key: string) => {
      const path = this.#of.text('general', key)
      return path === undefined ? {} : { [name]: { file: path } }
    }
    const tls = { ...file('ca', 'etcd-cafile'), ...file('cert', 'etcd-certfile'), ...file('key', 'etcd-keyfile') }
    return { hosts, ...(Object.keys(tls).length === 0 ? {} : { tls }) }
  }

  /** As its README has it, `[General] domain` is the same. */
  #zone(): string {
    const domain = this.#of.text('general', 'domain')
    return (this.#of.text('kube2dns', 'kube-domain') ?? domain ?? DEFAULT_DOMAIN).replace(/(?<=.)\.$/, '')
  }

  /** Health is read from below the prefix of the records, and nowhere else. */
  #hasKnownMonitorPath(): boolean {
    const entry = this.#of.find('general', 'ip-monitor-path')
    if (entry !== undefined && entry.value !== '' && !MONITOR_PATH.test(entry.value)) return false
    this.#of.entry([], 'general', 'ip-monitor-path')
    return true
  }

  #syncSeconds(): number {
    const entry = this.#of.entry([], 'general', 'sync-time')
    const seconds = entry === undefined || entry.value === '' ? 0 : this.#of.number(entry)
    return seconds > LEAST_SYNC_SECONDS ? seconds : DEFAULT_SYNC_SECONDS
  }
}
