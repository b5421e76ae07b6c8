import { configFaultsOf } from '../config/config-fault.js'

/** What the flags of a command can do about an error, by its code. */
export type Hints = Readonly<Record<string, string>>

/** What went wrong as a person reads it at a terminal: a line for each fault of a config, and one for any other error. */
export function errorText(error: unknown, hints: Hints = {}): string {
  const { message, code } = error as { message: string; code?: string }
  const faults: readonly Said[] = configFaultsOf(error)
  return (faults.length > 0 ? faults : [{ message, code }]).map((each) => lineOf(each, hints)).join('')
}

/** The same in one sentence, for a log that has the code elsewhere. */
export function errorSentence(error: Error, hints: Hints = {}): string {
  const { code } = error as { code?: string }
  const faults: readonly Said[] = configFaultsOf(error)
  return withHint(error.message, faults.length === 1 ? faults[0]!.code : code, hints)
}

interface Said {
  readonly message: string
  readonly code?: string | undefined
}

function lineOf({ message, code }: Said, hints: Hints): string {
  const codeText = code === undefined || message.includes(code) ? '' : ` (${code})`
  return `error: ${withHint(message, code, hints)}${codeText}\n`
}

function withHint(message: string, code: string | undefined, hints: Hints): string {
  const hint = code === undefined ? undefined : hints[code]
  return hint === undefined ? message : `${message}; ${hint}`
}
