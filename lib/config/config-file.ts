import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { describe } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { faultAt, YamlDocument } from '../yaml-document.js'
import { checkConfig } from './check-config.js'
import { checkFiles } from './check-files.js'
import { CONFIG_KEYS, type Config, type ConfigFileContent } from './config.js'
import { ConfigSource, isSection, MERGED_KEYS, oneOfFaults } from './config-fault.js'
import { readEnvironment, withOverrides } from './environment.js'
import { listenedTwice } from './listened-twice.js'
import { type LogFormat, parseLog } from './log-config.js'
import { originConfig } from './origin/origin-config.js'
import type { OriginProgram } from './origin/origin-keys.js'

export interface ReadConfigOptions {
  /** YAML or JSON. Default: none, the environment alone. */
  readonly file?: string | undefined
  /** A file of ContainerDNS, instead. */
  readonly originFile?: string | undefined
  /** Whose file that may be; default: anybody's. */
  readonly originPrograms?: readonly OriginProgram[]
  readonly environment?: NodeJS.ProcessEnv
  /** Keys that count more than those of the file and of the environment: a command line's. */
  readonly flags?: object
  /** Whether to read and check the files of records, certificates and tokens that it names, too. Default false. */
  readonly checksFiles?: boolean
}

/**
 * Reads and checks a config. Throws CDNS_CONFIG_INVALID, with file, line, key and reason of each fault, which `details.faults` has one by one. Of a
 * file that is no YAML, and of an environment that cannot be read, it is the first.
 */
export async function readConfig({
  file,
  originFile,
  originPrograms,
  environment = {},
  flags = {},
  checksFiles = false,
}: ReadConfigOptions): Promise<Config> {
  const path = file ?? originFile
  const text = path === undefined ? '' : await readText(path)
  const origin = originFile === undefined ? undefined : originConfig(originFile, text)
  if (origin !== undefined && originPrograms?.includes(origin.program) === false) {
    const wanted = `this is a file of ${origin.program}, and one of ${originPrograms.join(' or ')} is wanted`
    throw faultAt('CDNS_CONFIG_INVALID', originFile!, 1, wanted)
  }
  const document = file === undefined ? undefined : new YamlDocument(file, text, 'CDNS_CONFIG_INVALID')
  const content = origin?.content ?? document?.value ?? {}
  const { overrides, ignored } = readEnvironment(environment, CONFIG_KEYS)
  const source = new ConfigSource({
    path,
    lineOf: document ? (at) => document.lineOf(at) : origin?.lineOf,
    overrides,
    flags,
  })
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw source.fault([], `a config must be keys and values, got ${describe(content)}`)
  }
  const whole = withFlags(withOverrides(absolute(content, path), overrides), flags)
  const { config, faults, draft } = checkConfig(whole, source)
  const twice = config === undefined ? [] : listenedTwice(config.options, draft, source)
  const inFiles = checksFiles && config !== undefined ? await checkFiles(config, draft, source) : []
  const all = [...(origin?.faults ?? []), ...faults, ...twice, ...inFiles]
  if (all.length > 0) throw oneOfFaults(all)
  return {
    ...config!,
    ignored: [
      ...(origin?.ignored ?? []),
      ...ignored.map((variable) => `the environment's ${variable} is no key of a config`),
    ],
  }
}

/** How lines of a log are to look, whatever else of the config is wrong: the fault itself is to be read. */
export async function readLogFormat({ file, environment = {}, flags = {} }: ReadConfigOptions): Promise<LogFormat> {
  const said = [
    () => flags,
    () => withOverrides({}, readEnvironment(environment, ['log']).overrides),
    async () => file && new YamlDocument(file, await readText(file), 'CDNS_CONFIG_INVALID').value,
  ]
  for (const content of said) {
    try {
      const log = partOf(Object(await content()), 'log')
      const format = partOf(Object(log), 'format')
      if (format !== undefined) return parseLog({ format }).format
    } catch {
      // It is part of what is wrong, which is said when all of it is read.
    }
  }
  return parseLog().format
}

function withFlags(content: object, flags: object): ConfigFileContent {
  const merged = MERGED_KEYS.map((key) => [key, merge(partOf(content, key), partOf(flags, key))] as const)
  return { ...content, ...flags, ...Object.fromEntries(merged.filter(([, value]) => value !== undefined)) }
}

function merge(before: unknown, said: unknown): unknown {
  if (said === undefined) return before
  if (!isSection(before) || !isSection(said)) return said
  const parts = Object.entries(said).map(([key, value]) => [key, merge(partOf(before, key), value)])
  return { ...before, ...Object.fromEntries(parts) }
}

function partOf(section: object, key: string): unknown {
  return Object.hasOwn(section, key) ? (section as Record<string, unknown>)[key] : undefined
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ContainerDnsError('CDNS_CONFIG_INVALID', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Keys whose values are paths, whatever they are part of. */
const PATH_KEYS: readonly string[] = [
  'recordsFile',
  'zoneFile',
  'hostsFile',
  'snapshotFile',
  'auditFile',
  'resolvConf',
  'kubeconfig',
  'path',
  'file',
]
const PEM_KEYS: readonly string[] = ['cert', 'key']
const HOOK_KEYS: readonly string[] = ['onQuery', 'selectBackend', 'onResponse', 'checkHealth']

/** Paths in a file are meant from where the file is. */
function absolute(content: object, file: string | undefined): object {
  if (file === undefined) return content
  const folder = resolve(dirname(file))
  const visit = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => visit(item, key))
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        // The path of DoH is one of a URL.
        Object.entries(value).map(([name, item]) => [name, key === 'doh' ? item : visit(item, name)]),
      )
    }
    return typeof value === 'string' && isPath(key, value) ? resolve(folder, value) : value
  }
  return visit(content, '') as object
}

function isPath(key: string, value: string): boolean {
  if (value === '' || isAbsolute(value)) return false
  if (PATH_KEYS.includes(key)) return true
  if (PEM_KEYS.includes(key)) return !value.trimStart().startsWith('-----BEGIN')
  return HOOK_KEYS.includes(key) && !/^(?:file|data):/.test(value)
}
