/** What a log says of an error, under pino's keys. */
export interface LoggedError {
  readonly type: string
  readonly code?: string | number
  readonly message: string
  /** Messages of what led to it, the nearest first. */
  readonly cause?: string
  readonly stack?: string
  readonly [detail: string]: unknown
}

/** What is wrong in a program, and no operator can mend without knowing where. */
const FAULTS_OF_PROGRAMS: readonly string[] = ['TypeError', 'ReferenceError', 'AssertionError']

/**
 * An error for the log. Most of them are somebody's mistakes, and have a code: those need words and no stack, unless `withStack` asks for it.
 * A stack is there where the error, or what led to it, is a program's.
 */
export function loggedError(error: unknown, withStack: boolean): unknown {
  if (!(error instanceof Error)) return error
  const chain = [...chainOf(error)]
  const { code, details } = error as { code?: string | number; details?: unknown }
  const isProgram = code === undefined || chain.some(({ name }) => FAULTS_OF_PROGRAMS.includes(name))
  const cause = causesOf(chain)
  return {
    ...(isSection(details) && details),
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(cause === '' ? {} : { cause }),
    ...(withStack || isProgram ? { stack: chain.map(({ stack }) => stack).join('\ncaused by: ') } : {}),
  } satisfies LoggedError
}

/** An error may lead to itself. */
function* chainOf(error: Error): Generator<Error> {
  const seen = new Set<unknown>()
  for (let each: unknown = error; each instanceof Error && !seen.has(each); each = each.cause) {
    seen.add(each)
    yield each
  }
}

/** Each message says that of its cause, as a rule; what has been said is left out. */
function causesOf([error, ...causes]: readonly Error[]): string {
  let said = error!.message
  const words: string[] = []
  for (const { message } of causes) {
    if (message === '' || said.includes(message)) continue
    said += message
    words.push(message)
  }
  return words.join(': ')
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
