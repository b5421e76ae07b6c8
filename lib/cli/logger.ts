import { type Logger, pino } from 'pino'
import { ContainerDnsError } from '../errors.js'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const

/** pino on standard error, a JSON line an event; standard output stays free. Throws CDNS_OPTION_INVALID. */
export function createLogger(level: string): Logger {
  if (!LOG_LEVELS.some((known) => known === level)) {
    throw new ContainerDnsError(
      'CDNS_OPTION_INVALID',
      `--log-level must be one of ${LOG_LEVELS.join(', ')}, got ${level}`,
    )
  }
  return pino({ name: 'containerdns', level }, pino.destination({ dest: 2, sync: true }))
}
