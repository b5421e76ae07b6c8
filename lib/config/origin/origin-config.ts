import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { ContainerDnsError } from '../../errors.js'
import { type ConfigPath, faultAt } from '../../yaml-document.js'
import type { ApiConfig, ConfigFileContent } from '../config.js'
import type { LogLevel } from '../log-levels.js'
import { type Ini, type IniEntry, readIni } from './ini.js'
import { NO_COUNTERPART, ORIGIN_KEYS, type OriginProgram } from './origin-keys.js'

/** A file of ContainerDNS, as a config of ours. */
export interface OriginConfig {
  readonly program: OriginProgram
  readonly content: ConfigFileContent
  /** What has no counterpart here, each with the reason. */
  readonly ignored: readonly string[]
  readonly lineOf: (path: ConfigPath) => number
}

/** ContainerDNS's port of the REST API. */
const API_PORT = 9003

/**
 * What a file of ContainerDNS says, of `containerdns` itself or of `containerdns-kubeapi`, in the spelling of its README and of its code. The files of its
 * scanner and schedule are known, and say nothing to a server. Throws CDNS_CONFIG_INVALID with the line.
 */
export function originConfig(file: string, text: string): OriginConfig {
  const ini = readIni(file, text)
  const { entries } = ini
  const program = programOf(file, ini)
  const reader = new OriginReader(file, program, entries)
  const content = program === 'containerdns' ? reader.server() : program === 'containerdns-kubeapi' ? reader.api() : {}
  return { program, content, ignored: reader.ignored(), lineOf: (path) => reader.lineOf(path) }
}

/** By its sections, and where those are the same, by its keys. */
function programOf(file: string, { sections, entries }: Ini): OriginProgram {
  const has = (section: string, key?: string) =>
    key === undefined
      ? sections.includes(section)
      : entries.some((entry) => entry.section === section && entry.key === key)
  if (has('dns')) return 'containerdns'
  if (has('dnsapi') || has('kube2dns')) return 'containerdns-kubeapi'
  if (has('check')) return 'containerdns-scanner'
  if (has('general', 'schedule-interval') || has('general', 'agent-downtime')) return 'containerdns-schedule'
  const wanted = 'there is no [Dns], [DNSApi], [Kube2DNS] or [Check], and no schedule-interval'
  throw faultAt('CDNS_CONFIG_INVALID', file, 1, `no file of ContainerDNS: ${wanted}`)
}

class OriginReader {
  readonly #file: string
  readonly #program: OriginProgram
  readonly #entries: readonly IniEntry[]
  readonly #ignored = new Map<IniEntry, string>()
  readonly #used = new Set<IniEntry>()
  /** Which entry has given what. */
  readonly #places: { readonly path: ConfigPath; readonly entry: IniEntry }[] = []

  constructor(file: string, program: OriginProgram, entries: readonly IniEntry[]) {
    this.#file = file
    this.#program = program
    this.#entries = entries
  }

  server(): ConfigFileContent {
    return {
      ...this.#given('zones', this.#zones(['dns', 'dns-domains', 'dns-domain'])),
      ...this.#given('listen', this.#listen()),
      ...this.#given('selection', this.#selection()),
      ...this.#forwarding(),
      ...this.#given('store', this.#store('etcd')),
      ...this.#given('api', this.#statsApi()),
      ...this.#given('log', this.#log('log')),
    }
  }

