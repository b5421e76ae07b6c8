import { callHost } from './errors.js'

/** The part of pino's shape that we use: an object of fields first, then a sentence. `console` does not fit; pino does. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const silent = () => {}

/** The default: a library prints nothing unless it was asked to. */
export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

/** The host's logger, such that it cannot throw into what we are doing. */
export function guardedLogger(logger: Logger): Logger {
  return {
    debug: (fields, message) => callHost(() => logger.debug(fields, message)),
    info: (fields, message) => callHost(() => logger.info(fields, message)),
    warn: (fields, message) => callHost(() => logger.warn(fields, message)),
    error: (fields, message) => callHost(() => logger.error(fields, message)),
  }
}
