import type { ContainerDnsOptions } from '../options.js'
import type { ConfigPath } from '../yaml-document.js'

/** What a check of a config has thrown, and what it is about. It never leaves this folder. */
export class PlacedFault extends Error {
  readonly path: ConfigPath
  override readonly cause: Error

  constructor(path: ConfigPath, cause: Error) {
    super(cause.message, { cause })
    this.path = path
    this.cause = cause
  }
}

/** Runs a check of what stands at a path; what it throws is placed there, or below it where its message says so. */
export function placed<T>(check: () => T, path: ConfigPath): T {
  try {
    return check()
  } catch (error) {
    throw new PlacedFault(pathIn((error as Error).message, path), error as Error)
  }
}

/**
 * The same for options. Where a message does not begin with the option it is about, the option is found by trying: each key
 * alone, then each of its items.
 */
export function placedOption(options: ContainerDnsOptions, check: (options: ContainerDnsOptions) => void): void {
  try {
    check(options)
  } catch (error) {
    const said = pathIn((error as Error).message, [])
    const isSaid = said.length > 0 && Object.hasOwn(options, said[0]!)
    throw new PlacedFault(isSaid ? said : guilty(options, check), error as Error)
  }
}

/** `listen[1].tls has no key "x"` is about `listen`, 1, `tls`, `x`. */
export function pathIn(message: string, base: ConfigPath): ConfigPath {
  const said = /^[A-Za-z]\w*(?:\[\d+\]|\.[A-Za-z]\w*)*/.exec(message)?.[0] ?? ''
  const steps = said
    .split(/[.[\]]/)
    .filter((step) => step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  const unknown = /^[^"]* has no key ("(?:[^"\\]|\\.)*")/.exec(message)?.[1]
  return [...rooted(steps, message, base), ...(unknown === undefined ? [] : [JSON.parse(unknown) as string])]
}

/** The key that an unknown one seems to be meant for. */
export function hintIn(message: string): string | undefined {
  return /; did you mean (\w+)\?$/.exec(message)?.[1]
}

/** The way back: `listen[1].tls`. */
export function pathText(path: ConfigPath): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
}

/** Names of parts of a config as the messages of their parsers begin. */
const PREFIXES: readonly (readonly [string, ConfigPath])[] = [
  ['etcdStore', ['store', 'etcd']],
  ['memoryStore', ['store', 'memory']],
  ['kubernetesStore', ['store', 'kubernetes']],
]

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
