import type { Logger as Pino } from 'pino'
import type { ContainerDnsError } from '../errors.js'

/** A person at a terminal gets a sentence; a log gets a line that programs can read. What failed on purpose needs no stack. */
export function sayWhy(error: Error, what: string, logger: Pino): void {
  const { code } = error as Partial<ContainerDnsError>
  if (process.stderr.isTTY) process.stderr.write(`error: ${error.message}${code === undefined ? '' : ` (${code})`}\n`)
  else if (code?.startsWith('CDNS_')) logger.fatal({ code }, `${what}: ${error.message}`)
  else logger.fatal({ err: error }, `${what}: ${error.message}`)
}