  /** For `containerdns api`, which has the zones beside its API. */
  api(): ConfigFileContent {
    const isOn = this.#boolean('dnsapi', 'api-enable') ?? true
    const zones = this.#zones(['dnsapi', 'api-domains'], ['general', 'domain'])
    return {
      ...this.#given('zones', zones),
      ...this.#given('store', this.#store('general')),
      ...(isOn ? this.#given('api', this.#restApi()) : {}),
      ...this.#given('log', this.#log('general')),
    }
  }

  ignored(): string[] {
    return this.#entries.flatMap((entry) => {
      if (this.#used.has(entry) && !this.#ignored.has(entry)) return []
      const known = NO_COUNTERPART[entry.key]
      const isKnown = ORIGIN_KEYS[this.#program].includes(`${entry.section}.${entry.key}`)
      const other = `is for ${this.#program}, which has no counterpart that reads this file`
      const reason = this.#ignored.get(entry) ?? known ?? (isKnown ? other : `is no key of ${this.#program}`)
      return [`${this.#file}, line ${entry.line}: ${entry.name} ${reason}`]
    })
  }

  lineOf(path: ConfigPath): number {
    const fits = (place: ConfigPath) => place.every((step, i) => i >= path.length || step === path[i])
    return this.#places.findLast((each) => fits(each.path))?.entry.line ?? 1
  }

  #given<K extends string, V>(key: K, value: V | undefined): { [Key in K]?: V } {
    return (value === undefined ? {} : { [key]: value }) as { [Key in K]?: V }
  }

  #zones(...names: string[][]): string[] | undefined {
    const entry = names.flatMap(([section, ...keys]) => this.#entry(['zones'], section!, ...keys) ?? [])[0]
    const zones = entry?.value
      .split('%')
      .map((zone) => zone.trim())
      .filter((zone) => zone !== '')
    return zones === undefined || zones.length === 0 ? undefined : zones.map((zone) => zone.replace(/(?<=.)\.$/, ''))
  }

