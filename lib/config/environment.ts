import { readFileSync } from 'node:fs'
import { ContainerDnsError } from '../errors.js'
import { type ConfigPath, parseYamlValue } from '../yaml-document.js'

/** What stands before each variable that a config looks at. */
export const ENVIRONMENT_PREFIX = 'CONTAINERDNS_'
/** `CONTAINERDNS_FILE__STORE__ETCD__AUTH__PASSWORD=/run/secrets/etcd`: the value is what the file holds. */
const FILE_PREFIX = 'FILE__'
const SEPARATOR = '__'

/** A value from the environment, and where in the config it goes. */
export interface Override {
  readonly variable: string
  readonly path: ConfigPath
  readonly value: unknown
}

export interface Overrides {
  readonly overrides: readonly Override[]
  /** Variables that begin as ours do and stand for nothing: of a Kubernetes Service of our name there are many. */
  readonly ignored: readonly string[]
}

/**
 * The overrides in an environment: `CONTAINERDNS_NEGATIVE_TTL=60`, `CONTAINERDNS_EDNS__UDP_PAYLOAD_SIZE=1400`. A value is YAML, as it
 * would stand in the file. `known` are the keys at the top of a config. Throws CDNS_CONFIG_INVALID.
 */
export function readEnvironment(environment: NodeJS.ProcessEnv, known: readonly string[]): Overrides {
  const overrides: Override[] = []
  const ignored: string[] = []
  for (const [variable, text] of Object.entries(environment).sort()) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || text === undefined) continue
    const rest = variable.slice(ENVIRONMENT_PREFIX.length)
    const isFile = rest.startsWith(FILE_PREFIX)
    const path = (isFile ? rest.slice(FILE_PREFIX.length) : rest).split(SEPARATOR).map(stepOf)
    if (known.includes(path[0] as string)) {
      overrides.push({ variable, path, value: isFile ? textOf(variable, text) : parsedValue(variable, text) })
    } else if (!CLIENT_VARIABLES.includes(variable)) ignored.push(variable)
  }
  return { overrides, ignored }
}

/** For the commands that ask an API. */
export const CLIENT_VARIABLES = [
  'CONTAINERDNS_SERVER',
  'CONTAINERDNS_TOKEN',
  'CONTAINERDNS_TOKEN_FILE',
  'CONTAINERDNS_CA',
]

/** What a config becomes with the overrides; the config itself stays as it is. Throws CDNS_CONFIG_INVALID. */
export function withOverrides(config: object, overrides: readonly Override[]): object {
  let result: unknown = config
  for (const override of overrides) result = withValue(result, override, 0)
  return result as object
}

function withValue(given: unknown, override: Override, depth: number): unknown {
  const { path, value, variable } = override
  if (depth === path.length) return value
  const step = path[depth]!
  if (typeof step === 'number') {
    const items = Array.isArray(given) ? [...given] : []
    if (step > items.length) throw faultOf(variable, `there is no item ${step}`)
    items[step] = withValue(items[step], override, depth + 1)
    return items
  }
  const object = typeof given === 'object' && given !== null && !Array.isArray(given) ? given : {}
  return { ...object, [step]: withValue((object as Record<string, unknown>)[step], override, depth + 1) }
}

/** `UDP_PAYLOAD_SIZE` stands for `udpPayloadSize`, `0` for the first item. */
function stepOf(words: string): string | number {
  if (/^\d{1,4}$/.test(words)) return Number(words)
  return words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function parsedValue(variable: string, text: string): unknown {
  try {
    return parseYamlValue(text)
  } catch (cause) {
    throw faultOf(variable, (cause as Error).message, cause)
  }
}

function textOf(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw faultOf(variable, (cause as Error).message, cause)
  }
}

function faultOf(variable: string, reason: string, cause?: unknown): ContainerDnsError {
  return new ContainerDnsError('CDNS_CONFIG_INVALID', `environment, ${variable}: ${reason}`, { cause })
}
