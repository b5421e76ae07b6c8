/** How a command ends, as its exit code. docs/cli.md has the same. */
export const EXIT = Object.freeze({
  /** What was asked for is done, or so. */
  done: 0,
  /** It could not be done: the server refuses it, there is no such thing, a config has a fault, nobody answers. */
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

/** Writes all there is to say at once: a command that fails in the middle has written nothing. */
export function write(text: string): void {
  process.stdout.write(text)
}

/** One line of JSON, for programs. */
export function writeJson(value: unknown): void {
  write(`${JSON.stringify(value)}\n`)
}
