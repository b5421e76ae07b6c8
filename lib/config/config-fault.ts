import { ContainerDnsError, DetailedError, detailsOf } from '../errors.js'
import type { ConfigPath } from '../yaml-document.js'
import type { Override } from './environment.js'
import { pathText } from './fault-path.js'

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

/** More than anybody mends at once; each costs some parsing of the whole. */
export const MAX_FAULTS = 100

/** What is wrong was said by flags of a command line. */
export class FlagFault extends DetailedError {}

/** One fault of a config, as programs read it: in the `details` of the error, and in what `containerdns check --json` prints. */
export interface ConfigFault {
  /** Left out where the value does not come from a file, as is `line`. */
  readonly file?: string
  readonly line?: number
  /** `listen[1].tls.cert`; empty where it is about the config as a whole. */
  readonly path: string
  /** What is wrong; CDNS_CONFIG_INVALID where there is no more to say. */
  readonly code: string
  readonly message: string
}

/** The faults that a CDNS_CONFIG_INVALID is about; none of any other error. */
export function configFaultsOf(error: unknown): readonly ConfigFault[] {
  const { code, message } = error as Partial<ContainerDnsError>
  if (code !== 'CDNS_CONFIG_INVALID') return []
  const { faults, file, line } = detailsOf(error) as { faults?: ConfigFault[]; file?: string; line?: number }
  // A file that cannot be read is as wrong as one that says the wrong things.
  return (
    faults ?? [
      { ...(file !== undefined && { file }), ...(line !== undefined && { line }), path: '', code, message: message! },
    ]
  )
}

/** Where the values of a config come from, for whoever is to mend one of them. */
export class ConfigSource {
  readonly #options: ConfigSourceOptions

  constructor(options: ConfigSourceOptions) {
    this.#options = options
  }

  /** CDNS_CONFIG_INVALID with the place of the value at a path. */
  fault(path: ConfigPath, reason: string, cause?: Error): DetailedError {
    const said = saysPath(reason, path) ? reason : `${pathText(path)}: ${reason}`
    const { path: file, lineOf, flags } = this.#options
    // The last word counts.
    if (isSaidBy(flags, path)) return faultOf(FlagFault, `command line, ${path[0]}: ${said}`, {}, path, cause)
    const elsewhere = this.#placeOutside(path)
    if (elsewhere !== undefined) return faultOf(DetailedError, `${elsewhere}: ${said}`, {}, path, cause)
    if (lineOf === undefined) return faultOf(DetailedError, `${file}: ${said}`, { file: file! }, path, cause)
    const line = lineOf(path)
    return faultOf(DetailedError, `${file}, line ${line}: ${said}`, { file: file!, line }, path, cause)
  }

  /** Where a value comes from that is neither a flag's nor the file's. */
  #placeOutside(path: ConfigPath): string | undefined {
    const { overrides, path: file } = this.#options
    const override = overrides.findLast((each) => each.path.every((step, i) => i >= path.length || step === path[i]))
    if (override !== undefined && path.length > 0) return `environment, ${override.variable}`
    return file === undefined ? 'config' : undefined
  }
}

/** Faults as one error, in the order of the file. It is a FlagFault only where a command line is all that is wrong. */
export function oneOfFaults(faults: readonly DetailedError[]): DetailedError {
  const lineOf = ({ details }: DetailedError) => Number(details['line'] ?? 0)
  const inOrder = [...faults].sort((one, other) => lineOf(one) - lineOf(other))
  const [first] = inOrder
  if (inOrder.length === 1) return first!
  const Fault = inOrder.every((each) => each instanceof FlagFault) ? FlagFault : DetailedError
  const message = `${inOrder.length} faults: ${inOrder.map((each) => each.message).join('; ')}`
  // Whoever shows one place shows the first.
  const { file, line } = (inOrder.find(({ details }) => 'line' in details) ?? first!).details
  const place = { ...(file !== undefined && { file }), ...(line !== undefined && { line }) }
  return new Fault('CDNS_CONFIG_INVALID', message, { ...place, faults: inOrder.flatMap(configFaultsOf) })
}

function faultOf(
  Fault: typeof DetailedError,
  message: string,
  place: { readonly file?: string; readonly line?: number },
  path: ConfigPath,
  cause: Error | undefined,
): DetailedError {
  const code = cause instanceof ContainerDnsError ? cause.code : 'CDNS_CONFIG_INVALID'
  const faults: readonly ConfigFault[] = [{ ...place, path: pathText(path), code, message }]
  return new Fault('CDNS_CONFIG_INVALID', message, { ...place, faults }, { cause })
}

/** Most messages begin with the option that they are about, or name the key. */
function saysPath(reason: string, path: ConfigPath): boolean {
  const [first] = path
  const last = path.at(-1)
  return (
    first === undefined ||
    reason.startsWith(String(first)) ||
    (typeof last === 'string' && reason.includes(`"${last}"`))
  )
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
