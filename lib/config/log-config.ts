import { describe, refuseUnknownKeys } from '../bounds.js'
import { ContainerDnsError } from '../errors.js'
import { LOG_LEVELS, type LogLevel } from './log-levels.js'

/** How a line looks: `json` for programs, `text` for people. */
export const LOG_FORMATS = ['json', 'text'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** What is logged, how, and where to. */
export interface LogConfig {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Default: standard error. */
  readonly file?: string
}

/** Throws CDNS_OPTION_UNKNOWN and CDNS_OPTION_INVALID. */
export function parseLog(given: unknown = {}): LogConfig {
  refuseUnknownKeys('log', given, ['level', 'format', 'file'])
  const { level, format, file } = given as Record<string, unknown>
  const where = file === undefined ? {} : { file: path(file) }
  return Object.freeze({
    level: oneOf('level', level, LOG_LEVELS, 'info'),
    format: oneOf('format', format, LOG_FORMATS, 'json'),
    ...where,
  })
}

function oneOf<T extends string>(key: string, given: unknown, known: readonly T[], byDefault: T): T {
  const found = given === undefined ? byDefault : known.find((each) => each === given)
  if (found !== undefined) return found
  throw new ContainerDnsError(
    'CDNS_OPTION_INVALID',
    `log.${key} must be one of ${known.join(', ')}, got ${describe(given)}`,
  )
}

function path(given: unknown): string {
  if (typeof given === 'string' && given !== '' && !given.includes('\0')) return given
  throw new ContainerDnsError('CDNS_OPTION_INVALID', `log.file must be the path of a file, got ${describe(given)}`)
}
