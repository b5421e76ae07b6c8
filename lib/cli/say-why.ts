import type { Logger as Pino } from 'pino'
import type { ContainerDnsError } from '../errors.js'

/** What the flags of a command can do about an error, by its code. */
export type Hints = Readonly<Record<string, string>>

/** A person at a terminal gets a sentence; a log gets a line that programs can read. What failed on purpose needs no stack. */
export function sayWhy(error: Error, what: string, logger: Pino, hints: Hints = {}): void {
  const { code } = error as Partial<ContainerDnsError>
  const hint = hintFor(error, hints)
  const message = hint === undefined ? error.message : `${error.message}; ${hint}`
  if (process.stderr.isTTY) process.stderr.write(`error: ${message}${code === undefined ? '' : ` (${code})`}\n`)
  else if (code?.startsWith('CDNS_')) logger.fatal({ code }, `${what}: ${message}`)
  else logger.fatal({ err: error }, `${what}: ${message}`)
}

/** A fault of a config stands for the one that was found in it. */
function hintFor(error: Error, hints: Hints): string | undefined {
  const codes = [error, error.cause].map((each) => (each as Partial<ContainerDnsError> | undefined)?.code)
  return codes.flatMap((code) => (code === undefined ? [] : (hints[code] ?? [])))[0]
}
