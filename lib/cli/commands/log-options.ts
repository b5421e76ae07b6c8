import { type Command, Option } from 'commander'
import type { ConfigFileContent } from '../../config/config.js'
import { LOG_FORMATS, type LogFormat } from '../../config/log-config.js'
import { LOG_LEVELS, type LogLevel } from '../../config/log-levels.js'
import { type Log, openLog } from '../logger.js'

/** Flags of every command that runs by a config. */
export interface LogFlags {
  readonly logLevel?: LogLevel
  readonly logFormat?: LogFormat
  readonly logFile?: string
}

export function withLogOptions(command: Command): Command {
  return command
    .addOption(new Option('--log-level <level>', 'how much to log (default: info)').choices(LOG_LEVELS))
    .addOption(
      new Option('--log-format <format>', 'lines for programs or for people (default: json)').choices(LOG_FORMATS),
    )
    .option('--log-file <file>', 'where to log (default: standard error); SIGHUP opens it anew')
}

/** The log of a command that runs by its flags alone. With a file, SIGHUP opens that anew. Throws a CommandFailure where it cannot be opened. */
export function openLogOf({ logLevel, logFormat, logFile }: LogFlags): Log {
  const file = logFile === undefined ? {} : { file: logFile }
  const log = openLog({ level: logLevel ?? 'info', format: logFormat ?? 'json', ...file })
  if (logFile !== undefined) process.on('SIGHUP', () => log.reopen())
  return log
}

/** The key `log` of a config, as far as flags say it. */
export function logOf({ logLevel, logFormat, logFile }: LogFlags): ConfigFileContent['log'] {
  const given = { level: logLevel, format: logFormat, file: logFile }
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return said.length === 0 ? undefined : Object.fromEntries(said)
}
