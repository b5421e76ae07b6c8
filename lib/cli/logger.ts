import { type Logger, pino } from 'pino'
import type { LogConfig } from '../config/log-config.js'
import { LogFile } from './log-file.js'
import { loggedError } from './logged-error.js'
import { textLine } from './text-line.js'

/** A log that can be told that somebody has moved its file. */
export interface Log {
  readonly logger: Logger
  /** Or else it goes to standard error. */
  readonly isFile: boolean
  reopen(): void
}

/** The log of a command that runs. Throws a CommandFailure where its file cannot be opened. */
export function openLog({ level, format, file }: LogConfig): Log {
  const destination = file === undefined ? standardError() : LogFile.open(file)
  const write = format === 'text' ? (line: string) => destination.write(textLine(line)) : undefined
  const serializers = { err: (error: unknown): unknown => loggedError(error, logger.isLevelEnabled('debug')) }
  const logger = pino({ name: 'containerdns', level, serializers }, write === undefined ? destination : { write })
  return {
    logger,
    isFile: file !== undefined,
    reopen: () => {
      if (destination instanceof LogFile) destination.reopen()
    },
  }
}

/** A line an event; standard output stays free. */
function standardError() {
  return pino.destination({ dest: 2, sync: true })
}
