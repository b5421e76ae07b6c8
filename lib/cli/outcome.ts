import { FlagFault } from '../config/config-fault.js'

/** How a command ends, as its exit code. docs/cli.md has the same. */
export const EXIT = Object.freeze({
  /** What was asked for is done, or so. */
  done: 0,
  /** It could not be done: the server refuses it, there is no such thing, a config has faults, nobody answers. */
  failed: 1,
  /** The command line itself is wrong, and nothing was tried. */
  usage: 2,
} as const)

/** Ends a command with `EXIT.failed` and a sentence. `code` is that of the API's problem. */
export class CommandFailure extends Error {
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/** Ends a command with `EXIT.usage`. */
export class UsageError extends Error {}

/** How a command ends that has thrown this. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError || error instanceof FlagFault ? EXIT.usage : EXIT.failed
}

/** The same where the options are those of the command line, unless a file says some. */
export function exitCodeOfOptions(error: unknown, hasFile: boolean): number {
  const { code } = error as { code?: unknown }
  const isOption = code === 'CDNS_OPTION_INVALID' || code === 'CDNS_OPTION_UNKNOWN'
  return isOption && !hasFile ? EXIT.usage : exitCodeOf(error)
}

/** Writes all there is to say at once: a command that fails in the middle has written nothing. */
export function write(text: string): void {
  process.stdout.write(text)
}

/** One line of JSON, for programs. */
export function writeJson(value: unknown): void {
  write(`${JSON.stringify(value)}\n`)
}
