import { type Logger, pino } from 'pino'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** pino on standard error, a JSON line an event; standard output stays free. `level` is one of LOG_LEVELS. */
export function createLogger(level: string): Logger {
  return pino({ name: 'containerdns', level }, pino.destination({ dest: 2, sync: true }))
}
