import type { ContainerDnsError } from '../../errors.js'
import { type ConfigPath, faultAt } from '../../yaml-document.js'
import type { LogLevel } from '../log-levels.js'
import type { Ini, IniEntry } from './ini.js'
import { NO_COUNTERPART, ORIGIN_KEYS, type OriginProgram } from './origin-keys.js'

/** By its sections, and where those are the same, by its keys. */
export function programOf(file: string, { sections, entries }: Ini): OriginProgram {
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

/** What reads the files that say nothing to a server. */
const READERS: { readonly [Program in OriginProgram]?: string } = {
  'containerdns-scanner': 'is for `containerdns scanner --config-file`',
  'containerdns-schedule': 'is for `containerdns scheduler --config-file`',
}

/** The lines of a file of ContainerDNS: who has asked for which, and which of them nobody wanted. */
export class OriginEntries {
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

  boolean(path: ConfigPath, section: string, key: string): boolean | undefined {
    const entry = this.entry(path, section, key)
    if (entry === undefined || entry.value === '') return undefined
    if (/^(?:true|yes|on|1|t)$/i.test(entry.value)) return true
    if (/^(?:false|no|off|0|f)$/i.test(entry.value)) return false
    throw this.fault(entry, `${entry.name} must be true or false, got ${JSON.stringify(entry.value)}`)
  }

  /** Undefined where it says nothing. */
  text(section: string, ...keys: readonly string[]): string | undefined {
    const value = this.entry([], section, ...keys)?.value
    return value === '' ? undefined : value
  }

  number(entry: IniEntry): number {
    if (/^\d{1,9}$/.test(entry.value)) return Number(entry.value)
    throw this.fault(entry, `${entry.name} must be a whole number, got ${JSON.stringify(entry.value)}`)
  }

  /** The last of a key counts, as in gcfg; of several spellings, the first that is there. */
  entry(path: ConfigPath, section: string, ...keys: readonly string[]): IniEntry | undefined {
    const found = keys.flatMap((key) => this.find(section, key) ?? [])[0]
    for (const entry of this.#entries) if (entry.section === section && keys.includes(entry.key)) this.#used.add(entry)
    if (found !== undefined) this.#places.push({ path, entry: found })
    return found
  }

  find(section: string, key: string): IniEntry | undefined {
    return this.#entries.findLast((entry) => entry.section === section && entry.key === key)
  }

  fault(entry: IniEntry, reason: string): ContainerDnsError {
    return faultAt('CDNS_CONFIG_INVALID', this.#file, entry.line, reason)
  }

  /** It is understood, and nothing here. */
  ignore(section: string, key: string, reason: string): void {
    const entry = this.find(section, key)
    if (entry !== undefined) this.#ignored.set(entry, reason)
  }

  /** What has no counterpart here, each with the reason. */
  ignored(): string[] {
    return this.#entries.flatMap((entry) => {
      if (this.#used.has(entry) && !this.#ignored.has(entry)) return []
      const known = NO_COUNTERPART[entry.key]
      const isKnown = ORIGIN_KEYS[this.#program].includes(`${entry.section}.${entry.key}`)
      const other = READERS[this.#program] ?? `is for ${this.#program}, which has no counterpart that reads this file`
      const reason = this.#ignored.get(entry) ?? known ?? (isKnown ? other : `is no key of ${this.#program}`)
      return [`${this.#file}, line ${entry.line}: ${entry.name} ${reason}`]
    })
  }

  lineOf(path: ConfigPath): number {
    const fits = (place: ConfigPath) => place.every((step, i) => i >= path.length || step === path[i])
    return this.#places.findLast((each) => fits(each.path))?.entry.line ?? 1
  }

  /** glog: 0 is what happens, more is more of it. */
  log(section: string): { level: LogLevel } | undefined {
    const entry = this.entry(['log', 'level'], section, 'log-level')
    if (entry === undefined || entry.value === '') return undefined
    return { level: this.number(entry) > 2 ? 'debug' : 'info' }
  }
}

/** Words with commas between. */
export function listOf(entry: IniEntry | undefined): string[] {
  return (entry?.value ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}
