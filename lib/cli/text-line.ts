import type { LoggedError } from './logged-error.js'

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}
/** What every line has, and people know. */
const LEFT_OUT: readonly string[] = ['level', 'time', 'msg', 'name', 'pid', 'hostname']

/** A line of JSON of the log as people read it: `2026-11-23T11:14:58.123Z info  answering names=3`, and a stack below where there is one. */
export function textLine(json: string): string {
  const { time, level, msg, ...rest } = JSON.parse(json) as Record<string, unknown>
  const fields = Object.entries(rest).filter(([key]) => !LEFT_OUT.includes(key))
  const head = `${new Date(time as number).toISOString()} ${(LEVELS[level as number] ?? String(level)).padEnd(5)} ${msg}`
  const words = fields.filter(([key]) => key !== 'err').map(([key, value]) => `${key}=${valueText(value)}`)
  const { err } = rest as { err?: Partial<LoggedError> }
  const below = err === undefined ? [] : linesOf(err, String(msg))
  return [[head, ...words].join(' '), ...below.map((line) => `    ${line.trim()}`)]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

/** The stack where there is one, or else what the line has not said yet. */
function linesOf({ stack, message = '', code, cause }: Partial<LoggedError>, said: string): string[] {
  if (stack !== undefined) return stack.split('\n').filter((line) => line !== '')
  return [
    ...(said.includes(message) ? [] : [`${code === undefined ? '' : `${code}: `}${message}`]),
    ...(cause === undefined ? [] : [`cause: ${cause}`]),
  ]
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@%+-]+$/.test(value)) return value
  return JSON.stringify(value)
}

/** What is logged may come from anybody, and must not tell a terminal what to do. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