  #listen(): ConfigFileContent['listen'] {
    const entry = this.#entry(['listen'], 'dns', 'dns-addr')
    return entry === undefined || entry.value === '' ? { host: '127.0.0.1', port: 53 } : this.#address(entry, 53)
  }

  /** `random-one` gives each client the next address, `hone-one` each client always the same. */
  #selection(): ConfigFileContent['selection'] {
    const rotates = this.#boolean('fun', 'random-one')
    const entry = this.#find('fun', 'hone-one')
    const hashes = this.#boolean('fun', 'hone-one')
    if (rotates && hashes) throw this.#fault(entry!, 'hone-one and random-one cannot both be true')
    if (rotates) return { policy: 'rotate', maxAnswers: 1 }
    return hashes ? { policy: 'clientHash', maxAnswers: 1 } : undefined
  }

  /** `ex-nameservers`, with the machine's own by default, and `zone@ip:port,ip:port%zone2@…`. */
  #forwarding(): object {
    const upstreams = this.#entry(['forward'], 'dns', 'ex-nameservers', 'nameservers')
    const zones = this.#entry(['forwardZones'], 'dns', 'indomainservers', 'subdomainservers')
    const size = this.#entry(['forward', 'cache', 'maxEntries'], 'dns', 'cachesize')
    const servers = listOf(upstreams)
    // Less than the default is not taken there either.
    const cache = size === undefined ? {} : { cache: { maxEntries: Math.max(100_000, this.#number(size)) } }
    const forward = {
      ...(servers.length === 0 ? { resolvConf: '/etc/resolv.conf' } : { upstreams: servers }),
      ...cache,
    }
    const forwardZones = (zones?.value ?? '')
      .split('%')
      .filter((zone) => zone.trim() !== '')
      .map((zone) => {
        const match = /^([^@]+)@(.+)$/.exec(zone.trim())
        if (match === null)
          throw this.#fault(zones!, `${zones!.name} must be like zone@192.0.2.53:53,192.0.2.54:53%zone2@…`)
        return {
          zone: match[1]!.trim().replace(/(?<=.)\.$/, ''),
          upstreams: match[2]!.split(',').map((each) => each.trim()),
        }
      })
    return { forward, ...(forwardZones.length === 0 ? {} : { forwardZones }) }
  }

  #store(section: string): ConfigFileContent['store'] {
    const path = ['store', 'etcd', 'hosts']
    const hosts = listOf(this.#entry(path, section, 'etcd-servers', 'etcd-server', 'etcd-machine'))
    const file = (name: string, ...keys: string[]) => {
      const entry = this.#entry(['store', 'etcd', 'tls', name], section, ...keys)
      return entry === undefined || entry.value === '' ? {} : { [name]: { file: entry.value } }
    }
    const tls = { ...file('ca', 'etcd-cafile'), ...file('cert', 'etcd-certfile'), ...file('key', 'etcd-keyfile') }
    if (hosts.length === 0) return undefined
    return { etcd: { hosts, ...(Object.keys(tls).length === 0 ? {} : { tls }) } }
  }

  /** The statistics are part of the API here. An empty token means everybody there; here, everybody on this host. */
  #statsApi(): ApiConfig | undefined {
    const entry = this.#entry(['api', 'listen'], 'stats', 'statsserver')
    const token = this.#entry(['api', 'tokens'], 'stats', 'statsserverauthtoken')
    if (entry === undefined || entry.value === '') return undefined
    return {
      listen: this.#address(entry, 9600),
      ...tokensOf(token, { principal: 'stats', verbs: ['read', 'stats', 'cache'] }),
    }
  }

  #restApi(): ApiConfig {
    const entry = this.#entry(['api', 'listen'], 'dnsapi', 'api-address')
    const token = this.#entry(['api', 'tokens'], 'dnsapi', 'containerdns-auth')
    const listen = entry === undefined || entry.value === '' ? { port: API_PORT } : this.#address(entry, API_PORT)
    return { listen, ...tokensOf(token, { principal: 'containerdns', admin: true }) }
  }

  /** glog: 0 is what happens, more is more of it. */
  #log(section: string): { level: LogLevel } | undefined {
    const entry = this.#entry(['log', 'level'], section, 'log-level')
    if (entry === undefined || entry.value === '') return undefined
    return { level: this.#number(entry) > 2 ? 'debug' : 'info' }
  }

  /** `HOST:PORT`, `:PORT` or `HOST`. */
  #address(entry: IniEntry, port: number): { host: string; port: number } {
    const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(entry.value)
    const host = match === null ? entry.value : (match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]!))
    if (isIP(host) === 0)
      throw this.#fault(entry, `${entry.name} must be an address and a port, got ${JSON.stringify(entry.value)}`)
    return { host, port: match?.[3] === undefined ? port : Number(match[3]) }
  }

  #boolean(section: string, key: string): boolean | undefined {
    const entry = this.#entry(['selection'], section, key)
    if (entry === undefined || entry.value === '') return undefined
    if (/^(?:true|yes|on|1|t)$/i.test(entry.value)) return true
    if (/^(?:false|no|off|0|f)$/i.test(entry.value)) return false
    throw this.#fault(entry, `${entry.name} must be true or false, got ${JSON.stringify(entry.value)}`)
  }

  #number(entry: IniEntry): number {
    if (/^\d{1,9}$/.test(entry.value)) return Number(entry.value)
    throw this.#fault(entry, `${entry.name} must be a whole number, got ${JSON.stringify(entry.value)}`)
  }

  /** The last of a key counts, as in gcfg; of several spellings, the first that is there. */
  #entry(path: ConfigPath, section: string, ...keys: readonly string[]): IniEntry | undefined {
    const found = keys.flatMap((key) => this.#find(section, key) ?? [])[0]
    for (const entry of this.#entries) if (entry.section === section && keys.includes(entry.key)) this.#used.add(entry)
    if (found !== undefined) this.#places.push({ path, entry: found })
    return found
  }

  #find(section: string, key: string): IniEntry | undefined {
    return this.#entries.findLast((entry) => entry.section === section && entry.key === key)
  }

  #fault(entry: IniEntry, reason: string): ContainerDnsError {
    return faultAt('CDNS_CONFIG_INVALID', this.#file, entry.line, reason)
  }
}

function listOf(entry: IniEntry | undefined): string[] {
  return (entry?.value ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function tokensOf(entry: IniEntry | undefined, token: object): Pick<ApiConfig, 'tokens' | 'queryToken'> {
  if (entry === undefined || entry.value === '') return {}
  const hash = `sha256:${createHash('sha256').update(entry.value).digest('hex')}`
  return { tokens: [{ ...token, hash } as never], queryToken: true }
}
