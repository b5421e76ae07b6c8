import type { ContainerDnsError } from '../errors.js'
import { errorSentence, errorText, type Hints } from './error-text.js'
import type { Log } from './logger.js'

/**
 * Says why a command that was to run has ended: as every command does, on standard error, and in the log as a line that programs can read. A
 * person at a terminal, where the log goes too, gets the first of them alone. What failed on purpose needs no stack.
 */
export function sayWhy(error: Error, what: string, { logger, isFile }: Log, hints: Hints = {}): void {
  process.stderr.write(errorText(error, hints))
  if (process.stderr.isTTY && !isFile) return
  const { code } = error as Partial<ContainerDnsError>
  const message = `${what}: ${errorSentence(error, hints)}`
  if (code?.startsWith('CDNS_')) logger.fatal({ code }, message)
  else logger.fatal({ err: error }, message)
}
