import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { type DetailedError, detailsOf } from '../../errors.js'
import type { ConfigPath } from '../../yaml-document.js'
import type { ApiConfig, ConfigFileContent } from '../config.js'
import { MAX_FAULTS } from '../config-fault.js'
import { type IniEntry, readIni } from './ini.js'
import { listOf, OriginEntries, programOf } from './origin-entries.js'
import type { OriginProgram } from './origin-keys.js'

/** A file of ContainerDNS, as a config of ours. */
export interface OriginConfig {
  readonly program: OriginProgram
  readonly content: ConfigFileContent
  /** What has no counterpart here, each with the reason. */
  readonly ignored: readonly string[]
  readonly lineOf: (path: ConfigPath) => number
  /** Lines that make no sense. The rest is as if they were not there. */
  readonly faults: readonly DetailedError[]
}

/** ContainerDNS's port of the REST API. */
const API_PORT = 9003

/**
 * What a file of ContainerDNS says, of `containerdns` itself or of `containerdns-kubeapi`, in the spelling of its README and of its code. The files of its
 * scanner and schedule are known, and say nothing to a server. Throws CDNS_CONFIG_INVALID with the line for what is no such file at all.
 */
export function originConfig(file: string, text: string): OriginConfig {
  const ini = readIni(file, text)
  const program = programOf(file, ini)
  const faults: DetailedError[] = []
  let left = ini.entries
  for (;;) {
    const entries = new OriginEntries(file, program, left)
    try {
      const content = contentOf(program, entries)
      return { program, content, ignored: entries.ignored(), lineOf: (path) => entries.lineOf(path), faults }
    } catch (error) {
      const { line } = detailsOf(error)
      const others = left.filter((each) => each.line !== line)
      if (others.length === left.length) throw error
      faults.push(error as DetailedError)
      left = faults.length < MAX_FAULTS ? others : []
    }
  }
}

function contentOf(program: OriginProgram, entries: OriginEntries): ConfigFileContent {
  const reader = new ConfigReader(entries)
  return program === 'containerdns' ? reader.server() : program === 'containerdns-kubeapi' ? reader.api() : {}
}

class ConfigReader {
  readonly #of: OriginEntries

  constructor(entries: OriginEntries) {
    this.#of = entries
  }

  server(): ConfigFileContent {
    return {
      ...this.#given('zones', this.#zones(['dns', 'dns-domains', 'dns-domain'])),
      ...this.#given('listen', this.#listen()),
      ...this.#given('selection', this.#selection()),
      ...this.#forwarding(),
      ...this.#given('store', this.#store('etcd')),
      ...this.#given('api', this.#statsApi()),
      ...this.#given('log', this.#of.log('log')),
    }
  }

  /** For `containerdns api`, which has the zones beside its API. */
  api(): ConfigFileContent {
    const isOn = this.#of.boolean(['api'], 'dnsapi', 'api-enable') ?? true
    const zones = this.#zones(['dnsapi', 'api-domains'], ['general', 'domain'])
    return {
      ...this.#given('zones', zones),
      ...this.#given('store', this.#store('general')),
      ...(isOn ? this.#given('api', this.#restApi()) : {}),
      ...this.#given('log', this.#of.log('general')),
    }
  }

  #given<K extends string, V>(key: K, value: V | undefined): { [Key in K]?: V } {
    return (value === undefined ? {} : { [key]: value }) as { [Key in K]?: V }
  }

  #zones(...names: string[][]): string[] | undefined {
    const entry = names.flatMap(([section, ...keys]) => this.#of.entry(['zones'], section!, ...keys) ?? [])[0]
    const zones = entry?.value
      .split('%')
      .map((zone) => zone.trim())
      .filter((zone) => zone !== '')
    return zones === undefined || zones.length === 0 ? undefined : zones.map((zone) => zone.replace(/(?<=.)\.$/, ''))
  }

