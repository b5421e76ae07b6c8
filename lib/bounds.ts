import { ContainerDnsError, type ErrorCode } from './errors.js'

/** A numeric option: default, smallest and largest value, unit. Types, checks and docs read the same object. */
export interface Bounds {
  readonly default: number
  readonly min: number
  readonly max: number
  /** Left out where a number counts nothing. */
  readonly unit?: string
}

/** A whole number within its bounds; the default for undefined. Throws CDNS_OPTION_INVALID, or the code given. */
export function numberWithin(
  option: string,
  given: unknown,
  bounds: Bounds,
  code: ErrorCode = 'CDNS_OPTION_INVALID',
): number {
  if (given === undefined) return bounds.default
  return wholeNumber(option, given, bounds, code)
}

/** A whole number from `min` to `max`, that has no default. Throws the code given. */
export function wholeNumber(
  what: string,
  given: unknown,
  range: { readonly min: number; readonly max: number; readonly unit?: string },
  code: ErrorCode,
): number {
  if (typeof given === 'number' && Number.isInteger(given) && given >= range.min && given <= range.max) return given
  const unit = range.unit === undefined ? '' : ` of ${range.unit}`
  throw new ContainerDnsError(
    code,
    `${what} must be a whole number${unit} from ${range.min} to ${range.max}, got ${describe(given)}`,
  )
}

/** True or false; false for undefined. Throws CDNS_OPTION_INVALID. */
export function parseBoolean(option: string, given: unknown = false): boolean {
  if (typeof given === 'boolean') return given
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be true or false, got ${describe(given)}`)
}

/** Throws CDNS_OPTION_UNKNOWN for a key that is not in `known`, naming the nearest one; CDNS_OPTION_INVALID for no object. */
export function refuseUnknownKeys(option: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ContainerDnsError('CDNS_OPTION_INVALID', `${option} must be an object, got ${describe(given)}`)
  }
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`
    throw new ContainerDnsError('CDNS_OPTION_UNKNOWN', `${option} has no key ${describe(key)}; ${hint}`)
  }
}

/** A value as an error message shows it: short, and with strings told apart from numbers. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}

/** The known word within two edits, or none: further away it is a guess, not a hint. */
function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = 3
  for (const candidate of known) {
    // Keys may come from a stranger's JSON: a long one is not worth the arithmetic.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      bestDistance = distance
      best = candidate
    }
  }
  return best
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution))
    }
    previous = row
  }
  return previous[b.length]!
}
