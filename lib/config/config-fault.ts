import { ContainerDnsError } from '../errors.js'
import type { ContainerDnsOptions } from '../options.js'
import { type ConfigPath, faultAt } from '../yaml-document.js'
import type { Override } from './environment.js'

export interface ConfigSourceOptions {
  /** Undefined without a file. */
  readonly path: string | undefined
  readonly lineOf: ((path: ConfigPath) => number) | undefined
  readonly overrides: readonly Override[]
  /** Keys at the top that come from a command line. */
  readonly flags: object
}

/** Of most keys a flag says all; of these it says a part, and the rest is the file's. */
export const MERGED_KEYS: readonly string[] = ['api', 'forward', 'log']

/** What is wrong was said by flags of a command line. */
export class FlagFault extends ContainerDnsError {}

/** Names of parts of a config as the messages of their parsers begin. */
const PREFIXES: readonly (readonly [string, ConfigPath])[] = [
  ['etcdStore', ['store', 'etcd']],
  ['memoryStore', ['store', 'memory']],
  ['kubernetesStore', ['store', 'kubernetes']],
]

/** Where the values of a config come from, for whoever is to mend one of them. */
export class ConfigSource {
  readonly #options: ConfigSourceOptions

  constructor(options: ConfigSourceOptions) {
    this.#options = options
  }

  /** Runs a check of what stands at a path; what it throws becomes CDNS_CONFIG_INVALID with the place. */
  checked<T>(check: () => T, path: ConfigPath): T {
    try {
      return check()
    } catch (error) {
      throw this.#fault(pathIn((error as Error).message, path), error as Error)
    }
  }

  /** The same for what a config names, and what takes time to read: the fault is that of `path`, or stands below it where the message says so. */
  async checkedFile(check: () => Promise<unknown>, path: ConfigPath, saysWhere = false): Promise<void> {
    try {
      await check()
    } catch (error) {
      throw this.#fault(saysWhere ? pathIn((error as Error).message, path) : path, error as Error)
    }
  }

  /**
   * The same for options. Where a message does not begin with the option it is about, the option is found by trying: each key
   * alone, then each of its items.
   */
  checkedOptions(options: ContainerDnsOptions, check: (options: ContainerDnsOptions) => void): void {
    try {
      check(options)
    } catch (error) {
      const { message } = error as Error
      const said = pathIn(message, [])
      const isSaid = said.length > 0 && Object.hasOwn(options, said[0]!)
      throw this.#fault(isSaid ? said : guilty(options, check), error as Error)
    }
  }

  fault(path: ConfigPath, reason: string, cause?: Error): ContainerDnsError {
    const { path: file, lineOf, flags } = this.#options
    // The last word counts.
    if (isSaidBy(flags, path)) {
      return new FlagFault('CDNS_CONFIG_INVALID', `command line, ${path[0]}: ${reason}`, { cause })
    }
    const elsewhere = this.#placeOutside(path)
    if (elsewhere === undefined && lineOf !== undefined) {
      return faultAt('CDNS_CONFIG_INVALID', file!, lineOf(path), reason, cause)
    }
    return new ContainerDnsError('CDNS_CONFIG_INVALID', `${elsewhere ?? file}: ${reason}`, { cause })
  }

  #fault(path: ConfigPath, cause: Error): ContainerDnsError {
    return this.fault(path, cause.message, cause)
  }

  /** Where a value comes from that is neither a flag's nor the file's. */
  #placeOutside(path: ConfigPath): string | undefined {
    const { overrides, path: file } = this.#options
    const override = overrides.findLast((each) => each.path.every((step, i) => i >= path.length || step === path[i]))
    if (override !== undefined && path.length > 0) return `environment, ${override.variable}`
    return file === undefined ? 'config' : undefined
  }
}

/** Whether a flag says what is there, or all that it is part of. */
function isSaidBy(flags: object, path: ConfigPath): boolean {
  let said: unknown = flags
  for (const step of path) {
    if (said !== flags && !isSection(said)) return true
    if (!Object.hasOwn(said as object, step)) return false
    said = (said as Record<string | number, unknown>)[step]
    if (!MERGED_KEYS.includes(String(path[0]))) return true
  }
  return path.length > 0
}

/** An object with keys, and no list. */
export function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `listen[1].tls has no key "x"` is about `listen`, 1, `tls`, `x`. */
function pathIn(message: string, base: ConfigPath): ConfigPath {
  const said = /^[A-Za-z]\w*(?:\[\d+\]|\.[A-Za-z]\w*)*/.exec(message)?.[0] ?? ''
  const steps = said
    .split(/[.[\]]/)
    .filter((step) => step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  const unknown = /^[^"]* has no key "([^"]+)"/.exec(message)?.[1]
  return [...rooted(steps, message, base), ...(unknown === undefined ? [] : [unknown])]
}

function rooted(steps: ConfigPath, message: string, base: ConfigPath): ConfigPath {
  const [first, ...rest] = steps
  const prefix = PREFIXES.find(([name]) => name === first)
  if (prefix !== undefined) return [...prefix[1], ...rest]
  if (/^(?:the config|the options of the API|reload) /.test(message) || first === undefined || first === 'options')
    return base
  return base.length === 0 || first === base[0] ? steps : [...base, ...steps]
}

/** The smallest part of the options that cannot be taken by itself. */
function guilty(options: ContainerDnsOptions, check: (options: ContainerDnsOptions) => void): ConfigPath {
  const fails = (given: object) => {
    try {
      check(given)
      return false
    } catch {
      return true
    }
  }
  for (const [name, value] of Object.entries(options)) {
    if (!fails({ [name]: value })) continue
    if (!Array.isArray(value)) return [name]
    const item = value.findIndex((each) => fails({ [name]: [each] }))
    return item < 0 ? [name] : [name, item]
  }
  return []
}