  #listen(): ConfigFileContent['listen'] {
    const entry = this.#of.entry(['listen'], 'dns', 'dns-addr')
    return entry === undefined || entry.value === '' ? { host: '127.0.0.1', port: 53 } : this.#address(entry, 53)
  }

  /** `random-one` gives each client the next address, `hone-one` each client always the same. */
  #selection(): ConfigFileContent['selection'] {
    const rotates = this.#of.boolean(['selection'], 'fun', 'random-one')
    const entry = this.#of.find('fun', 'hone-one')
    const hashes = this.#of.boolean(['selection'], 'fun', 'hone-one')
    if (rotates && hashes) throw this.#of.fault(entry!, 'hone-one and random-one cannot both be true')
    if (rotates) return { policy: 'rotate', maxAnswers: 1 }
    return hashes ? { policy: 'clientHash', maxAnswers: 1 } : undefined
  }

  /** `ex-nameservers`, with the machine's own by default, and `zone@ip:port,ip:port%zone2@…`. */
  #forwarding(): object {
    const upstreams = this.#of.entry(['forward'], 'dns', 'ex-nameservers', 'nameservers')
    const zones = this.#of.entry(['forwardZones'], 'dns', 'indomainservers', 'subdomainservers')
    const size = this.#of.entry(['forward', 'cache', 'maxEntries'], 'dns', 'cachesize')
    const servers = listOf(upstreams)
    // Less than the default is not taken there either.
    const cache = size === undefined ? {} : { cache: { maxEntries: Math.max(100_000, this.#of.number(size)) } }
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
          throw this.#of.fault(zones!, `${zones!.name} must be like zone@192.0.2.53:53,192.0.2.54:53%zone2@…`)
        return {
          zone: match[1]!.trim().replace(/(?<=.)\.$/, ''),
          upstreams: match[2]!.split(',').map((each) => each.trim()),
        }
      })
    return { forward, ...(forwardZones.length === 0 ? {} : { forwardZones }) }
  }

  #store(section: string): ConfigFileContent['store'] {
    const path = ['store', 'etcd', 'hosts']
    const hosts = listOf(this.#of.entry(path, section, 'etcd-servers', 'etcd-server', 'etcd-machine'))
    const file = (name: string, ...keys: string[]) => {
      const entry = this.#of.entry(['store', 'etcd', 'tls', name], section, ...keys)
      return entry === undefined || entry.value === '' ? {} : { [name]: { file: entry.value } }
    }
    const tls = { ...file('ca', 'etcd-cafile'), ...file('cert', 'etcd-certfile'), ...file('key', 'etcd-keyfile') }
    if (hosts.length === 0) return undefined
    return { etcd: { hosts, ...(Object.keys(tls).length === 0 ? {} : { tls }) } }
  }

  /** The statistics are part of the API here. An empty token means everybody there; here, everybody on this host. */
  #statsApi(): ApiConfig | undefined {
    const entry = this.#of.entry(['api', 'listen'], 'stats', 'statsserver')
    const token = this.#of.entry(['api', 'tokens'], 'stats', 'statsserverauthtoken')
    if (entry === undefined || entry.value === '') return undefined
    return {
      listen: this.#address(entry, 9600),
      ...tokensOf(token, { principal: 'stats', verbs: ['read', 'stats', 'cache'] }),
    }
  }

  #restApi(): ApiConfig {
    const entry = this.#of.entry(['api', 'listen'], 'dnsapi', 'api-address')
    const token = this.#of.entry(['api', 'tokens'], 'dnsapi', 'containerdns-auth')
    const listen = entry === undefined || entry.value === '' ? { port: API_PORT } : this.#address(entry, API_PORT)
    return { listen, ...tokensOf(token, { principal: 'containerdns', admin: true }) }
  }

  /** `HOST:PORT`, `:PORT` or `HOST`. */
  #address(entry: IniEntry, port: number): { host: string; port: number } {
    const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(entry.value)
    const host = match === null ? entry.value : (match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]!))
    if (isIP(host) === 0)
      throw this.#of.fault(entry, `${entry.name} must be an address and a port, got ${JSON.stringify(entry.value)}`)
    return { host, port: match?.[3] === undefined ? port : Number(match[3]) }
  }
}

function tokensOf(entry: IniEntry | undefined, token: object): Pick<ApiConfig, 'tokens' | 'queryToken'> {
  if (entry === undefined || entry.value === '') return {}
  const hash = `sha256:${createHash('sha256').update(entry.value).digest('hex')}`
  return { tokens: [{ ...token, hash } as never], queryToken: true }
}
