import { type Logger, pino } from 'pino'

/** pino on standard error, a JSON line an event; standard output stays free. `level` is one of LOG_LEVELS. */
export function createLogger(level: string): Logger {
  return pino({ name: 'containerdns', level }, pino.destination({ dest: 2, sync: true }))
}
